import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { peersFolder } from './peers-folder.ts';

const execute = promisify(execFile);

/**
 * An npm package of another client, installed in the cache the first time, as no dependency of this one; or the sentence to skip with, said
 * loudly. Never rejects.
 */
export async function npmPeer(name: string, version: string): Promise<{ load: () => unknown } | string> {
  const target = join(peersFolder(), `${name}-${version}`);
  try {
    if (!existsSync(target)) await install(`${name}@${version}`, target);
    const require = createRequire(join(target, 'package.json'));
    // In a process of its own first: a native addon for another platform must not take this one with it.
    await execute(process.execPath, ['-e', `require(${JSON.stringify(name)})`], { cwd: target, timeout: 30_000 });
    return { load: () => require(name) as unknown };
  } catch (error) {
    const sentence = `NO ${name} ${version}: ${(error instanceof Error ? error.message : String(error)).split('\n')[0]}`;
    process.stderr.write(`*** ${sentence}; its tests are skipped ***\n`);
    return sentence;
  }
}

/** Beside the target, then renamed: nobody ever sees half of it. */
async function install(what: string, target: string): Promise<void> {
  await mkdir(peersFolder(), { recursive: true });
  const partial = await mkdtemp(join(peersFolder(), '.installing-'));
  try {
    await writeFile(join(partial, 'package.json'), '{ "private": true }\n');
    const npm = process.platform === 'win32' ? 'npm.cmd' : 'npm';
    await execute(npm, ['install', '--no-audit', '--no-fund', '--silent', what], {
      cwd: partial,
      timeout: 240_000,
      maxBuffer: 1 << 26,
    });
    await rename(partial, target);
  } catch (error) {
    await rm(partial, { recursive: true, force: true });
    if (!existsSync(target)) throw error;
  }
}
