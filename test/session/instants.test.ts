import { describe, expect, onTestFinished, test } from 'vitest';
import type { KazooClientOptions } from '../../src/client/options.ts';
import { rejection } from '../support/waiting.ts';
import { eventFrame, flush, Rig } from './rig.ts';
import { framed, Op, replyFrame } from '../support/fake-server.ts';

const T = 9_000;
/** Before the limit, so that a timer that is late is still in time. */
const EARLY = 20;

async function connected(options: KazooClientOptions = {}): Promise<Rig> {
  const rig = rigged(T, options);
  await rig.start();
  return rig;
}

function rigged(timeout: number, options: KazooClientOptions = {}): Rig {
  const rig = new Rig(timeout, options);
  onTestFinished(() => rig.stop());
  return rig;
}

/** Of two thirds of a session: the next pause after it is not as long as all that went before. Gives when it began. */
async function outage(rig: Rig): Promise<number> {
  const dropped = rig.clock.now();
  rig.setAll('refuses', 'a');
  rig.peer.hangUp();
  await rig.clock.advance((2 * T) / 3);
  rig.setAll('answers', 'a');
  await rig.clock.advance(1_000);
  return dropped;
}

describe('a connection that has gone silent', () => {
  test('is dropped two thirds of the session timeout after the last byte, and the session presumed lost after four thirds (pain-points 1, 3)', async () => {
    const rig = await connected();
    await rig.clock.advance(1_234);
    rig.peer.event(3, '/nobody');
    rig.setAll('silent', 'a');
    await rig.clock.advance(2 * T);
    const last = 1_234;
    expect(rig.states).toEqual([
      { state: 'CONNECTED', at: 0 },
      { state: 'SUSPENDED', at: last + (2 * T) / 3 - EARLY },
      { state: 'LOST', at: last + (4 * T) / 3 - EARLY },
    ]);
    expect(rig.client.stateCause).toMatchObject({ code: 'presumed' });
  });

  test('is dropped as soon while the client never stops sending (Kazoo D-1)', async () => {
    const rig = await connected();
    rig.setAll('silent', 'a');
    const calls: Promise<Error>[] = [];
    for (let at = 0; at < T && rig.client.state === 'CONNECTED'; at += 100) {
      calls.push(rejection(rig.client.exists('/')));
      await rig.clock.advance(100);
    }
    expect(rig.states[1]).toEqual({ state: 'SUSPENDED', at: (2 * T) / 3 - EARLY });
    expect(new Set((await Promise.all(calls)).map(({ name }) => name))).toEqual(new Set(['ConnectionLoss']));
  });

  test('takes the session timeout that was negotiated, not the one asked for', async () => {
    const rig = rigged(T);
    rig.timeout = 3_000;
    await rig.start();
    rig.setAll('silent', 'a');
    await rig.clock.advance(T);
    expect(rig.states.slice(1).map(({ at }) => at)).toEqual([2_000 - EARLY, 4_000 - EARLY]);
  });

  test('has the session saved although the only server left the first attempt after it without an answer, as a starting one may', async () => {
    const rig = await connected();
    rig.setAll('silent', 'a');
    rig.peer.hangUp();
    await rig.clock.settle();
    rig.setAll('answers', 'a');
    await rig.clock.advance(T - 1);
    expect(rig.states.map(({ state }) => state)).toEqual(['CONNECTED', 'SUSPENDED', 'CONNECTED']);
    expect(rig.sessions).toBe(1n);
  });

  test('fails a credential that waits for a connection with the session, as it does other calls; it is presented in the next session', async () => {
    const rig = await connected();
    rig.setAll('refuses', 'a');
    rig.peer.hangUp();
    await rig.clock.settle();
    const added = rejection(rig.client.addAuth('digest', 'user:password'));
    const call = rejection(rig.client.exists('/'));
    await rig.clock.advance((4 * T) / 3);
    expect((await call).name).toBe('SessionExpiredError');
    expect((await added).name).toBe('SessionExpiredError');
    rig.setAll('answers', 'a');
    await rig.clock.advance(T);
    expect(rig.happened.filter(({ what, detail }) => what === 'request' && detail === Op.auth)).toHaveLength(1);
    expect(rig.client.connected).toBe(true);
  });

  test('is not presumed lost when a server confirms the session in the last moment', async () => {
    const rig = await connected();
    rig.setAll('refuses', 'a');
    rig.peer.hangUp();
    await rig.clock.advance((4 * T) / 3 - EARLY - 1_001);
    rig.setAll('answers', 'a');
    await rig.clock.advance(1_000);
    expect(rig.states.map(({ state }) => state)).toEqual(['CONNECTED', 'SUSPENDED', 'CONNECTED']);
    expect(rig.happened.filter(({ what }) => what === 'connect').map(({ detail }) => detail)).toEqual([0n, 1n]);
    await rig.clock.advance(3 * T);
    expect(rig.states).toHaveLength(3);
  });

  test('that was presumed lost is not asked for again, and an attempt to resume it is broken off', async () => {
    const rig = await connected();
    rig.setAll('silent', 'a');
    await rig.clock.advance((4 * T) / 3 - EARLY - 1);
    // A server that has taken the question, and would answer too late.
    const late = rig.peer;
    expect(late.closed).toBe(false);
    rig.setAll('answers', 'a');
    await rig.clock.advance(1);
    expect(late.closed).toBe(true);
    late.confirm(T, 1n);
    // Nor does the new session wait for a pause.
    expect(rig.states.slice(2)).toEqual(['LOST', 'CONNECTED'].map((state) => ({ state, at: (4 * T) / 3 - EARLY })));
    expect(rig.client.clientId!.sessionId).toBe(2n);
  });

  test('is LOST at once where a server says that the session has expired, as confirmed', async () => {
    const rig = await connected();
    rig.expired = true;
    const causes: unknown[] = [];
    rig.client.on('lost', () => causes.push((rig.client.stateCause as { code?: string }).code));
    rig.peer.hangUp();
    await rig.clock.advance(200);
    expect(rig.states.map(({ state }) => state)).toEqual(['CONNECTED', 'SUSPENDED', 'LOST', 'CONNECTED']);
    expect(causes).toEqual(['expired']);
  });
});

