import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { digestId } from '../conformance/wire.ts';
import { Dice } from '../ensemble/lock-model.ts';
import { EmbeddedZooKeeper } from '../../src/server/embedded-zookeeper.ts';
import { startRealZooKeeper, whyNoRealZooKeeper } from '../support/real-zookeeper.ts';
import { ProgramRun } from './program-run.ts';
import { ProgramWriter, SUPER } from './request-programs.ts';

const VERSION = '3.9.5';
const LENGTH = 60;
const SEEDS = Array.from({ length: 40 }, (_, index) => index + 1);
/** So long that no container is looked at meanwhile. */
const NEVER = 2 ** 30;
const superDigest = digestId(SUPER);
const common = { superDigest, tickTime: 2_000 };

describe.skipIf((await whyNoRealZooKeeper({ version: VERSION })) !== null)(
  `a random program of ${LENGTH} requests is answered by the embedded server as by a real one`,
  () => {
    const ports: number[] = [];
    const closing: (() => Promise<unknown>)[] = [];

    beforeAll(async () => {
      const real = await startRealZooKeeper({
        ...common,
        version: VERSION,
        systemProperties: { 'znode.container.checkIntervalMs': NEVER },
        configuration: { extendedTypesEnabled: true, enforceQuota: true },
      });
      if (typeof real === 'string') throw new Error(real);
      closing.push(() => real.destroy());
      const embedded = await EmbeddedZooKeeper.start({
        ...common,
        version: VERSION,
        enforceQuota: true,
        containerCheckIntervalMs: NEVER,
      });
      closing.push(() => embedded.close());
      ports.push(real.clientPort, embedded.port);
    });
    afterAll(() => Promise.all(closing.map((close) => close())));

    test.each(SEEDS)('with seed %i', async (seed) => {
      const writer = new ProgramWriter(`seed-${seed}`, new Dice(seed), seed % 2 === 1);
      const steps = writer.write(LENGTH);
      const [wanted, got] = await Promise.all(ports.map((port) => new ProgramRun(port).run(steps, writer.root)));
      for (const [index, moment] of wanted!.entries())
        expect(got![index], `seed ${seed}, step ${index}, by the embedded server`).toEqual(moment);
    });
  },
);
