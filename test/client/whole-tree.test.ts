import { expect, test } from 'vitest';
import { MarshallingError, NoNodeError, NotEmptyError } from '../../src/base/errors.ts';
import { changeTree, deleteTree } from '../../src/client/whole-tree.ts';

async function* tree(...paths: string[]): AsyncIterable<string> {
  yield* paths;
}

test('whoever is deeper goes first, so that one round does for any depth', async () => {
  const left = ['/a', '/a/b', '/a/b/c', '/a/b/c/d', '/a/b/c/d/e', '/a/b/c/d/e/f', '/a/b/c/d/e/f/g'];
  let rounds = 0;
  const deleting = deleteTree(
    () => (rounds++, tree(...left)),
    (path) => (path === left.at(-1) ? Promise.resolve(left.pop()) : Promise.reject(new NotEmptyError('not empty'))),
  );
  expect(await deleting).toBe(true);
  expect([left, rounds]).toEqual([[], 1]);
});

test('of a tree that is changed, the root tells what it gave, and each but who has gone what went wrong', async () => {
  const refused = new MarshallingError('refused');
  const changing = (failures: Record<string, Error>): Promise<string> =>
    changeTree(
      () => tree('/a', '/a/1', '/a/2'),
      '/a',
      (path) => (path in failures ? Promise.reject(failures[path]!) : Promise.resolve(path)),
    );
  expect(await changing({ '/a/1': new NoNodeError('gone') })).toBe('/a');
  await expect(changing({ '/a/1': new NoNodeError('gone'), '/a/2': refused })).rejects.toBe(refused);
  await expect(changing({ '/a/2': refused })).rejects.toBe(refused);
  const gone = new NoNodeError('gone');
  await expect(changing({ '/a': gone, '/a/2': refused })).rejects.toBe(gone);
});

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
