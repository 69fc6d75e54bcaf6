import { expect, onTestFinished, test } from 'vitest';
import { ServiceDiscovery } from '../../src/recipe/service-discovery.ts';
import { makeServiceInstance, serviceUri, type ServiceInstance, type ServiceType } from '../../src/recipe/service-instance.ts';
import { besideCurator } from './curator-peer.ts';
import { eventually } from './eventually.ts';

const TYPES = ['DYNAMIC', 'DYNAMIC_SEQUENTIAL', 'STATIC', 'PERMANENT'] as const;
const URI = '{scheme}://{address}:{port}/{[}{]}{name}/{id}/{ssl-port}/{service-type}/{registration-time-utc}/{nope}';
const SPRING = 'org.springframework.cloud.zookeeper.discovery.ZookeeperInstance';

/** Payloads as our side has them, with the words by which the Java side makes, and prints, them. */
const PAYLOADS = [
  { word: 'hello', ours: 'hello', printed: 'String|hello' },
  { word: '5', ours: 5, printed: 'Integer|5' },
  { word: 'true', ours: true, printed: 'Boolean|true' },
  { word: 'long', ours: ['java.lang.Long', 5], printed: 'Long|5' },
  { word: 'list', ours: ['java.util.ArrayList', ['a', 1]], printed: 'ArrayList|[a, 1]' },
  { word: 'map', ours: { '@class': 'java.util.LinkedHashMap', zone: 'a' }, printed: 'LinkedHashMap|{zone=a}' },
] as const;

