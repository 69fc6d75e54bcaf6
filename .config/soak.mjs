// The tests under faults and the fuzz tests, for long:   npm run soak -- 3600     (seconds for each that is limited by time; default 600)
// Besides: KAZOO_SOAK_FRAMES (mutated frames, default a million), KAZOO_SOAK_ACQUISITIONS, KAZOO_SOAK_ABORTS, and KAZOO_SEED to repeat a run's choices.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const [seconds = '600'] = process.argv.slice(2);
if (!/^\d+$/.test(seconds)) {
  console.error(`expected a number of seconds, not "${seconds}"`);
  process.exit(2);
}
const root = fileURLToPath(new URL('..', import.meta.url));
const vitest = ['node_modules/vitest/vitest.mjs', 'run', '--config', '.config/vitest.config.ts', '--testTimeout', '86400000'];
const { status } = spawnSync(process.execPath, [...vitest, 'test/ensemble', 'test/fuzz', 'test/recipe/abort-stress.test.ts'], {
  cwd: root,
  stdio: 'inherit',
  env: { KAZOO_SOAK_FRAMES: '1000000', KAZOO_SOAK_ABORTS: '10000', ...process.env, KAZOO_SOAK: seconds },
});
process.exit(status ?? 1);
