import { expect, test } from 'vitest';
import { ConnectionLoss } from '../../src/base/errors.ts';
import { Party, ShallowParty } from '../../src/recipe/party.ts';
import { Lab, until } from './lab.ts';
import { altered, pause } from './workbench.ts';

const PATH = '/party';

test('members join, are seen, and leave', async () => {
  const lab = await Lab.open();
  const [one, two] = [await lab.client(), await lab.client()];
  const [first, second] = [new Party(one, PATH, { identifier: 'ones' }), new Party(two, PATH, { identifier: 'twö' })];
  expect(await first.members()).toEqual([]);
  expect(first.participating).toBe(false);
  await first.join();
  await first.join();
  await second.join();
  expect(first.participating).toBe(true);
  expect((await first.members()).sort()).toEqual(['ones', 'twö']);
  expect(await second.size()).toBe(2);
  const seen: string[] = [];
  for await (const member of second) seen.push(member);
  expect(seen.sort()).toEqual(['ones', 'twö']);
  const names = await one.getChildren(PATH);
  expect(names.every((name) => /^[0-9a-f]{32}__party__$/.test(name))).toBe(true);
  expect((await one.get(`${PATH}/${names[0]}`))[1].ephemeralOwner).not.toBe(0n);
  expect(await first.leave()).toBe(true);
  expect(await first.leave()).toBe(false);
  expect(await second.members()).toEqual(['twö']);
});

test('joining and leaving take effect in the order of the calls', async () => {
  const client = await (await Lab.open()).client();
  const party = new Party(client, PATH, { identifier: 'one' });
  const joined = party.join();
  const left = party.leave();
  await joined;
  expect([await left, party.participating, await party.members()]).toEqual([true, false, []]);
  void party.leave();
  await party.join();
  expect([party.participating, await party.members()]).toEqual([true, ['one']]);
});

test('foreign nodes do not count in a party, and null data reads as an empty name (D-35, PT-4)', async () => {
  const client = await (await Lab.open()).client();
  await client.create(`${PATH}/notes`, 'x', { makepath: true });
  await client.create(`${PATH}/abc__party__`, null);
  const party = new Party(client, PATH);
  expect(await party.members()).toEqual(['']);
  expect(await party.size()).toBe(1);
});

test('a shallow party has its identifiers in the names', async () => {
  const client = await (await Lab.open()).client();
  const party = new ShallowParty(client, PATH, { identifier: 'one-two' });
  await party.join();
  const [name] = await client.getChildren(PATH);
  expect(name).toMatch(/^[0-9a-f]{32}-one-two$/);
  expect((await client.get(`${PATH}/${name}`))[0]?.toString()).toBe('one-two');
  await client.create(`${PATH}/whole`);
  expect((await party.members()).sort()).toEqual(['one-two', 'whole']);
  expect(await party.size()).toBe(2);
  expect(() => new ShallowParty(client, PATH, { identifier: 'a/b' })).toThrow(RangeError);
  expect(() => new ShallowParty(client, PATH, { identifier: 5 as never })).toThrow(TypeError);
});

test('after the loss of the session, joining again restores the membership (PT-6)', async () => {
  const lab = await Lab.open();
  const client = await lab.client();
  const party = new Party(client, PATH, { identifier: 'one' });
  await party.join();
  await lab.expire(client);
  expect(await party.members()).toEqual([]);
  await party.join();
  expect(await party.members()).toEqual(['one']);
});

test('a node of an earlier session is replaced, and a lost reply is no second member (PT-3)', async () => {
  const lab = await Lab.open();
  const [client, other] = [await lab.client(), await lab.client()];
  const party = new Party(client, PATH, { identifier: 'one' });
  await party.join();
  const [name] = await client.getChildren(PATH);
  await client.delete(`${PATH}/${name}`);
  await other.create(`${PATH}/${name}`, 'stale', { ephemeral: true });
  lab.server.faults.cutAfterCommit('create');
  await party.join();
  expect((await client.get(`${PATH}/${name}`))[1].ephemeralOwner).toBe(client.clientId!.sessionId);
  expect(await party.members()).toEqual(['one']);
  lab.server.faults.cutAfterCommit('delete');
  expect(await party.leave()).toBe(true);
});

test.each(['left', 'gave up to join', 'gave up, with nothing lost until then'])(
  'no member comes of a create without an answer that is carried out after it %s',
  async (how) => {
    const lab = await Lab.open();
    const client = await lab.client({ timeout: 1_000 });
    const controller = new AbortController();
    let late: (() => Promise<string>) | undefined;
    const flawed = altered(client, {
      create: (...args: Parameters<typeof client.create>) => {
        if (late !== undefined) return client.create(...args);
        late = () => client.create(args[0], args[1], { ...args[2], signal: undefined });
        if (how !== 'left') controller.abort(new Error('enough'));
        return Promise.reject(
          how === 'gave up, with nothing lost until then' ? new Error('enough') : new ConnectionLoss('on its way yet'),
        );
      },
    });
    const party = new Party(flawed, PATH, { identifier: 'a' });
    const joined = party.join({ signal: controller.signal });
    if (how === 'left') await joined;
    else await expect(joined).rejects.toThrow('enough');
    expect(await party.leave()).toBe(how === 'left');
    await late!();
    expect(await party.members()).toEqual(['a']);
    await until('it has gone', async () => (await party.members()).length === 0);
  },
);

test('who has joined again stays when what might have come late is looked for', async () => {
  const lab = await Lab.open();
  const client = await lab.client({ timeout: 1_000 });
  let creates = 0;
  const flawed = altered(client, {
    create: async (...args: Parameters<typeof client.create>) => {
      if (++creates === 1) throw new ConnectionLoss('lost');
      return client.create(...args);
    },
  });
  const party = new Party(flawed, PATH, { identifier: 'a' });
  await party.join();
  await party.leave();
  await party.join();
  await pause(client.sessionTimeout! * 1.5);
  expect(await party.members()).toEqual(['a']);
});
