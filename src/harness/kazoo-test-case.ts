import type { KazooClientOptions } from '../client/options.ts';
import { KazooTestHarness } from './kazoo-test-harness.ts';

/**
 * A harness with `setUp` and `tearDown` for a test runner's hooks (Kazoo's `KazooTestCase`).
 *
 * @example
 * const kazoo = new KazooTestCase();
 * beforeEach(() => kazoo.setUp());
 * afterEach(() => kazoo.tearDown());
 */
export class KazooTestCase extends KazooTestHarness {
  setUp(options?: KazooClientOptions): Promise<void> {
    return this.setupZookeeper(options);
  }

  tearDown(): Promise<void> {
    return this.teardownZookeeper();
  }
}
