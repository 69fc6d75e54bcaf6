import { expect } from 'vitest';
import { body, bytes, cat, connectRequest, frame, int, OP, passwordOf } from '../wire.ts';
import type { ConnectOptions, RawConnection, Reply } from '../wire.ts';
import { isAtLeast, pause, probe, repeatedly, sessionOf, since, until } from './trial.ts';
import type { Probe, Trial } from './trial.ts';

const REFUSAL = { protocolVersion: 0, timeout: 0, sessionId: 0n, password: Buffer.alloc(16), readOnly: false };
const LIMIT = 0xfffff;
const SESSION_EXPIRED = -112;

/** The server refuses the session in so many words, then hangs up. */
async function refused(t: Trial, options: ConnectOptions): Promise<void> {
  const connection = await t.dial();
  expect(await connection.handshake(options)).toMatchObject(REFUSAL);
  await connection.ended();
}

const credentials = (connection: RawConnection): { sessionId: bigint; password: Buffer | null } => {
  const { sessionId, password } = sessionOf(connection);
  return { sessionId, password };
};

const negotiated = async (t: Trial, timeout: number): Promise<number> => sessionOf(await t.connect({ timeout })).timeout;

/** The first bytes of a connection are wrong: it is closed without an answer. */
async function hangsUp(t: Trial, first: Buffer): Promise<void> {
  const connection = await t.dial();
  connection.write(first);
  await connection.ended();
  expect(connection.received).toBe(0);
}

/** The opcode costs the connection, not the session. */
async function unimplemented(t: Trial, type: number): Promise<void> {
  const a = await t.connect();
  expect(await a.send(type, body.pathInt('/', -1))).toMatchObject({ err: -6, zxid: -1n });
  await a.ended();
  expect((await (await t.resume(a)).exists('/')).err).toBe(0);
}

