import { once } from 'node:events';
import { createServer } from 'node:net';
import { expect, test } from 'vitest';
import { freePorts } from '../../src/harness/free-ports.ts';

test('ports are different, below those systems give out, and free', async () => {
  const ports = await freePorts(5);
  expect(new Set(ports).size).toBe(5);
  expect(Math.min(...ports)).toBeGreaterThanOrEqual(11_000);
  expect(Math.max(...ports)).toBeLessThan(32_000);
  const server = createServer().listen(ports[0], '127.0.0.1');
  await once(server, 'listening');
  server.close();
});

test('none is given twice, whoever asks, while the first has yet to use it', async () => {
  const ports = (await Promise.all(Array.from({ length: 200 }, () => freePorts(5)))).flat();
  expect(new Set(ports).size).toBe(1000);
});

test('a host with none is told of', async () => {
  await expect(freePorts(1, '192.0.2.1')).rejects.toThrow(/found only 0 of 1 free ports on 192\.0\.2\.1/);
});
