import { describe, expect, test } from 'vitest';
import { KazooException, NoAuthError, NoNodeError } from '../../src/base/errors.ts';
import { ServiceDiscovery } from '../../src/recipe/service-discovery.ts';
import { ServiceProvider } from '../../src/recipe/service-provider.ts';
import {
  makeServiceInstance,
  parseServiceInstance,
  serializeServiceInstance,
  serviceUri,
} from '../../src/recipe/service-instance.ts';
import { eventually, expire, workbench } from './workbench.ts';

test('writes what Curator writes, byte for byte', () => {
  const instance = {
    ...makeServiceInstance(
      { name: 'svc', id: 'id-1', address: '10.0.0.1', port: 8080, payload: 'hello', uriSpec: '{scheme}://{address}:{port}/x' },
      1325129459728,
    ),
  };
  const text =
    '{"name":"svc","id":"id-1","address":"10.0.0.1","port":8080,"sslPort":null,"payload":"hello","registrationTimeUTC":1325129459728,"serviceType":"DYNAMIC",' +
    '"uriSpec":{"parts":[{"value":"scheme","variable":true},{"value":"://","variable":false},{"value":"address","variable":true},{"value":":","variable":false},' +
    '{"value":"port","variable":true},{"value":"/x","variable":false}]}}';
  expect(serializeServiceInstance(instance).toString()).toBe(text);
  expect(parseServiceInstance(Buffer.from(text))).toEqual(instance);
  expect(serviceUri(instance)).toBe('http://10.0.0.1:8080/x');
  expect(serviceUri(instance, { port: '1' })).toBe('http://10.0.0.1:1/x');
  expect(serviceUri(makeServiceInstance({ name: 'a' }))).toBeNull();
  expect(parseServiceInstance(serializeServiceInstance({ ...instance, enabled: false })).enabled).toBe(false);
});

test('registers, finds, updates and takes back', async () => {
  const { server, client, connect } = await workbench();
  await using discovery = new ServiceDiscovery(client, '/services');
  const other = await connect();
  await using seeker = new ServiceDiscovery(other, '/services');
  expect(await seeker.names()).toEqual([]);
  const web = makeServiceInstance({ name: 'web', id: 'one', port: 80 });
  await discovery.register(web);
  await discovery.register(makeServiceInstance({ name: 'web', id: 'two', serviceType: 'STATIC' }));
  expect(await seeker.names()).toEqual(['web']);
  expect((await seeker.instances('web')).map(({ id }) => id).sort()).toEqual(['one', 'two']);
  expect(await seeker.instance('web', 'one')).toEqual(web);
  await discovery.update({ ...web, port: 81 });
  expect((await seeker.instance('web', 'one'))?.port).toBe(81);
  await expire(server, client);
  await eventually(async () => (await seeker.instance('web', 'one'))?.port === 81);
  await discovery.unregister(web);
  expect(await seeker.instance('web', 'one')).toBeNull();
  await discovery.close();
  expect((await seeker.instances('web')).map(({ id }) => id)).toEqual(['two']);
  await expect(discovery.register(web)).rejects.toThrow(KazooException);
});

test('a provider chooses among those that are enabled and not down', async () => {
  const { client } = await workbench();
  await using discovery = new ServiceDiscovery(client, '/services');
  const provider = await discovery.provider('web');
  const sticky = await discovery.provider('web', { strategy: 'sticky' });
  expect(provider.next()).toBeNull();
  for (const id of ['a', 'b', 'c']) await discovery.register(makeServiceInstance({ name: 'web', id, enabled: id !== 'c' }));
  await client.create('/services/web/junk', 'x');
  await eventually(() => provider.instances().length === 3 && sticky.instances().length === 3);
  expect([provider.next()?.id, provider.next()?.id, provider.next()?.id]).toEqual(['a', 'b', 'a']);
  const favourite = sticky.next()!;
  expect(new Set(Array.from({ length: 20 }, () => sticky.next()?.id))).toEqual(new Set([favourite.id]));
  sticky.noteError(favourite);
  expect(sticky.next()?.id).toBe(favourite.id);
  sticky.noteError(favourite);
  expect(sticky.next()?.id).not.toBe(favourite.id);
  await expect(discovery.provider('web', { strategy: 'best' as never })).rejects.toThrow(TypeError);
  expect(() => makeServiceInstance({ name: 'a/b' })).toThrow(TypeError);
});