export const handshake: readonly Probe[] = [
  probe('H-01', 'a new session', async (t) => {
    const a = await t.connect();
    expect(a.session).toMatchObject({ length: 37, protocolVersion: 0, readOnly: false });
    expect(a.session?.password).toHaveLength(16);
  }),
  probe('H-02', 'a client that knows no readOnly byte gets none', async (t) => {
    const a = await t.connect({ readOnly: 'absent' });
    expect([a.session?.length, a.session?.readOnly]).toEqual([36, undefined]);
  }),
  probe('H-03', 'a normal server is not read-only', async (t) => {
    expect((await t.connect({ readOnly: true })).session?.readOnly).toBe(false);
  }),
  probe('H-04', 'the protocol version is ignored', async (t) => {
    expect((await t.connect({ protocolVersion: 7 })).session?.protocolVersion).toBe(0);
  }),
  probe('H-05', 'timeouts below two ticks', async (t) => {
    for (const timeout of [0, -5, 1, 2 * t.tick - 1]) expect(await negotiated(t, timeout)).toBe(2 * t.tick);
  }),
  probe('H-06', 'timeouts in range', async (t) => {
    for (const timeout of [2 * t.tick, 2 * t.tick + 77, 20 * t.tick]) expect(await negotiated(t, timeout)).toBe(timeout);
  }),
  probe('H-07', 'timeouts above twenty ticks', async (t) => {
    for (const timeout of [20 * t.tick + 1, 100_000_000]) expect(await negotiated(t, timeout)).toBe(20 * t.tick);
  }),
  probe('H-08', 'a new session with any password', async (t) => {
    for (const password of [null, Buffer.alloc(0), Buffer.alloc(3, 1), Buffer.alloc(20, 1)]) {
      expect((await t.connect({ password })).session?.password).toHaveLength(16);
    }
  }),
  probe('H-09', 'a new session takes a zxid', async (t) => {
    const a = await t.connect();
    await t.moves(a, 1, () => t.connect());
  }),
  probe('H-10', 'session ids of a standalone server', async (t) => {
    const [a, b] = [sessionOf(await t.connect()), sessionOf(await t.connect())];
    expect([a.sessionId >> 56n, b.sessionId - a.sessionId]).toEqual([1n, 1n]);
  }),
  probe('H-11', 'the password follows from the id', async (t) => {
    const { sessionId, password } = sessionOf(await t.connect());
    expect(password?.toString('hex')).toBe(passwordOf(sessionId).toString('hex'));
  }),
  probe('H-12', 'a second socket takes the session over', async (t) => {
    const a = await t.connect();
    const before = await t.zxid(a);
    const b = await t.resume(a, { timeout: 3 * t.tick });
    expect(b.session).toMatchObject({ ...credentials(a), timeout: 3 * t.tick });
    await a.ended();
    expect(await t.zxid(b)).toBe(before);
  }),
  probe('H-13', 'ephemerals outlive a reconnect', async (t) => {
    const { a, p } = await t.start();
    await a.create(`${p}/e`, { flags: 1 });
    const b = await t.resume(a);
    expect((await b.exists(`${p}/e`)).stat?.ephemeralOwner).toBe(a.session?.sessionId);
  }),
  probe('H-14', 'watches do not', async (t) => {
    const { a, p } = await t.start();
    await a.exists(`${p}/x`, true);
    const b = await t.resume(a);
    await b.create(`${p}/x`);
    await t.sees(b);
  }),
  probe('H-15', 'a wrong password', async (t) => {
    const { sessionId } = sessionOf(await t.connect());
    await refused(t, { sessionId, password: Buffer.alloc(16, 9) });
  }),
  probe('H-16', 'a wrong password costs the owner its connection, not its session', async (t) => {
    const { a, p } = await t.start();
    await a.create(`${p}/e`, { flags: 1 });
    await refused(t, { sessionId: sessionOf(a).sessionId, password: Buffer.alloc(16, 9) });
    await a.ended();
    const b = await t.resume(a);
    expect((await b.exists(`${p}/e`)).stat?.ephemeralOwner).toBe(a.session?.sessionId);
  }),
  probe('H-17', 'an unknown session', async (t) => {
    const sessionId = 0x0155_5555_5555_5555n;
    await refused(t, { sessionId, password: passwordOf(sessionId) });
  }),
  probe('H-18', 'an empty password', async (t) => {
    await refused(t, { sessionId: sessionOf(await t.connect()).sessionId, password: Buffer.alloc(0) });
  }),
  probe('H-19', 'a closed session', async (t) => {
    const a = await t.connect();
    await a.closeSession();
    t.settle(a);
    await refused(t, credentials(a));
  }),
  probe('H-20', 'a client that has seen as much as the server', async (t) => {
    const a = await t.connect();
    const b = await t.connect({ lastZxidSeen: await t.zxid(a) });
    expect((await b.exists('/')).err).toBe(0);
  }),
  probe('H-21', 'a client that has seen more than the server', async (t) => {
    const a = await t.connect();
    await hangsUp(t, frame(connectRequest({ lastZxidSeen: (await t.zxid(a)) + 1n })));
  }),
  probe('H-22', 'a client that has seen zxid -1', async (t) => {
    expect((await t.connect({ lastZxidSeen: -1n })).session?.timeout).toBeGreaterThan(0);
  }),
  probe('H-23', 'a connect request of four bytes', (t) => hangsUp(t, frame(int(0)))),
  probe('H-24', 'a first length no packet has', async (t) => {
    await hangsUp(t, int(-1));
    await hangsUp(t, int(LIMIT + 1));
  }),
  probe('H-25', 'a first length of the most there may be', async (t) => {
    const a = await t.dial();
    a.write(int(LIMIT));
    await pause(200);
    expect(a.open).toBe(true);
  }),
  probe('H-26', 'a request in one go with the handshake', async (t) => {
    const a = await t.dial();
    const [session, reply] = [a.awaitConnect(), a.expectReply(1, OP.exists)];
    a.write(cat(frame(connectRequest()), frame(cat(int(1), int(OP.exists), body.pathWatch('/', false)))));
    expect((await session)?.timeout).toBeGreaterThan(0);
    expect(await reply).toMatchObject({ xid: 1, err: 0 });
  }),
  probe(
    'H-27',
    'a socket that never says anything',
    async (t) => {
      const since = Date.now();
      const a = await t.dial();
      await a.ended(45_000);
      expect(Date.now() - since).toBeGreaterThan(9_000);
    },
    { waits: true },
  ),
  probe(
    'H-28',
    'one connection more than an address may have',
    async (t) => {
      for (let i = 0; i < 3; i++) await t.connect({ timeout: 2 * t.tick });
      // The server may hang up before the dial is through, which then fails.
      const fourth = await t.dial().catch((error: unknown) => error as NodeJS.ErrnoException);
      if (fourth instanceof Error) expect(fourth.code).toMatch(/^(EPIPE|ECONNRESET)$/);
      else {
        await fourth.ended();
        expect(fourth.received).toBe(0);
        t.silence(fourth);
      }
      for (const connection of t.connections.slice(0, 3)) {
        t.settle(connection);
        connection.destroy();
      }
      await until('room for a connection', () => t.accepts());
    },
    { needs: 'sasl-required' },
  ),
  probe('H-29', 'lengths no request has', async (t) => {
    for (const first of [int(0), frame(int(1)), int(-1), int(LIMIT + 1)]) {
      const a = await t.connect();
      a.write(first);
      await a.ended();
      expect(a.replies).toEqual([]);
    }
  }),
  probe('H-30', 'an idle session expires', async (t) => {
    const b = await t.connect();
    const { a, p } = { a: await t.connect({ timeout: 2 * t.tick }), p: t.p };
    await a.create(p, { flags: 1 });
    const [before, from] = [await t.zxid(b), Date.now()];
    await a.ended();
    expect(Date.now() - from).toBeGreaterThan(2 * t.tick - 100);
    expect((await b.exists(p)).err).toBe(-101);
    expect((await t.zxid(b)) - before).toBe(1n);
    t.settle(a);
  }),
  probe('H-31', 'reconnecting after expiry', async (t) => {
    const a = await t.connect({ timeout: 2 * t.tick });
    await a.ended();
    t.settle(a);
    // The session's end closes whatever connection it has at that moment, which must not be the next one.
    await pause(100);
    await refused(t, credentials(a));
  }),
  probe(
    'H-32',
    'reads keep a session alive',
    async (t) => {
      const a = await t.connect({ timeout: 2 * t.tick });
      t.silence(a);
      await repeatedly(5 * t.tick, 150, () => a.exists('/'));
      expect(a.open).toBe(true);
    },
    { waits: true },
  ),
  probe(
    'H-33',
    'auth packets do not',
    async (t) => {
      const a = await t.connect({ timeout: 2 * t.tick });
      t.silence(a);
      t.settle(a);
      await repeatedly(6 * t.tick, 150, () => a.auth('digest', 'u:p'));
      await a.ended();
      await pause(100);
      const again = await t.dial();
      expect(await again.handshake(credentials(a))).toMatchObject(REFUSAL);
    },
    { waits: true },
  ),
  probe(
    'H-34',
    'a lost socket leaves its ephemerals until expiry',
    async (t) => {
      const { a, p } = await t.start();
      const lost = await t.connect({ timeout: 4 * t.tick });
      await lost.create(`${p}/e`, { flags: 1 });
      lost.destroy();
      t.settle(lost);
      expect((await a.exists(`${p}/e`, true)).err).toBe(0);
      await t.gone(`${p}/e`);
      await t.sees(a, 'D(P/e)');
    },
    { waits: true },
  ),
  probe('H-35', 'closeSession', async (t) => {
    const a = await t.connect();
    const before = await t.zxid(a);
    const reply = await a.closeSession();
    expect(reply).toMatchObject({ err: 0, zxid: before + 1n });
    expect(reply.extra).toBeUndefined();
    await a.ended();
    t.settle(a);
  }),
  probe('H-36', 'requests behind closeSession get no reply', async (t) => {
    const a = await t.connect();
    const [closing, exists] = [a.closeSession(), a.exists('/')];
    expect((await closing).err).toBe(0);
    // A real server may let the request past its first check while it closes, and refuse it then: it is never served.
    expect(['closed', SESSION_EXPIRED]).toContain((await exists).err);
    t.settle(a);
    t.silence(a);
  }),
  probe('H-37', 'a closing session sees its own ephemerals go', async (t) => {
    const { a, p } = await t.start();
    await a.create(`${p}/e`, { flags: 1 });
    await a.exists(`${p}/e`, true);
    await a.children(p, true);
    await a.closeSession();
    await a.ended();
    t.settle(a);
    expect(a.events.map(t.brief)).toEqual(['D(P/e)', 'K(P)']);
    expect(a.log.slice(-4).map((entry) => (entry === 'eof' ? entry : Object.keys(entry)[0]))).toEqual([
      'event',
      'event',
      'reply',
      'eof',
    ]);
  }),
  probe('H-38', 'the ephemerals of a session go with one zxid', async (t) => {
    const { a, p } = await t.start();
    const b = await t.connect();
    t.silence(b);
    for (const name of ['x', 'y', 'z']) await a.create(`${p}/${name}`, { flags: 1 });
    await b.addWatch(p, 1);
    const { zxid } = await a.closeSession();
    t.settle(a);
    expect((await b.exists(p)).stat?.pzxid).toBe(zxid);
    const events = b.events.map(t.brief).sort();
    expect(events).toEqual(['D(P/x)', 'D(P/y)', 'D(P/z)']);
    const expected = t.isAtLeast('3.9.0') ? zxid : -1n;
    expect(b.events.map((event) => event.zxid)).toEqual([expected, expected, expected]);
  }),
  probe('H-39', 'a node that is no longer the session’s survives it', async (t) => {
    const { a: b, p } = await t.start();
    const a = await t.connect();
    await a.create(`${p}/e`, { flags: 1 });
    await b.delete(`${p}/e`);
    await b.create(`${p}/e`);
    await a.closeSession();
    t.settle(a);
    expect((await b.exists(`${p}/e`)).err).toBe(0);
  }),
  probe('H-40', 'another session may delete an ephemeral', async (t) => {
    const { a: b, p } = await t.start();
    const a = await t.connect();
    await a.create(`${p}/e`, { flags: 1 });
    expect((await b.delete(`${p}/e`)).err).toBe(0);
    expect((await a.closeSession()).err).toBe(0);
    t.settle(a);
  }),
  probe('H-41', 'ping', async (t) => {
    const { a, p } = await t.start();
    const { zxid } = await a.set(p, '1');
    const reply = await a.ping();
    expect([reply.xid, reply.err, reply.zxid, reply.extra]).toEqual([-2, 0, zxid, undefined]);
  }),
  probe('H-42', 'ping with another xid', async (t) => {
    const a = await t.connect();
    expect((await a.send(OP.ping, undefined, 5)).xid).toBe(-2);
  }),
  probe('H-43', 'ping with a body', async (t) => {
    const a = await t.connect();
    expect(await a.send(OP.ping, bytes('body'), -2)).toMatchObject({ xid: -2, err: 0 });
  }),
  probe('H-44', 'xids are echoed', async (t) => {
    const a = await t.connect();
    for (const xid of [0, -3, -5, -8, -1000, 2 ** 31 - 1, -(2 ** 31), -4, -2]) {
      expect(await a.send(OP.exists, body.pathWatch('/', false), xid)).toMatchObject({ xid, err: 0 });
    }
  }),
  probe('H-45', 'two requests with one xid', async (t) => {
    const a = await t.connect();
    const both = await Promise.all([1, 2].map(() => a.send(OP.exists, body.pathWatch('/', false), 77)));
    expect(both.map(({ xid }) => xid)).toEqual([77, 77]);
  }),
  probe('H-46', 'pipelined requests are answered in order', async (t) => {
    const { a, p } = await t.start();
    const already = a.replies.length;
    const requests: Promise<Reply>[] = [];
    for (let i = 0; i < 25; i++) requests.push(a.set(p, String(i)), a.get(p));
    requests.push(a.ping());
    await Promise.all(requests);
    expect(a.replies.slice(already).map(({ xid }) => xid)).toEqual([...Array.from({ length: 50 }, (_, i) => i + 2), -2]);
  }),
  probe('H-47', 'reads see the writes before them', async (t) => {
    const a = await t.connect();
    const replies = await Promise.all([a.create(t.p, { data: '1' }), a.get(t.p), a.set(t.p, '2'), a.get(t.p)]);
    expect([replies[1]?.data, replies[3]?.data]).toEqual(['1', '2']);
  }),
  probe('H-48', 'unknown opcodes cost the connection', async (t) => {
    for (const type of [0, 10, 23, 50, 99, 108, -1, -2, -12, 20_001]) await unimplemented(t, type);
  }),
  probe('H-49', 'check alone', (t) => unimplemented(t, OP.check), { skipOn: since('3.9.3', 'check outside a multi is refused') }),
  probe('H-50', 'whoAmI before it existed', (t) => unimplemented(t, OP.whoAmI), {
    skipOn: ({ version }) => (isAtLeast(version, '3.7.0') ? 'this server knows whoAmI' : undefined),
  }),
];

