// What the package costs before it does anything: its import and its size.
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { median } from '../measure.mjs';
import { atMost, markdownTable } from '../report.mjs';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
const ENTRY = new URL('../../../dist/index.js', import.meta.url).href;

export function packageCost(context) {
  context.progress('import and packed size');
  const rounds = context.settings.rounds * 4;
  const extra = Array.from({ length: rounds }, () => {
    const bare = start('');
    return start(`import ${JSON.stringify(ENTRY)}`) - bare;
  });
  const [{ size }] = JSON.parse(
    execFileSync('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], {
      cwd: ROOT,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    }),
  );
  const targets = [
    atMost("6. import of the package, on top of bare Node's start", median(extra), 30, (x) => `${x.toFixed(1)} ms`),
    atMost('6. packed size', size / 1000, 150, (x) => `${x.toFixed(0)} kB`),
  ];
  return {
    markdown: [
      '## The package',
      markdownTable(
        ['', 'measured'],
        targets.map((t) => [t.what.slice(3), t.shown]),
      ),
    ].join('\n\n'),
    targets,
  };
}

function start(script) {
  const began = performance.now();
  // With `process.exit`, so that what the import left running is not counted as its cost.
  execFileSync(process.execPath, ['--input-type=module', '-e', `${script};process.exit(0)`]);
  return performance.now() - began;
}