test('what was registered is gone at the end of the block that uses the discovery', async () => {
  const { client } = await workbench();
  {
    await using discovery = new ServiceDiscovery(client, '/services');
    await discovery.register(makeServiceInstance({ name: 'web', id: 'a' }));
  }
  expect(await client.getChildren('/services/web')).toEqual([]);
});

test('one that the server numbers keeps its name in later sessions, and is updated and taken back by its id', async () => {
  const { server, client, connect } = await workbench();
  await using discovery = new ServiceDiscovery(client, '/services');
  await using seeker = new ServiceDiscovery(await connect(), '/services');
  const web = makeServiceInstance({ name: 'web', id: 'one', port: 80, serviceType: 'DYNAMIC_SEQUENTIAL' });
  await discovery.register(web);
  expect(await client.getChildren('/services/web')).toEqual(['one0000000000']);
  expect((await client.exists('/services/web/one0000000000'))!.ephemeralOwner).toBe(client.clientId!.sessionId);
  expect(await seeker.instances('web')).toEqual([web]);
  expect(await seeker.instance('web', 'one')).toBeNull();
  expect(await seeker.instance('web', 'one0000000000')).toEqual(web);
  await discovery.update({ ...web, port: 81 });
  expect(await discovery.instance('web', 'one')).toEqual({ ...web, port: 81 });
  await expire(server, client);
  await eventually(async () => (await seeker.instance('web', 'one0000000000'))?.port === 81);
  await discovery.unregister(web);
  expect(await seeker.instances('web')).toEqual([]);
});

test.each(['STATIC', 'PERMANENT'] as const)(
  '%s stays, though the reply to its making was lost, and is replaced',
  async (serviceType) => {
    const { server, client, connect } = await workbench();
    await using seeker = new ServiceDiscovery(await connect(), '/services');
    await client.ensurePath('/services/web');
    const discovery = new ServiceDiscovery(client, '/services');
    server.faults.cutAfterCommit('create');
    const web = makeServiceInstance({ name: 'web', id: 'one', serviceType });
    await discovery.register(web);
    await discovery.register({ ...web, port: 81 });
    await discovery.update({ ...web, port: 82 });
    await discovery.close();
    await client.stop();
    expect(await seeker.instances('web')).toEqual([{ ...web, port: 82 }]);
    await seeker.unregister(web);
    await seeker.unregister(web);
    expect(await seeker.instances('web')).toEqual([]);
    await expect(seeker.update(web)).rejects.toThrow(NoNodeError);
  },
);

test('a registration replaces what another left under its id, and waits for nobody longer than told', async () => {
  const { client, connect } = await workbench();
  const other = await connect();
  await using discovery = new ServiceDiscovery(client, '/services');
  const web = makeServiceInstance({ name: 'web', id: 'one', address: 'here' });
  await other.create('/services/web/one', 'theirs', { ephemeral: true, makepath: true });
  await discovery.register(web);
  expect(await discovery.instance('web', 'one')).toEqual(web);
  await using another = new ServiceDiscovery(other, '/services');
  client.on('error', () => undefined);
  other.on('error', () => undefined);
  await expect(another.register(web, { signal: AbortSignal.abort(new Error('no')) })).rejects.toThrow('no');
});

test('registering one instance twice at once is registering the second; nothing is left after the end', async () => {
  const { client } = await workbench();
  const listeners = client.listenerCount('state');
  const discovery = new ServiceDiscovery(client, '/services');
  const web = makeServiceInstance({ name: 'web', id: 'one', port: 80 });
  await Promise.all([discovery.register(web), discovery.register({ ...web, port: 81 })]);
  expect((await discovery.instance('web', 'one'))?.port).toBe(81);
  await discovery.close();
  expect([await client.getChildren('/services/web'), client.listenerCount('state')]).toEqual([[], listeners]);
});