besideCurator("services beside Curator's discovery", (world) => {
  function ours(path: string): ServiceDiscovery {
    const discovery = new ServiceDiscovery(world.client, path);
    onTestFinished(() => discovery.close());
    return discovery;
  }

  async function bytes(path: string): Promise<string> {
    return (await world.client.get(path))[0]!.toString();
  }

  function instance(serviceType: ServiceType, more: Partial<ServiceInstance> = {}): ServiceInstance {
    const given = { name: 'web', id: 'one', address: '10.0.0.1', port: 8080, sslPort: 8443, uriSpec: URI, serviceType };
    return { ...makeServiceInstance(given, 1325129459728), ...more };
  }

  const words = (type: ServiceType): string =>
    `name=web id=one address=10.0.0.1 port=8080 sslPort=8443 at=1325129459728 type=${type} uri=${URI}`;

  test.each(TYPES)('%s: both write the same node, byte for byte, and each finds what the other registered', async (type) => {
    const { client, curator } = world;
    await curator.ask(`discovery d /java-${type} compatible`);
    await curator.ask(`discovery e /node-${type} compatible`);
    await curator.ask(`register d ${words(type)} payload=hello`);
    const mine = ours(`/node-${type}`);
    await mine.register(instance(type, { payload: 'hello' }));

    const name = type === 'DYNAMIC_SEQUENTIAL' ? 'one0000000000' : 'one';
    expect(await client.getChildren(`/java-${type}/web`)).toEqual([name]);
    expect(await client.getChildren(`/node-${type}/web`)).toEqual([name]);
    expect(await bytes(`/node-${type}/web/${name}`)).toBe(await bytes(`/java-${type}/web/${name}`));
    const owners = await Promise.all(['java', 'node'].map((side) => client.exists(`/${side}-${type}/web/${name}`)));
    expect(owners.map((stat) => stat!.ephemeralOwner !== 0n)).toEqual(Array(2).fill(type.startsWith('DYNAMIC')));

    const theirs = ours(`/java-${type}`);
    expect(await theirs.names()).toEqual(['web']);
    const [found] = await theirs.instances('web');
    expect(found).toEqual(instance(type, { payload: 'hello' }));
    const uri = serviceUri(found!)!;
    expect(uri).toBe(`https://10.0.0.1:8080/{}web/one/8443/${type.toLowerCase()}/1325129459728/`);
    expect(await curator.ask('names e')).toBe('web');
    const line = `web|one|10.0.0.1|8080|8443|String|hello|1325129459728|${type}|${uri}|true`;
    expect(await curator.ask('instances e web')).toBe(line);
    expect(await curator.ask('instances d web')).toBe(line);
    await mine.unregister({ name: 'web', id: 'one' });
    expect(await curator.ask('instances e web')).toBe('');
    await curator.ask('close d');
    await curator.ask('close e');
  });

  test('uris of instances that lack what their templates name', async () => {
    const { curator } = world;
    await curator.ask('discovery d /bare compatible');
    await curator.ask(`register d name=web id=bare at=1 uri=${URI}`);
    const bare = (await ours('/bare').instance('web', 'bare'))!;
    expect(bare).toMatchObject({ address: null, port: null, sslPort: null });
    expect(serviceUri(bare)).toBe(await curator.ask('uri d web bare'));
    await curator.ask('close d');
  });

  test('closing: Curator takes all back that it registered, ours what goes with the session', async () => {
    const { client, curator } = world;
    await curator.ask('discovery d /closing compatible');
    const discovery = new ServiceDiscovery(client, '/closing');
    for (const serviceType of TYPES) {
      await curator.ask(`register d name=java id=${serviceType} at=1 type=${serviceType}`);
      await discovery.register(makeServiceInstance({ name: 'node', id: serviceType, serviceType }));
    }
    await discovery.close();
    await curator.ask('close d');
    expect((await client.getChildren('/closing/node')).sort()).toEqual(['PERMANENT', 'STATIC']);
    // Its numbered node is left to the session: it looks for it without the number.
    expect(await client.getChildren('/closing/java')).toEqual(['DYNAMIC_SEQUENTIAL0000000001']);
  });

  test('payloads of every kind, both ways', async () => {
    const { curator } = world;
    await curator.ask('discovery d /payloads compatible');
    const discovery = ours('/payloads');
    for (const { word, ours: payload, printed } of PAYLOADS) {
      expect(await curator.ask(`register d name=java id=${word} at=1 payload=${word}`)).toBe('true');
      await discovery.register({ ...makeServiceInstance({ name: 'node', id: word, payload }, 1) });
      expect((await bytes(`/payloads/node/${word}`)).replace('"node"', '"java"')).toBe(await bytes(`/payloads/java/${word}`));
      expect((await discovery.instance('java', word))!.payload).toEqual(payload);
      expect(await curator.ask('instances d node')).toContain(`node|${word}|null|null|null|${printed}|1|DYNAMIC|null|true`);
    }
    expect(await curator.ask('register d name=java id=controls at=1 payload=controls')).toBe('true');
    const read = (await discovery.instance('java', 'controls'))!;
    expect(read.payload).toBe('\u0000\u0001\b\t\n\f\r\u001f\u007f"\\/<>&\'é€\u2028😀');
    await discovery.register({ ...read, name: 'node' });
    expect((await bytes('/payloads/node/controls')).replace('"node"', '"java"')).toBe(await bytes('/payloads/java/controls'));
    await curator.ask('close d');
  });

  test('one that is not enabled, in Curator’s full mode', async () => {
    const { curator } = world;
    await curator.ask('discovery f /full full');
    const discovery = ours('/full');
    await curator.ask('register f name=web id=java at=1 enabled=false');
    await discovery.register({ ...makeServiceInstance({ name: 'web', id: 'node', enabled: false }, 1) });
    expect((await bytes('/full/web/node')).replace('"node"', '"java"')).toBe(await bytes('/full/web/java'));
    expect((await discovery.instance('web', 'java'))!.enabled).toBe(false);
    expect(await curator.ask('instances f web')).toBe(
      'web|java|null|null|null|none|null|1|DYNAMIC|null|false;web|node|null|null|null|none|null|1|DYNAMIC|null|false',
    );
    await curator.ask('close f');
  });

  test('what Spring Cloud writes is read, and it reads what we write', async () => {
    const { curator } = world;
    await curator.ask('discovery s /spring spring');
    const discovery = ours('/spring');
    await curator.ask(
      'register s name=app id=java at=1 address=10.0.0.1 port=8080 payload=spring uri={scheme}://{address}:{port}',
    );
    const read = (await discovery.instance('app', 'java'))!;
    const metadata = { instance_status: 'UP' };
    expect(read.payload).toEqual({ '@class': SPRING, id: 'app:8080', name: 'app', metadata });
    await discovery.register({ ...read, id: 'node' });
    expect((await bytes('/spring/app/node')).replace('"node"', '"java"')).toBe(await bytes('/spring/app/java'));
    const line = (id: string): string =>
      `app|${id}|10.0.0.1|8080|null|ZookeeperInstance|ZookeeperInstance{id='app:8080', name='app', metadata={instance_status=UP}}|1|DYNAMIC|http://10.0.0.1:8080|true`;
    expect(await curator.ask('instances s app')).toBe(`${line('java')};${line('node')}`);
    await curator.ask('close s');
  });

  test('a provider of ours follows Curator’s instances, and its cache and provider ours', async () => {
    const { curator } = world;
    await curator.ask('discovery d /follow compatible');
    const discovery = ours('/follow');
    const provider = await discovery.provider('web');
    await curator.ask('cache c d web');
    await curator.ask('provider p d web');
    await curator.ask('register d name=web id=java at=1 port=1');
    await eventually(() => provider.instances().length === 1);
    const node = makeServiceInstance({ name: 'web', id: 'node', port: 1 }, 1);
    await discovery.register(node);
    await eventually(async () => /\|java\|.*\|node\|/.test(await curator.ask('cached c')));
    await curator.ask('update d name=web id=java at=1 port=2');
    await eventually(() => provider.instances().find(({ id }) => id === 'java')?.port === 2);
    await discovery.update({ ...node, port: 2 });
    await eventually(async () => (await curator.ask('cached c')).includes('web|node|null|2|'));
    expect([provider.next()!.id, provider.next()!.id].sort()).toEqual(['java', 'node']);
    await eventually(async () => (await curator.ask('next p')).includes("id='node'"));
    await curator.ask('unregister d name=web id=java at=1');
    await eventually(
      () =>
        provider
          .instances()
          .map(({ id }) => id)
          .join() === 'node',
    );
    await discovery.unregister(node);
    await eventually(async () => (await curator.ask('cached c')) === '' && (await curator.ask('next p')) === 'null');
    for (const name of ['p', 'c', 'd']) await curator.ask(`close ${name}`);
  });

  test('what a killed Curator process had registered is gone from our provider', { timeout: 60_000 }, async () => {
    const victim = world.newPeer();
    await victim.ask('discovery d /killed compatible');
    for (const type of TYPES) await victim.ask(`register d name=web id=${type} at=1 type=${type}`);
    const provider = await ours('/killed').provider('web');
    expect(provider.instances()).toHaveLength(4);
    victim.kill();
    await eventually(() => provider.instances().length === 2);
    expect(provider.instances().map(({ id }) => id)).toEqual(['PERMANENT', 'STATIC']);
  });
});
