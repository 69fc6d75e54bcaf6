import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import debug from 'debug';
import { build } from 'esbuild';
import { afterEach, expect, test, vi } from 'vitest';
import { debugLogger } from '../../src/base/logger.ts';

afterEach(() => {
  debug.disable();
  vi.restoreAllMocks();
});

test('lines come in the order they were written, those from before debug was loaded too', async () => {
  const lines: string[] = [];
  vi.spyOn(debug, 'log').mockImplementation((line: string) => void lines.push(line));
  debug.enable('kazoo:*');
  const [one, other] = [debugLogger('one'), debugLogger('other')];
  one.debug('1');
  other.info('2');
  one.warn('3');
  await vi.waitFor(() => expect(lines).toHaveLength(3));
  other.error('4');
  expect(lines.map((line) => /kazoo:\w+.*?(?<told>(?:debug|info|warn|error) \d)/.exec(line)?.groups?.['told'])).toEqual([
    'debug 1',
    'info 2',
    'warn 3',
    'error 4',
  ]);
});

test('an area that is not enabled stays silent', async () => {
  const log = vi.spyOn(debug, 'log').mockImplementation(() => undefined);
  debug.enable('kazoo:loud');
  debugLogger('silent').error('nobody hears this');
  debugLogger('loud').error('somebody does');
  await vi.waitFor(() => expect(log).toHaveBeenCalledOnce());
});

test('a bundle that cannot run debug, which is CommonJS, lives on without a log, and says so where one is asked for', async () => {
  const { outputFiles } = await build({
    entryPoints: [fileURLToPath(new URL('../../src/base/logger.ts', import.meta.url))],
    bundle: true,
    format: 'esm',
    platform: 'node',
    write: false,
  });
  const program = `const { debugLogger } = await import('data:text/javascript,${encodeURIComponent(outputFiles[0]!.text).replaceAll("'", '%27')}');
    debugLogger('area').info('line');
    setTimeout(() => console.log('alive'), 10);`;
  const run = (env: NodeJS.ProcessEnv) =>
    promisify(execFile)(process.execPath, ['--input-type=module', '-e', program], { env: { ...process.env, ...env } });
  expect(await run({ DEBUG: undefined })).toEqual({ stdout: 'alive\n', stderr: '' });
  const asked = await run({ DEBUG: 'kazoo:*' });
  expect(asked).toEqual({
    stdout: 'alive\n',
    stderr: expect.stringMatching(/Warning: nothing is logged, as the "debug" package failed to load: .*require of "tty"/),
  });
});