test('a DYNAMIC registration whose place a STATIC one takes is done with it, as when another DYNAMIC one does', async () => {
  const { client } = await workbench();
  await using discovery = new ServiceDiscovery(client, '/services');
  const web = makeServiceInstance({ name: 'web', id: 'one', port: 80 });
  for (const serviceType of ['STATIC', 'DYNAMIC'] as const) {
    const last = { ...web, port: 81, serviceType };
    await Promise.all([discovery.register(web), discovery.register(last)]);
    expect(await discovery.instance('web', 'one')).toEqual(last);
  }
  await discovery.register({ ...web, serviceType: 'STATIC' });
  await discovery.unregister(web);
  expect(await discovery.instances('web')).toEqual([]);
});

test('what is taken back, or ended, while it is being registered is not registered', async () => {
  const { client } = await workbench();
  const listeners = client.listenerCount('state');
  const discovery = new ServiceDiscovery(client, '/services');
  const web = makeServiceInstance({ name: 'web', id: 'one', port: 80 });
  for (const end of [() => discovery.unregister(web), () => discovery.close()]) {
    const refused = expect(discovery.register(web)).rejects.toThrow(KazooException);
    await end();
    await refused;
    expect([await discovery.instance('web', 'one'), client.listenerCount('state')]).toEqual([null, listeners]);
  }
});

test('the end waits for what is being taken back; a failure of that is for its caller', async () => {
  const { server, client } = await workbench();
  const web = makeServiceInstance({ name: 'web', id: 'one', port: 80 });
  for (const serviceType of ['DYNAMIC', 'STATIC'] as const) {
    const discovery = new ServiceDiscovery(client, '/services');
    await discovery.register({ ...web, serviceType });
    const taken = discovery.unregister(web);
    await discovery.close();
    expect(await client.exists('/services/web/one')).toBeNull();
    await taken;
  }
  const discovery = new ServiceDiscovery(client, '/services');
  server.faults.fail('delete', -102);
  const refused = expect(discovery.unregister(web)).rejects.toThrow(NoAuthError);
  await discovery.close();
  await refused;
});

test('a provider tells of changes, and lets a filter choose', async () => {
  const { client } = await workbench();
  await using discovery = new ServiceDiscovery(client, '/services');
  await discovery.register(makeServiceInstance({ name: 'web', id: 'a', port: 1 }));
  const provider = await discovery.provider('web', { filter: ({ port }) => port === 2 });
  expect([provider.instances().length, provider.next()]).toEqual([1, null]);
  const told: string[] = [];
  provider.on('changed', (instances) => void told.push(instances.map(({ id, port }) => `${id}${port}`).join()));
  const two = makeServiceInstance({ name: 'web', id: 'b', port: 2 });
  await discovery.register(two);
  await eventually(() => told.length === 1);
  expect(provider.next()).toEqual(two);
  await client.create('/services/web/junk', 'x');
  await discovery.update({ ...two, port: 3 });
  await eventually(() => told.length === 2);
  await discovery.unregister(two);
  await eventually(() => told.length === 3);
  expect(told).toEqual(['a1,b2', 'a1,b3', 'a1']);
  await provider.close();
  expect(provider.instances()).toEqual([]);
  await expect(discovery.provider('web', { filter: 5 as never })).rejects.toThrow('filter');
  await expect(discovery.provider('a/b')).rejects.toThrow(TypeError);
});

test('many changes at once are told as one, and what is given of the instances is the caller’s own', async () => {
  const { client } = await workbench();
  const path = (i: number): string => `/web/${String(i).padStart(3, '0')}`;
  const write = (port: number) => (_: unknown, i: number) =>
    client.set(path(i), serializeServiceInstance(makeServiceInstance({ name: 'web', id: path(i).slice(5), port })));
  await client.create('/web');
  await Promise.all(Array.from({ length: 100 }, (_, i) => client.create(path(i))));
  await Promise.all(Array.from({ length: 100 }, write(1)));
  const provider = new ServiceProvider(client, '/web');
  await provider.start();
  provider.instances().pop();
  expect(provider.instances()).toHaveLength(100);
  let free = (): void => undefined;
  client.dispatch(() => new Promise<void>((resolve) => (free = resolve)));
  const told: number[][] = [];
  provider.on('changed', (instances) => void told.push(instances.map(({ port }) => port!)));
  await Promise.all(Array.from({ length: 100 }, write(2)));
  await eventually(() => provider.instances().every(({ port }) => port === 2));
  free();
  await eventually(() => told.length > 0);
  expect(told).toEqual([Array.from({ length: 100 }, () => 2)]);
  await provider.close();
});

