import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import { LeaderLatch } from '../../src/recipe/leader-latch.ts';
import { besideCurator, type CuratorPeer } from './curator-peer.ts';
import { eventually } from './eventually.ts';

const PATIENCE = 60_000;

besideCurator("leader latches beside Curator's", (world) => {
  /** A latch of ours that is closed with the test, whatever happens. */
  function ours(path: string, identifier: string): LeaderLatch {
    const latch = new LeaderLatch(world.client, path, { identifier });
    onTestFinished(() => latch.close());
    latch.start();
    return latch;
  }

  async function inLine(path: string, count: number): Promise<void> {
    await eventually(async () => (await world.client.exists(path))?.numChildren === count);
  }

  async function curatorLeads(name: string, peer: CuratorPeer = world.curator): Promise<boolean> {
    return (await peer.ask(`leads ${name}`)) === 'true';
  }

  test('the two see one line, in one order, and one leader', async () => {
    await world.curator.ask('latch a /line java-a');
    await inLine('/line', 1);
    const first = ours('/line', 'node-a');
    await inLine('/line', 2);
    await world.curator.ask('latch b /line java-b');
    await inLine('/line', 3);
    expect(await world.curator.ask('await a 10000')).toBe('true');
    expect(await world.curator.ask('participants b')).toBe('java-a!,node-a,java-b');
    expect(await first.participants()).toEqual(['java-a', 'node-a', 'java-b']);
    expect([await first.leader(), await world.curator.ask('leader b')]).toEqual(['java-a', 'java-a']);
    expect([first.isLeader, await curatorLeads('b')]).toEqual([false, false]);
    await world.curator.ask('close a');
    expect(await first.waitForLeadership()).toBe(true);
    expect(await world.curator.ask('leader b')).toBe('node-a');
    await first.close();
    expect(await world.curator.ask('await b 10000')).toBe('true');
    await world.curator.ask('close b');
  });

  test('a hundred rounds: exactly one leads, and the next takes over when it is closed', { timeout: PATIENCE }, async () => {
    for (let round = 0; round < 100; round++) {
      const path = `/rounds/${round}`;
      await world.client.ensurePath(path);
      // Neither waits for the other: who comes first is left to chance.
      const started = world.curator.ask(`latch l ${path} java`);
      const latch = new LeaderLatch(world.client, path, { identifier: 'node' });
      latch.start();
      await started;
      await inLine(path, 2);
      await eventually(async () => latch.isLeader || (await curatorLeads('l')));
      const leaders = [latch.isLeader, await curatorLeads('l')];
      expect(leaders.filter(Boolean)).toHaveLength(1);
      if (latch.isLeader) {
        await latch.close();
        expect(await world.curator.ask('await l 20000')).toBe('true');
        await world.curator.ask('close l');
      } else {
        await world.curator.ask('close l');
        expect(await latch.waitForLeadership({ timeout: 20_000 })).toBe(true);
        await latch.close();
      }
      await inLine(path, 0);
    }
  });

  test('many come and go: never do two lead', { timeout: PATIENCE }, async () => {
    // A leader of ours is sure of itself only while its signal has not aborted, and Curator's while it says so: asked in this order, two yeses are two leaders.
    const latches = Array.from({ length: 3 }, (_, place) => ours('/churn', `node-${place}`));
    for (const name of ['x', 'y', 'z']) await world.curator.ask(`latch ${name} /churn java-${name}`);
    await inLine('/churn', 6);
    const led = new Set<string>();
    for (let round = 0; round < 30; round++) {
      const seen: string[] = [];
      await eventually(async () => {
        seen.length = 0;
        for (const name of ['x', 'y', 'z']) if (await curatorLeads(name)) seen.push(name);
        for (const [place, latch] of latches.entries()) if (latch.isLeader) seen.push(String(place));
        return seen.length > 0;
      });
      expect(seen).toHaveLength(1);
      const leader = seen[0]!;
      led.add(leader);
      if (/[xyz]/.test(leader)) {
        await world.curator.ask(`close ${leader}`);
        await world.curator.ask(`latch ${leader} /churn java-${leader}`);
      } else {
        await latches[Number(leader)]!.close();
        latches[Number(leader)] = ours('/churn', `node-${leader}`);
      }
    }
    expect([...led].sort()).toEqual(['0', '1', '2', 'x', 'y', 'z']);
    for (const name of ['x', 'y', 'z']) await world.curator.ask(`close ${name}`);
  });

  test('ours takes over from a Curator process that is killed', { timeout: PATIENCE }, async () => {
    for (let round = 0; round < 2; round++) {
      const victim = world.newPeer();
      await victim.ask('latch l /killed java');
      expect(await victim.ask('await l 10000')).toBe('true');
      const latch = ours('/killed', 'node');
      await inLine('/killed', 2);
      expect(latch.isLeader).toBe(false);
      victim.kill();
      expect(await latch.waitForLeadership({ timeout: 40_000 })).toBe(true);
      expect(await latch.participants()).toEqual(['node']);
      await latch.close();
    }
  });

  test("Curator's takes over from a process of ours that is killed", { timeout: PATIENCE }, async () => {
    const script = fileURLToPath(new URL('./node-latch.mjs', import.meta.url));
    for (let round = 0; round < 2; round++) {
      const given = JSON.stringify({ hosts: world.hosts, timeout: 4_000, path: '/killed-node', identifier: 'node' });
      const victim = spawn(process.execPath, [script, given], { stdio: ['ignore', 'pipe', 'inherit'] });
      onTestFinished(() => void victim.kill('SIGKILL'));
      await once(victim.stdout, 'data');
      await world.curator.ask('latch l /killed-node java');
      await inLine('/killed-node', 2);
      expect(await world.curator.ask('leader l')).toBe('node');
      expect(await curatorLeads('l')).toBe(false);
      victim.kill('SIGKILL');
      expect(await world.curator.ask('await l 40000')).toBe('true');
      await world.curator.ask('close l');
      await inLine('/killed-node', 0);
    }
  });
});