describe('pings', () => {
  test('go out a third of the session timeout after the last request, for ever', async () => {
    const rig = await connected();
    await rig.clock.advance(4 * T);
    const pings = rig.times('ping');
    expect(pings.slice(0, 4)).toEqual([T / 3, (2 * T) / 3, T, (4 * T) / 3]);
    expect(pings).toHaveLength(12);
    expect(rig.states).toHaveLength(1);
  });

  test('go out as soon while the server never stops talking (pain-points 13)', async () => {
    const rig = await connected();
    for (let at = 0; at < 2 * T; at += 10) {
      rig.peer.event(3, '/nobody');
      await rig.clock.advance(10);
    }
    const pings = rig.times('ping');
    expect(pings.slice(0, 3)).toEqual([T / 3, (2 * T) / 3, T]);
  });

  test('are not needed, but for the answers, while requests go out', async () => {
    const rig = await connected();
    for (let at = 0; at < 2 * T; at += 1_000) {
      await Promise.all([rig.client.exists('/'), rig.clock.advance(1_000)]);
    }
    expect(rig.times('ping')).toEqual([]);
  });
});

describe('finding a server', () => {
  test('gives each address its share of the session timeout, in order, then pauses (Kazoo D-12)', async () => {
    const rig = rigged(T, { hosts: 'a:1,b:1,c:1' });
    rig.setAll('silent', 'a', 'b', 'c');
    const starting = rejection(rig.client.start({ timeout: Infinity }));
    await rig.clock.advance(T + 100);
    expect(rig.happened.filter(({ what }) => what === 'dial').map(({ host, at }) => `${host} ${at}`)).toEqual([
      'a 0',
      'b 3000',
      'c 6000',
      'a 9100',
    ]);
    await rig.stop();
    expect((await starting).name).toBe('ConnectionClosedError');
  });

  test('backs off: the pauses double to their limit, and a bare accept does not end that (pain-points 8)', async () => {
    const rig = rigged(T, { hosts: 'a:1' });
    rig.setAll('refuses', 'a');
    const starting = rejection(rig.client.start({ timeout: Infinity }));
    await rig.clock.advance(700);
    rig.setAll('hangs up', 'a');
    await rig.clock.advance(3_000);
    expect(rig.times('dial')).toEqual([0, 100, 300, 700, 1_500, 2_500, 3_500]);
    await rig.stop();
    await starting;
  });

  test('begins with short pauses again once a session has been confirmed', async () => {
    const rig = rigged(T);
    rig.setAll('refuses', 'a');
    const starting = rig.client.start({ timeout: Infinity });
    await rig.clock.advance(2_000);
    rig.setAll('answers', 'a');
    await rig.clock.advance(600);
    await starting;
    const dropped = rig.clock.now();
    rig.setAll('refuses', 'a');
    rig.peer.hangUp();
    await rig.clock.advance(750);
    expect(rig.times('dial', dropped)).toEqual([0, 100, 300, 700]);
  });

  test('pauses by default no longer than a fifth of the session timeout: a server that is back in time finds the session alive', async () => {
    const rig = await connected({ connectionRetry: { maxJitter: 0 } });
    await rig.clock.advance(10);
    const dropped = await outage(rig);
    expect(rig.times('dial', dropped)).toEqual([0, 100, 300, 700, 1_500, 3_100, 4_900, 6_700]);
    expect(rig.states.map(({ state }) => state)).toEqual(['CONNECTED', 'SUSPENDED', 'CONNECTED']);
  });

  test('pauses by what was negotiated where a server gives less than was asked for', async () => {
    const rig = rigged(10 * T, { connectionRetry: { maxJitter: 0 } });
    rig.timeout = T;
    await rig.start();
    const dropped = await outage(rig);
    expect(rig.times('dial', dropped + 1)).toEqual([99, 299, 699, 1_499, 3_099, 4_899, 6_699]);
    expect(rig.client.connected).toBe(true);
  });

  test('jitters each pause, by at most 40 per cent by default', async () => {
    const pauses: number[] = [];
    for (let client = 0; client < 40; client++) {
      const rig = new Rig(T, { connectionRetry: undefined });
      rig.setAll('refuses', 'a');
      const starting = rejection(rig.client.start({ timeout: Infinity }));
      await rig.clock.advance(150);
      pauses.push(rig.times('dial')[1]!);
      await rig.stop();
      await starting;
    }
    for (const pause of pauses) {
      expect(pause).toBeGreaterThanOrEqual(60);
      expect(pause).toBeLessThanOrEqual(140);
    }
    expect(new Set(pauses.map(Math.round)).size).toBeGreaterThan(15);
  });

  test('begins with the others: the server that was lost is dialled last (Kazoo HO-3)', async () => {
    const rig = await connected({ hosts: 'a:1,b:1,c:1' });
    rig.setAll('refuses', 'a', 'b', 'c');
    rig.peer.hangUp();
    await rig.clock.advance(50);
    expect(rig.happened.filter(({ what }) => what === 'dial').map(({ host }) => host)).toEqual(['a', 'b', 'c', 'a']);
  });
});

