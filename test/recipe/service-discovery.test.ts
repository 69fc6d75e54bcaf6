import { expect, test } from 'vitest';
import { KazooException } from '../../src/base/errors.ts';
import { ServiceDiscovery } from '../../src/recipe/service-discovery.ts';
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
  expect(sticky.next()?.id).toBe(favourite.id);
  sticky.noteError(favourite);
  expect(sticky.next()?.id).toBe(favourite.id);
  sticky.noteError(favourite);
  expect(sticky.next()?.id).not.toBe(favourite.id);
  await expect(discovery.provider('web', { strategy: 'best' as never })).rejects.toThrow(TypeError);
  expect(() => makeServiceInstance({ name: 'a/b' })).toThrow(TypeError);
});
