import { describe, expect, test } from 'vitest';
import { ConfigurationError } from '../../src/base/errors.ts';
import { OPEN_ACL_UNSAFE } from '../../src/base/security.ts';
import { KazooClient } from '../../src/kazoo-client.ts';
import { EmbeddedZooKeeper } from '../../src/server/embedded-zookeeper.ts';

const make = (options: unknown): KazooClient => new KazooClient(options as object);

// Kazoo D-34: what an option is not is refused at once, by name.
describe('a client cannot be made with', () => {
  test.each<[unknown, RegExp]>([
    [{ timeout: 10 }, /"timeout" must be .*milliseconds.*, not 10$/],
    [{ timeout: 99 }, /milliseconds/],
    [{ timeout: 99.9 }, /milliseconds/],
    [{ timeout: 0 }, /milliseconds.*, not 0$/],
    [{ timeout: -1 }, /not -1$/],
    [{ timeout: '10000' }, /not "10000"$/],
    [{ timeout: Number.NaN }, /not NaN$/],
    [{ timeout: Infinity }, /not Infinity$/],
    [{ timeout: 2 ** 31 }, /not 2147483648$/],
    [{ timeot: 10_000 }, /unknown option "timeot"; expected one of hosts, /],
    [{ read_only: true }, /unknown option "read_only"/],
    [{ toString: 1 }, /unknown option "toString"/],
    [{ hosts: 5 }, /"hosts" must be a string or an array of strings, not 5/],
    [{ hosts: [5] }, /hosts must contain strings only, not 5/],
    [{ hosts: '' }, /name no server/],
    ['h1:1/a,h2:2/a', /one chroot/],
    ['h:99999', /port 99999/],
    [5, /options must be a string or an object, not 5/],
    [null, /options must be a string or an object, not null/],
    [[], /options must be a string or an object, not an array of 0/],
    [new Map([['hosts', 'a:1']]), /options must be a string or an object, not an object \(Map\)/],
    [{ clientId: 5 }, /"clientId" must be \{ sessionId: bigint of 64 bits, password: Buffer \}, not a number/],
    [{ clientId: { sessionId: 1n << 64n, password: Buffer.alloc(16) } }, /"clientId" must be/],
    [{ clientId: { sessionId: -1n << 63n, password: 5 } }, /"clientId" must be/],
    [{ clientId: { sessionId: 5, password: Buffer.alloc(16) } }, /"clientId" must be/],
    [{ clientId: { sessionId: 5n, password: 'text' } }, /"clientId" must be/],
    [{ handler: {} }, /"handler" must be a Handler/],
    [{ defaultAcl: 'world' }, /"defaultAcl" must be an array of ACL, or null, not "world"/],
    [{ defaultAcl: [{}] }, /"defaultAcl" must be an array of ACL/],
    [{ authData: 5 }, /"authData" must be pairs of scheme and credential, not a number/],
    [{ authData: ['digest'] }, /"authData" must contain pairs/],
    [{ authData: [['digest', 5]] }, /"authData" must contain pairs/],
    [{ authData: [['', 'x']] }, /"authData" must contain pairs/],
    [{ authData: [['digest', 'bob', 'hunter2']] }, /"authData" must contain pairs/],
    [{ authData: [['sasl', 'x']] }, /use the option "sasl"/],
    [{ sasl: {} }, /"sasl" must be \{ mechanism, ... \}/],
    [{ sasl: { mechanism: 'PLAIN' } }, /SASL mechanism "PLAIN" is not built in/],
    [{ sasl: { mechanism: 'DIGEST-MD5', username: 'u' } }, /needs username and password/],
    [{ sasl: { mechanism: 'MINE', create: 5 } }, /needs a function "create"/],
    [{ sasl: { mechanism: 'GSSAPI', service: 1 } }, /"service" must be a string, not a number/],
    [{ sasl: { mechanism: 'GSSAPI', principal: 1 } }, /"principal" must be a string, not a number/],
    [
      { sasl: { mechanism: 'GSSAPI', username: 'u' } },
      /unknown option "username" of SASL GSSAPI; expected one of mechanism, service, principal/,
    ],
    [{ sasl: { mechanism: 'DIGEST-MD5', username: 'u', password: 'p', service: 1 } }, /"service" must be a string/],
    [
      { sasl: { mechanism: 'DIGEST-MD5', username: 'u', password: 'p', realm: 'r' } },
      /unknown option "realm" of SASL DIGEST-MD5/,
    ],
    [{ sasl: { mechanism: 'toString' } }, /SASL mechanism "toString" is not built in/],
    [{ clock: {} }, /"clock" must be a Clock, not an object/],
    [{ tls: new Map(), useSsl: true }, /"tls" must be an object, not an object \(Map\)/],
    [{ readOnly: 1 }, /"readOnly" must be .*boolean.*, not 1/],
    [{ randomizeHosts: 'no' }, /"randomizeHosts" must be/],
    [{ connectionRetry: 5 }, /"connectionRetry" must be/],
    [{ commandRetry: [] }, /"commandRetry" must be an object, not an array of 0/],
    [{ logger: { info: () => undefined } }, /"logger" must be an object with debug, info, warn and error/],
    [{ ca: 'x' }, /option "ca" needs useSsl: true/],
    [{ tls: {} }, /option "tls" needs useSsl: true/],
    [{ useSsl: true, keyfile: 'x' }, /"keyfile" needs "certfile"/],
    [{ useSsl: true, verifyCerts: false, checkHostname: true }, /checkHostname: true needs verifyCerts: true/],
    [{ useSsl: true, ca: 5 }, /"ca" must be/],
    [{ maxInFlight: 0 }, /"maxInFlight" must be a whole number from 1, or Infinity, not 0/],
    [{ maxInFlight: 1.5 }, /not 1.5/],
    [{ maxRequestBytes: -1 }, /"maxRequestBytes" must be/],
    [{ maxResponseBytes: '1' }, /"maxResponseBytes" must be/],
    [{ firstXid: 0 }, /"firstXid" must be/],
  ])('%o', (options, message) => {
    expect(() => make(options)).toThrow(ConfigurationError);
    expect(() => make(options)).toThrow(message);
  });

  test.each<[string, unknown, string]>([
    ['authData', 'digest:bob:hunter2', 'a string'],
    ['sasl', 'bob:hunter2', 'a string'],
    ['sasl', ['hunter2'], 'an array of 1'],
    ['clientId', 'hunter2', 'a string'],
    ['clientId', { sessionId: 5n, password: 'hunter2' }, 'an object (Object)'],
    ['clientId', { sessionId: 'hunter2', password: Buffer.alloc(16) }, 'an object (Object)'],
    ['keyfilePassword', 4711, 'a number'],
    ['keyfilePassword', 4711n, 'a bigint'],
    ['keyfilePassword', null, 'null'],
    ['keyfile', 4711, 'a number'],
    ['certfile', function hunter2() {}, 'a function'],
    ['tls', 'hunter2', 'a string'],
  ])('%s: %o, of which the error tells the type alone: it may be a secret', (name, value, type) => {
    const error = caught(() => make({ useSsl: true, [name]: value }));
    expect(error).toBeInstanceOf(ConfigurationError);
    expect(error.message).toMatch(`option "${name}" must be `);
    expect(error.message).toMatch(new RegExp(`, not ${type.replace(/[()]/g, '.')}$`));
  });

  test.each([
    { authData: ['digest:bob:hunter2'] },
    { authData: [['digest:bob:hunter2']] },
    { authData: [['digest', ['bob:hunter2']]] },
    { authData: [['sasl', 'bob:hunter2']] },
    { sasl: { mechanism: ['hunter2'] } },
    { sasl: { mechanism: 'DIGEST-MD5', username: 'hunter2', password: 4711 } },
  ])('%o, whose error does not tell what it holds', (options) => {
    const error = caught(() => make(options));
    expect(error).toBeInstanceOf(ConfigurationError);
    expect(error.message).not.toMatch(/hunter2|4711/);
  });

  test.each<[unknown, RegExp]>([
    [{ commandRetry: { delay: -1 } }, /"delay" must be milliseconds, 0 or more, not -1/],
    [{ connectionRetry: { maxTries: 0 } }, /"maxTries"/],
    [{ commandRetry: { max_delay: 1 } }, /unknown retry option "max_delay"/],
  ])('the retry options %o', (options, message) => expect(() => make(options)).toThrow(message));
});

