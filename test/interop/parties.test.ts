import { expect, test } from 'vitest';
import type { KazooClient } from '../../src/kazoo-client.ts';
import type { SetPartitioner } from '../../src/recipe/set-partitioner.ts';
import { besidePython } from './beside-python.ts';
import { eventually } from './eventually.ts';
import type { PythonObject } from './python-peer.ts';

besidePython('parties and partitions shared with Python Kazoo', ['embedded'], (world) => {
  test.each([['Party', 'party'] as const, ['ShallowParty', 'shallowParty'] as const])(
    'the members of a %s',
    async (theirKind, ourKind) => {
      const path = `/party/${ourKind}`;
      const ours = world.node[ourKind](path, { identifier: 'node-ü' });
      const theirs = await world.python.make(theirKind, [path, 'python-é']);
      await theirs.call('join');
      expect(await ours.members()).toEqual(['python-é']);
      await ours.join();
      for (const list of [await ours.members(), (await theirs.order('enumerate_all')) as string[]])
        expect(list.sort()).toEqual(['node-ü', 'python-é']);
      expect([await ours.size(), await theirs.order('size')]).toEqual([2, 2]);
      expect(await theirs.call('leave')).toBe(true);
      expect(await ours.members()).toEqual(['node-ü']);
      expect(await ours.leave()).toBe(true);
      expect(await theirs.order('enumerate_all')).toEqual([]);
    },
  );

  test('a set is split, each item once, while members of both kinds join and leave', async () => {
    const path = '/partitioner';
    const items = Array.from({ length: 12 }, (_, index) => `item-${index}`);
    const members = new Map<string, Member>();
    const joinNode = (who: string): unknown => members.set(who, new NodeMember(world.node, path, items, who));
    const joinPython = async (who: string): Promise<unknown> =>
      members.set(who, new PythonMember(await world.python.join(path, items, who, BOUNDARY)));
    const leave = async (who: string): Promise<void> => {
      const member = members.get(who)!;
      members.delete(who);
      await member.leave();
    };
    /** At rest the members have what Kazoo's rule gives each: every nth item, from its place among the sorted names. */
    const expectSplit = async (): Promise<void> => {
      const names = [...members.keys()].sort();
      const expected = names.map((_, index) => [...items].sort().filter((_item, place) => place % names.length === index));
      await eventually(async () => {
        const shares = await Promise.all(names.map((who) => members.get(who)!.share()));
        return JSON.stringify(shares) === JSON.stringify(expected);
      }, 20);
    };
    joinNode('member-b');
    await joinPython('member-c');
    await expectSplit();
    await joinPython('member-a');
    await expectSplit();
    joinNode('member-d');
    await expectSplit();
    await leave('member-c');
    await expectSplit();
    await leave('member-b');
    await expectSplit();
    await leave('member-a');
    await leave('member-d');
    for (const item of items) expect(await world.node.getChildren(`${path}/locks/${item}`)).toEqual([]);
    expect(await world.node.getChildren(`${path}/party`)).toEqual([]);
  });
});

/** Milliseconds of quiet before a set is split. */
const BOUNDARY = 250;

interface Member {
  /** null unless acquired */
  share(): Promise<unknown>;
  leave(): Promise<unknown>;
}

class PythonMember implements Member {
  readonly #member: PythonObject;

  constructor(member: PythonObject) {
    this.#member = member;
  }

  share(): Promise<unknown> {
    return this.#member.call('share');
  }

  leave(): Promise<unknown> {
    return this.#member.call('leave');
  }
}

/** Does what the documentation of SetPartitioner says, as the Member of peer.py does. */
class NodeMember implements Member {
  readonly #partitioner: SetPartitioner<string>;

  constructor(client: KazooClient, path: string, items: readonly string[], identifier: string) {
    this.#partitioner = client.setPartitioner(path, items, { identifier, timeBoundary: BOUNDARY });
    this.#partitioner.on('state', (state) => {
      if (state === 'RELEASE') void this.#partitioner.releaseSet();
    });
  }

  share(): Promise<unknown> {
    return Promise.resolve(this.#partitioner.acquired ? [...this.#partitioner] : null);
  }

  leave(): Promise<unknown> {
    return this.#partitioner.finish();
  }
}