test('an instance that failed twice is chosen again when that is half a minute ago', async () => {
  const { client } = await workbench();
  await client.create('/web/a', serializeServiceInstance(makeServiceInstance({ name: 'web', id: 'a' })), { makepath: true });
  let now = 0;
  const clock = { now: () => now };
  const provider = new ServiceProvider(
    new Proxy(client, {
      get: (target, name) =>
        name === 'clock' ? { ...target.clock, timer: target.clock.timer.bind(target.clock), ...clock } : bound(target, name),
    }),
    '/web',
    { strategy: 'random' },
  );
  await provider.start();
  provider.noteError({ id: 'a' });
  now = 29_999;
  provider.noteError({ id: 'a' });
  expect(provider.next()).toBeNull();
  now = 30_000;
  expect(provider.next()?.id).toBe('a');
  await provider.close();
});

describe('what Jackson writes', () => {
  const of = (payload: unknown): string => {
    const text = serializeServiceInstance(makeServiceInstance({ name: 'a', id: 'b', payload }, 0)).toString();
    return /"payload":(.*),"registrationTimeUTC"/s.exec(text)![1]!;
  };

  test('escapes: hexadecimal digits in capitals, two escapes for what is beyond 16 bits', () => {
    expect(of('\u0000\b\t\n\f\r\u001f\u007f"\\/\u2028é€😀')).toBe(
      '"\\u0000\\b\\t\\n\\f\\r\\u001F\u007f\\"\\\\/\u2028é€\\uD83D\\uDE00"',
    );
    expect(of('\\u00ff')).toBe('"\\\\u00ff"');
    expect(of({ '@class': 'a.B', 'ké😀': [1, null] })).toBe('{"@class":"a.B","ké\\uD83D\\uDE00":[1,null]}');
  });

  test('a list only with its class, since Curator could read no instance of the service otherwise', () => {
    expect(of(['java.util.ArrayList', [1, 2]])).toBe('["java.util.ArrayList",[1,2]]');
    expect(() => of([1, 2])).toThrow('java.util.ArrayList');
  });
});

test('reads what others wrote: unknown fields ignored, missing ones null', () => {
  const read = (json: string) => parseServiceInstance(Buffer.from(json));
  expect(read('{"name":"web","id":"a","payload":[1,2],"more":5,"uriSpec":{}}')).toEqual({
    name: 'web',
    id: 'a',
    address: null,
    port: null,
    sslPort: null,
    payload: [1, 2],
    registrationTimeUTC: 0,
    serviceType: 'DYNAMIC',
    uriSpec: null,
    enabled: true,
  });
  expect(() => parseServiceInstance(null)).toThrow(SyntaxError);
  for (const json of [
    '5',
    'null',
    '{}',
    '{"name":"a"}',
    '{"name":"a","id":"b","serviceType":"x"}',
    '{"name":"a","id":"b","port":"80"}',
  ])
    expect(() => read(json), json).toThrow(TypeError);
});

test('uri templates are read and filled as Curator does', () => {
  const uri = (uriSpec: string, more = {}) => serviceUri(makeServiceInstance({ name: 'web', id: 'a', ...more, uriSpec }, 5));
  expect(uri('{ scheme }://{address}:{port}/{[}{]}{}{nope}{constructor}{name}{id}{service-type}{registration-time-utc}')).toBe(
    'http://:/{}weba' + 'dynamic5',
  );
  expect(uri('{scheme}:{ssl-port}', { sslPort: 0 })).toBe('https:0');
  for (const template of ['{', '}', '{a{b}', 'a}b{']) expect(() => uri(template), template).toThrow(TypeError);
});

test('what Curator could not read is refused', () => {
  for (const wrong of [
    { port: '80' },
    { port: 1.5 },
    { address: 5 },
    { enabled: 1 },
    { id: '' },
    { serviceType: 'dynamic' },
    { ports: 5 },
  ])
    expect(() => makeServiceInstance({ name: 'web', ...wrong } as never), JSON.stringify(wrong)).toThrow(TypeError);
});

function bound(target: object, name: string | symbol): unknown {
  const value: unknown = Reflect.get(target, name);
  return typeof value === 'function' ? (value.bind(target) as unknown) : value;
}
