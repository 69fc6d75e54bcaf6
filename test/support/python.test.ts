import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { pythonKazoo } from './python.ts';

const ECHO = `import json, sys
import kazoo.version
print(json.dumps([kazoo.version.__version__, sys.argv[1:]]))
for line in sys.stdin:
    print(json.dumps({"heard": json.loads(line)}))
`;

test('Python Kazoo is there, once for all who ask, and talks in lines of JSON', async ({ skip }) => {
  const [kazoo, again] = await Promise.all([pythonKazoo(), pythonKazoo()]);
  expect(again).toBe(kazoo);
  if (typeof kazoo === 'string') return skip(kazoo);
  const folder = await mkdtemp(join(tmpdir(), 'kazoo-python-'));
  const script = join(folder, 'echo.py');
  await writeFile(script, ECHO);
  expect(await kazoo.run(script, ['a', 'b'], [1, { x: 'é' }])).toEqual([
    ['2.11.0', ['a', 'b']],
    { heard: 1 },
    { heard: { x: 'é' } },
  ]);
  await using talk = kazoo.start(script);
  expect(await talk.receive()).toEqual(['2.11.0', []]);
  expect(await talk.ask('hello')).toEqual({ heard: 'hello' });
  expect(await talk.end()).toEqual([]);
  await writeFile(script, 'import sys; sys.exit("cannot")');
  await expect(kazoo.run(script)).rejects.toThrow(/exit code 1.*cannot/s);
  await expect(kazoo.start(script).receive()).rejects.toThrow(/cannot/);
  await rm(folder, { recursive: true });
});
