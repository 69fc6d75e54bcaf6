import { expect, test } from 'vitest';
import { MarshallingError, NotEmptyError } from '../../src/base/errors.ts';
import { deleteTree } from '../../src/client/whole-tree.ts';

async function* tree(...paths: string[]): AsyncIterable<string> {
  yield* paths;
}

test('a tree to which children are added all the time is given up after a few rounds', async () => {
  let rounds = 0;
  const notEmpty = new NotEmptyError('never empty');
  const deleting = deleteTree(
    () => tree('/a', `/a/${++rounds}`),
    (path) => (path === '/a' ? Promise.reject(notEmpty) : Promise.resolve()),
  );
  await expect(deleting).rejects.toBe(notEmpty);
  expect(rounds).toBe(5);
});

test('what will not pass ends the rounds at once', async () => {
  let rounds = 0;
  const refused = new MarshallingError('refused');
  const deleting = deleteTree(
    () => tree('/a', `/a/${++rounds}`),
    (path) => Promise.reject(path === '/a' ? new NotEmptyError('not empty') : refused),
  );
  await expect(deleting).rejects.toBe(refused);
  expect(rounds).toBe(1);
});