const EMPTY_STAT = { czxid: 0n, mzxid: 0n, ctime: 0n, mtime: 0n, version: 0, ephemeralOwner: 0n, dataLength: 0, pzxid: 0n };

const aclOf = async (a: RawConnection, path: string): Promise<unknown> => (await a.getACL(path)).acl;

/** These run first, on a server nobody has written to. */
export const initialTree: readonly Probe[] = [
  probe('I-01', 'the nodes of a fresh server', async (t) => {
    const a = await t.connect();
    expect((await a.children('/')).children).toEqual(['zookeeper']);
    expect((await a.children('/zookeeper')).children).toEqual(['config', 'quota']);
    for (const path of ['/zookeeper/config', '/zookeeper/quota']) expect((await a.children(path)).children).toEqual([]);
  }),
  probe('I-02', 'the stat of the root', async (t) => {
    const a = await t.connect();
    expect((await a.exists('/')).stat).toEqual({ ...EMPTY_STAT, cversion: -1, aversion: 0, numChildren: 1 });
  }),
  probe('I-03', 'the stat of /zookeeper', async (t) => {
    const a = await t.connect();
    expect((await a.exists('/zookeeper')).stat).toEqual({ ...EMPTY_STAT, cversion: -2, aversion: 0, numChildren: 2 });
  }),
  probe('I-04', 'the stat of /zookeeper/config', async (t) => {
    const a = await t.connect();
    expect(await a.get('/zookeeper/config')).toMatchObject({
      data: '',
      stat: { ...EMPTY_STAT, cversion: 0, aversion: -1, numChildren: 0 },
    });
  }),
  probe('I-05', 'the stat of /zookeeper/quota', async (t) => {
    const a = await t.connect();
    expect((await a.exists('/zookeeper/quota')).stat).toEqual({ ...EMPTY_STAT, cversion: 0, aversion: 0, numChildren: 0 });
  }),
  probe('I-06', 'the system nodes are open', async (t) => {
    const a = await t.connect();
    for (const path of ['/', '/zookeeper', '/zookeeper/quota']) expect(await aclOf(a, path)).toEqual([[31, 'world', 'anyone']]);
  }),
  probe('I-07', 'but /zookeeper/config is read-only', async (t) => {
    expect(await aclOf(await t.connect(), '/zookeeper/config')).toEqual([[1, 'world', 'anyone']]);
  }),
  probe('I-08', 'the first sequential of a fresh root', async (t) => {
    const a = await t.connect();
    const { path } = await a.create(`${t.p}-`, { flags: 2 });
    expect(path).toBe(`${t.p}-0000000000`);
    await a.delete(path!);
  }),
  probe('I-09', 'all descendants of a fresh root', async (t) => {
    expect((await (await t.connect()).descendants('/')).number).toBe(3);
  }),
  probe('I-10', 'all descendants of a fresh /zookeeper', async (t) => {
    expect((await (await t.connect()).descendants('/zookeeper')).number).toBe(2);
  }),
  probe('I-11', 'srvr of a fresh server', async (t) => {
    const text = await t.word('srvr');
    expect(text).toContain('Mode: standalone\n');
    expect(text).toContain('Node count: 5\n');
  }),
  probe('I-12', 'setData of /zookeeper/config', async (t) => {
    const a = await t.connect();
    await t.fails(a, -102, () => a.set('/zookeeper/config', 'x'));
  }),
  probe('I-13', 'setData of /zookeeper/quota', async (t) => {
    expect((await (await t.connect()).set('/zookeeper/quota', '')).err).toBe(0);
  }),
  probe('I-14', 'create below /zookeeper', async (t) => {
    const a = await t.connect();
    expect((await a.create(`/zookeeper${t.p}`)).err).toBe(0);
    await a.delete(`/zookeeper${t.p}`);
  }),
];
