import { expect, test } from 'vitest';
import { besidePython } from './beside-python.ts';
import { eventually } from './eventually.ts';
import type { PythonClient } from './python-peer.ts';

const bytes = (text: string): Buffer => Buffer.from(text);

// On both kinds of server, so that what is expected of the embedded one is what the real one does.
besidePython("Python Kazoo's client at work", ['embedded', 'real'], (world) => {
  const connect = (hosts = world.hosts): Promise<PythonClient> => world.python.peer.connect(hosts, 2_000);

  test('nodes: data, versions, sequences, lists', async () => {
    const zk = world.python;
    expect(await zk.call('create', ['/py', bytes('one ☃')])).toBe('/py');
    expect(await zk.call('get', ['/py'])).toMatchObject([
      bytes('one ☃'),
      { version: 0, dataLength: 7, numChildren: 0, ephemeralOwner: 0 },
    ]);
    expect(await zk.call('set', ['/py', bytes('two')], { version: 0 })).toMatchObject({ version: 1 });
    expect(await zk.call('create', ['/py/a/b/c', bytes('')], { makepath: true })).toBe('/py/a/b/c');
    expect(await zk.call('create', ['/py/s-'], { sequence: true })).toBe('/py/s-0000000001');
    expect(await zk.call('create', ['/py/s-'], { sequence: true, ephemeral: true })).toBe('/py/s-0000000002');
    expect(await zk.call('create', ['/py/stat', bytes('x')], { include_data: true })).toMatchObject([
      '/py/stat',
      { dataLength: 1 },
    ]);
    const [, { ephemeralOwner }] = (await zk.call('get', ['/py/s-0000000002'])) as [Buffer, { ephemeralOwner: bigint }];
    expect([ephemeralOwner]).toEqual([((await zk.get('client_id')) as [bigint])[0]]);
    expect(((await zk.call('get_children', ['/py'])) as string[]).sort()).toEqual(['a', 's-0000000001', 's-0000000002', 'stat']);
    expect(await zk.call('get_children', ['/py/a'], { include_data: true })).toMatchObject([['b'], { numChildren: 1 }]);
    expect(await zk.call('exists', ['/py/none'])).toBeNull();
    expect(await zk.call('sync', ['/py'])).toBe('/py');
    await zk.call('delete', ['/py/a'], { recursive: true });
    expect(await zk.call('exists', ['/py/a'])).toBeNull();
    expect(await zk.call('ensure_path', ['/py/x/y'])).toBe('/py/x/y');
    expect(await zk.call('ensure_path', ['/py/x/y'])).toBe(true);
    await zk.call('create', ['/py/null', null]);
    expect(await zk.call('get', ['/py/null'])).toMatchObject([bytes(''), {}]);
  });

  test('errors by their names', async () => {
    const zk = world.python;
    await zk.call('create', ['/errors/child'], { makepath: true });
    await zk.call('create', ['/errors/ephemeral'], { ephemeral: true });
    const refused: [name: string, method: string, args: unknown[], keywords?: Record<string, unknown>][] = [
      ['NoNodeError', 'get', ['/errors/none']],
      ['NoNodeError', 'create', ['/errors/none/child']],
      ['NodeExistsError', 'create', ['/errors']],
      ['BadVersionError', 'set', ['/errors', bytes('x')], { version: 7 }],
      ['BadVersionError', 'delete', ['/errors/child'], { version: 7 }],
      ['NotEmptyError', 'delete', ['/errors']],
      ['NoChildrenForEphemeralsError', 'create', ['/errors/ephemeral/child']],
      ['BadArgumentsError', 'delete', ['/']],
      ['BadArgumentsError', 'create', ['/errors/\u0001']],
    ];
    for (const [name, method, args, keywords] of refused) {
      await expect(zk.call(method, args, keywords), `${method} ${args[0] as string}`).rejects.toMatchObject({ name });
    }
    expect(await zk.get('connected')).toBe(true);
  });

  test('transactions, made and refused', async () => {
    const zk = world.python;
    await zk.call('create', ['/transaction', bytes('')]);
    const made = await zk.order('commit', [
      ['create', ['/transaction/a', bytes('1')]],
      ['check', ['/transaction', 0]],
      ['set_data', ['/transaction/a', bytes('22')]],
      ['create', ['/transaction/s-', bytes(''), null, false, true]],
      ['delete', ['/transaction/a', 1]],
    ]);
    expect(made).toMatchObject(['/transaction/a', true, { version: 1, dataLength: 2 }, '/transaction/s-0000000001', true]);
    const refused = await zk.order('commit', [
      ['create', ['/transaction/b']],
      ['check', ['/transaction', 9]],
      ['delete', ['/transaction/s-0000000001']],
    ]);
    expect(refused).toEqual([{ error: 'RolledBackError' }, { error: 'BadVersionError' }, { error: 'RuntimeInconsistency' }]);
    expect(await zk.call('get_children', ['/transaction'])).toEqual(['s-0000000001']);
  });

  test('access: who may read and who may write', async () => {
    const owner = await connect();
    const other = await connect();
    const acl = [{ digest: ['user', 'secret'] }];
    await owner.call('add_auth', ['digest', 'user:secret']);
    await owner.call('create', ['/access', bytes('x')], { acl });
    for (const [method, ...args] of [['get'], ['set', bytes('y')], ['set_acls', acl]] as const)
      await expect(other.call(method, ['/access', ...args]), method).rejects.toMatchObject({ name: 'NoAuthError' });
    await other.call('create', ['/access-open']);
    await expect(other.call('create', ['/access/child'])).rejects.toMatchObject({ name: 'NoAuthError' });
    expect(await owner.call('get_acls', ['/access'])).toMatchObject([expect.anything(), { aversion: 0 }]);
    expect(await owner.call('set_acls', ['/access', acl], { version: 0 })).toMatchObject({ aversion: 1 });
    await other.call('add_auth', ['digest', 'user:secret']);
    expect(await other.call('get', ['/access'])).toMatchObject([bytes('x'), {}]);
    // Presented again after a reconnection.
    expect(await other.order('break_connection', false)).toEqual(['SUSPENDED', 'CONNECTED']);
    expect(await other.call('set', ['/access', bytes('y')])).toMatchObject({ version: 1 });
    for (const client of [owner, other]) await client.call('stop');
  });

  test('watches: once each, and a word when the connection is lost', async () => {
    const zk = await connect();
    const watch = async (method: string, path: string): Promise<unknown[]> => {
      const name = zk.peer.newName();
      const seen = zk.peer.seen(name);
      await zk.peer.order('one_shot', name, zk.name, method, path);
      return seen;
    };
    const created = await watch('exists', '/watched');
    await world.node.create('/watched', 'x');
    const changed = await watch('get', '/watched');
    const child = await watch('get_children', '/watched');
    await world.node.set('/watched', 'y');
    await world.node.set('/watched', 'z');
    await world.node.create('/watched/child');
    await eventually(() => [created, changed, child].every(({ length }) => length > 0));
    // Kazoo gives up its one-shot watches with the connection, and says so.
    const lost = await watch('get', '/watched');
    expect(await zk.order('break_connection', false)).toEqual(['SUSPENDED', 'CONNECTED']);
    await world.node.set('/watched', 'last');
    await zk.call('sync', ['/watched']);
    expect([created, changed, child, lost]).toEqual([
      [['CREATED', '/watched']],
      [['CHANGED', '/watched']],
      [['CHILD', '/watched']],
      [['NONE', null]],
    ]);
    await zk.call('stop');
  });

  test('an expired session: its ephemeral nodes go, and another follows', async () => {
    const zk = await connect();
    await zk.call('create', ['/expired'], { ephemeral: true });
    const before = await zk.get('client_id');
    expect(await zk.order('break_connection', true)).toEqual(['LOST', 'CONNECTED']);
    expect(await zk.get('client_id')).not.toEqual(before);
    expect(await zk.call('get_children', ['/'])).toContain('zookeeper');
    await zk.call('stop');
    await eventually(async () => (await world.node.exists('/expired')) === null, 50);
  });

  test('a chroot, a four-letter word and the version', async () => {
    await world.node.create('/root/below', 'x', { makepath: true });
    const zk = await connect(`${world.hosts}/root`);
    expect(await zk.call('get_children', ['/'])).toEqual(['below']);
    expect(await zk.call('create', ['/s-'], { sequence: true })).toBe('/s-0000000001');
    expect(await world.node.getChildren('/root')).toContain('s-0000000001');
    expect(await zk.call('command', [bytes('ruok')])).toBe('imok');
    expect(((await zk.call('server_version')) as number[])[0]).toBe(3);
    await zk.call('stop');
  });
});