describe('a blocked event loop (pain-points 14)', () => {
  /** A watch has fired, a lock may have gone to another: all of it came while nobody looked. */
  async function blocked(rig: Rig, order: string[]): Promise<{ pending: Promise<unknown> }> {
    await rig.client.exists('/watched', { watch: ({ type }) => void order.push(`watch ${type}`) });
    rig.client.on('state', (state) => void order.push(`${state} ${(rig.client.stateCause as { code?: string } | null)?.code}`));
    rig.setAll('silent', 'a');
    const pending = rig.client.get('/').then(
      () => order.push('answered'),
      (error: unknown) => order.push((error as Error).name),
    );
    await flush();
    rig.clock.stall(2 * T);
    return { pending };
  }

  test('of twice the session timeout is found out by the first bytes that are read: neither reply nor event is believed', async () => {
    const rig = await connected();
    const order: string[] = [];
    const { pending } = await blocked(rig, order);
    rig.peer.deliver(eventFrame(1, '/watched'), framed(replyFrame(1)));
    await pending;
    await rig.clock.settle();
    expect(order).toEqual(['ConnectionLoss', 'SUSPENDED event-loop-stall', 'LOST presumed', 'watch NONE']);
  });

  test('of twice the session timeout is found out by the first timer that fires', async () => {
    const rig = await connected();
    const order: string[] = [];
    const { pending } = await blocked(rig, order);
    await rig.clock.settle();
    await pending;
    expect(order).toEqual(['ConnectionLoss', 'SUSPENDED event-loop-stall', 'LOST presumed', 'watch NONE']);
  });

  test('of a little less than the session timeout costs nothing if the server has answered meanwhile', async () => {
    const rig = await connected();
    await rig.clock.advance(T / 3);
    rig.clock.stall(T - 1);
    rig.peer.deliver(framed(replyFrame(-2)));
    await rig.clock.advance(T);
    expect(rig.states.map(({ state }) => state)).toEqual(['CONNECTED']);
  });
});
