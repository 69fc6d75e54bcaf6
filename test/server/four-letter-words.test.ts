import { expect, test } from 'vitest';
import { fourLetterWord } from '../conformance/wire.ts';
import { connect, serve } from './raw-client.ts';

test('every word is answered', async () => {
  const server = await serve();
  const client = await connect(server);
  await client.create('/a', { flags: 1 });
  await client.exists('/a', true);
  const ask = (word: string): Promise<string> => fourLetterWord('127.0.0.1', server.port, word);
  const id = `0x${client.session!.sessionId.toString(16)}`;
  expect(await ask('ruok')).toBe('imok');
  expect(await ask('isro')).toBe('rw');
  expect(await ask('srvr')).toMatch(/^Zookeeper version: 3\.9\.5[^]*\nZxid: 0x2\nMode: standalone\nNode count: 6\n$/);
  expect(await ask('stat')).toMatch(
    /^Zookeeper version: [^]*Clients:\n \/127\.0\.0\.1:\d+\[1\]\(queued=0,recved=2,sent=2\)\n[^]*Mode: standalone/,
  );
  expect(await ask('cons')).toContain(`sid=${id},lop=EXIS`);
  expect(await ask('conf')).toContain(`clientPort=${server.port}\n`);
  expect(await ask('envi')).toMatch(/^Environment:\nzookeeper\.version=3\.9\.5\n/);
  expect(await ask('mntr')).toMatch(/zk_znode_count\t6\n[^]*zk_ephemerals_count\t1\n/);
  expect(await ask('dump')).toContain(`Sessions with Ephemerals (1):\n${id}:\n\t/a\n`);
  expect(await ask('dump')).toMatch(/Session Sets \(1\)\/\(1\):\n1 expire at .*:\n\t0x/);
  expect(await ask('wchs')).toBe('1 connections watching 1 paths\nTotal watches:1\n');
  expect(await ask('wchc')).toBe(`${id}\n\t/a\n\n`);
  expect(await ask('wchp')).toBe(`/a\n\t${id}\n\n`);
  expect(await ask('dirs')).toMatch(/^datadir_size: \d+\nlogdir_size: \d+\n$/);
  expect(await ask('gtmk')).toBe('306');
  expect(await ask('stmk\0\0\0\0\0\0\0\x06')).toBe('6');
  expect(await ask('hash')).toBe('');
  expect(await ask('crst')).toBe('Connection stats reset.\n');
  expect(await ask('srst')).toBe('Server stats reset.\n');
});

test('a word may come in pieces, and with more behind it', async () => {
  const server = await serve();
  expect(await fourLetterWord('127.0.0.1', server.port, 'ruok\n')).toBe('imok');
});

test('a word that is not on the list, or is none', async () => {
  const server = await serve({ whitelist: 'srvr, isro' });
  const ask = (word: string): Promise<string> => fourLetterWord('127.0.0.1', server.port, word);
  expect(await ask('isro')).toBe('rw');
  expect(await ask('ruok')).toBe('ruok is not executed because it is not in the whitelist.\n');
  expect(await ask('xxxx')).toBe('');
});

test('releases before 3.6 print the average latency as a whole number', async () => {
  const server = await serve({ version: '3.5' });
  expect(await fourLetterWord('127.0.0.1', server.port, 'srvr')).toContain('Latency min/avg/max: 0/0/0\n');
});