describe('a client can be made with', () => {
  test('nothing, a connect string, or options of which some are undefined', () => {
    expect(new KazooClient().hosts).toEqual([{ host: '127.0.0.1', port: 2181 }]);
    expect(new KazooClient('a:1,b/app')).toMatchObject({
      chroot: '/app',
      hosts: [
        { host: 'a', port: 1 },
        { host: 'b', port: 2181 },
      ],
    });
    expect(make({ hosts: undefined, timeout: undefined, defaultAcl: undefined })).toMatchObject({ chroot: '', defaultAcl: null });
    expect(make({ defaultAcl: OPEN_ACL_UNSAFE, timeout: 100 }).defaultAcl).toEqual(OPEN_ACL_UNSAFE);
  });

  test('credentials from an iterator, which can be read once only', async () => {
    await using server = await EmbeddedZooKeeper.start();
    const authData = new Map([['digest', 'u:p']]).entries();
    await using client = new KazooClient({ hosts: server.connectString, authData });
    await client.start();
    expect((await client.whoAmI()).map(({ id }) => id)).toContain('u');
  });
});

test('setHosts that is refused changes nothing (Kazoo HO-9, mended; D-25)', () => {
  const client = new KazooClient('a:1/app');
  expect(() => client.setHosts('b:2/other')).toThrow(ConfigurationError);
  expect(() => client.setHosts('b:2')).toThrow('from "/app" to "": the hosts must name the same one');
  expect(() => new KazooClient('a:1').setHosts('b:2/app')).toThrow(ConfigurationError);
  expect(() => client.setHosts('')).toThrow(ConfigurationError);
  expect(() => client.setHosts('b:2/app', { randomizeHosts: 'no' as unknown as boolean })).toThrow(
    /randomizeHosts must be a boolean, not "no"/,
  );
  expect(client.hosts).toEqual([{ host: 'a', port: 1 }]);
  client.setHosts(['b:2', '[::1]:3/app']);
  expect(client.hosts).toEqual([
    { host: 'b', port: 2 },
    { host: '::1', port: 3 },
  ]);
  expect(client.chroot).toBe('/app');
});

function caught(call: () => unknown): Error {
  try {
    call();
  } catch (error) {
    return error as Error;
  }
  throw new Error('nothing was thrown');
}
