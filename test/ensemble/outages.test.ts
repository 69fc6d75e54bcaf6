import { onTestFinished, test } from 'vitest';
import { EmbeddedZooKeeper } from '../../src/server/embedded-zookeeper.ts';
import { WaitingLine } from './waiting-line.ts';

/** `KAZOO_SOAK=600`, or any other number, makes it a hundred. */
const ROUNDS = process.env['KAZOO_SOAK'] === undefined ? 20 : 100;
const SESSION = 1_500;

test(
  `those who wait for a lock or an election get it within twice the session timeout after a restart of the server, ${ROUNDS} times of ${ROUNDS}`,
  async () => {
    const server = await EmbeddedZooKeeper.start({ tickTime: 200 });
    onTestFinished(() => server.close());
    const line = await WaitingLine.form(server.connectString, SESSION);
    onTestFinished(() => line[Symbol.asyncDispose]());
    for (let round = 0; round < ROUNDS; round++)
      await line.outlive(round % 2 === 0 ? 'lock' : 'election', `/line-${round}`, () => server.restart());
  },
  ROUNDS * 6_000 + 60_000,
);
