import { expect, test } from 'vitest';
import { failInTurn, giveInTurn } from '../../src/session/answer.ts';

/** Promises that were settled in a row, some with a result and some with an error, and the order in which their owners heard. */
async function heard(outcomes: readonly (number | Error)[]): Promise<unknown[]> {
  const order: unknown[] = [];
  const note = (answer: unknown): void => void order.push(answer);
  const settles: ((answer: unknown) => void)[] = [];
  const promises = outcomes.map(() => new Promise((resolve) => settles.push(resolve)).then(note, note));
  outcomes.forEach((outcome, index) => settle(settles[index]!, outcome));
  await Promise.all(promises);
  return order;
}

function settle(resolve: (answer: unknown) => void, outcome: number | Error): void {
  if (outcome instanceof Error) failInTurn(resolve, () => outcome);
  else giveInTurn(resolve, (result) => result, outcome);
}

test('owners hear in the order of settling, wherever errors stand', async () => {
  const error = new Error('no');
  for (const outcomes of [
    [1, 2],
    [error, 1],
    [1, error, 2, 3, error, error, 4],
    [error, error],
  ]) {
    expect(await heard(outcomes)).toEqual(outcomes);
  }
});

test('what is settled in the turns an error takes does not pass it; afterwards a result is given at once', async () => {
  const order: unknown[] = [];
  const settled = (name: string, outcome: number | Error): Promise<unknown> =>
    new Promise((resolve) => settle(resolve, outcome)).then(
      () => order.push(name),
      () => order.push(name),
    );
  const first = settled('error', new Error('no'));
  const later: Promise<unknown>[] = [];
  for (let turn = 1; turn <= 4; turn++) {
    await Promise.resolve();
    later.push(settled(`turn ${turn}`, turn));
  }
  await Promise.all([first, ...later]);
  expect(order).toEqual(['error', 'turn 1', 'turn 2', 'turn 3', 'turn 4']);
  const now = settled('now', 5);
  await Promise.resolve();
  expect(order.at(-1)).toBe('now');
  await now;
});

test('a result that cannot be made is a rejection, not a promise that hangs', async () => {
  const make = (): never => {
    throw new TypeError('no result');
  };
  const broken = new Promise((resolve) => giveInTurn(resolve, make, undefined));
  await expect(broken).rejects.toThrow(new TypeError('no result'));
});
