import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { KazooClient } from '../../src/index.ts';
import { ManagedZooKeeper } from '../../src/testing.ts';
import { blocksOf, filesBelow, pages, root, tsdocExamplesOf, type Example } from './code-blocks.ts';
import { checkSyntax, runExample } from './stage.ts';

/** Examples in doc comments that never end by themselves, or need what is not here. */
const UNRUNNABLE: Readonly<Record<string, string>> = {
  'src/recipe/double-barrier.ts': 'it waits for two other processes',
  'src/recipe/patient-children-watch.ts': 'it waits for children to change',
  'src/recipe/set-partitioner.ts': 'it goes on for as long as the program runs',
  'src/recipe/watch-iterators.ts': 'it goes on until the signal aborts',
  'src/harness/kazoo-test-case.ts': 'hooks of a test runner',
};

/** The nodes that doc comments take for granted. */
async function furnish(client: KazooClient): Promise<void> {
  await client.create('/config', 'version 0');
  for (let version = 1; version <= 3; version++) await client.set('/config', `version ${version}`);
  await client.ensurePath('/log');
}

const { available } = await ManagedZooKeeper.available();
const needsJava = ({ code }: Example): boolean => /\b(ManagedZooKeeper|ZooKeeperCluster)\b|server: 'real'/.test(code);

/** An example may use what its own file exports. */
async function runInFile(file: string, code: string): Promise<void> {
  const names = (await import(join(root, file))) as Record<string, unknown>;
  await runExample(code, { furnish, names });
}

describe('the code in README and docs runs', () => {
  for (const example of pages().flatMap(blocksOf)) {
    const { place, code, unrunnable } = example;
    if (unrunnable === null) test.skipIf(needsJava(example) && !available)(place, () => runExample(code));
    else {
      test(`${place} (read only: ${unrunnable})`, () => {
        expect(unrunnable, 'the reason why it cannot run').not.toBe('');
        checkSyntax(code);
      });
    }
  }
});

describe('the examples in doc comments run', () => {
  for (const file of filesBelow('src', '.ts')) {
    for (const example of tsdocExamplesOf(file)) {
      const reason = UNRUNNABLE[file];
      if (reason === undefined) test.skipIf(needsJava(example) && !available)(example.place, () => runInFile(file, example.code));
      else test(`${example.place} (read only: ${reason})`, () => checkSyntax(example.code));
    }
  }
});
