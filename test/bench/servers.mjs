// The three servers: the canned responder, real ZooKeeper, and the package's embedded server; each in a process of its own, on the given cores.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { on } from './cores.mjs';
import { buildResponder, node, serverCommand } from './install.mjs';
import { LineProcess } from './line-process.mjs';
import { layOut } from './wire.mjs';

const CHILDREN = Array.from({ length: 10 }, (_, i) => [`/bench/kids/child${String(i).padStart(5, '0')}`]);
const NODES = [['/bench', ''], ['/bench/node'], ['/bench/made', ''], ['/bench/kids', ''], ...CHILDREN];

export async function cannedServer(cores) {
  const program = new LineProcess('canned responder', on(cores, [await buildResponder(), []]));
  const port = await program.line(5000);
  return { address: `127.0.0.1:${port}`, stop: () => program.end(1000) };
}

export async function realServer(cores) {
  const folder = mkdtempSync(join(tmpdir(), 'kazoo-bench-'));
  const port = await freePort();
  const config = join(folder, 'zoo.cfg');
  writeFileSync(
    config,
    [
      `dataDir=${folder}/data`,
      `clientPort=${port}`,
      'clientPortAddress=127.0.0.1',
      'tickTime=3000',
      'maxClientCnxns=0',
      'snapCount=10000000',
      '',
    ].join('\n'),
  );
  const server = new LineProcess('ZooKeeper', on(cores, serverCommand(config)));
  const stop = async () => {
    await server.end(0);
    rmSync(folder, { recursive: true, force: true });
  };
  const address = `127.0.0.1:${port}`;
  try {
    await layOutOnceServing(address);
  } catch (error) {
    await stop();
    throw error;
  }
  return { address, stop };
}

export async function embeddedServer(cores) {
  const server = new LineProcess('embedded server', on(cores, node('peer/embedded-server.mjs')({})));
  const { address } = await server.json(10_000);
  await layOut(address, NODES);
  return { address, stop: () => server.end() };
}

async function freePort() {
  const probe = net.createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => probe.once('listening', resolve));
  const { port } = probe.address();
  await new Promise((resolve) => probe.close(resolve));
  return port;
}

/** ZooKeeper listens before it serves, and closes what comes too early: so the nodes are laid out when it first lets us. */
async function layOutOnceServing(address) {
  for (const deadline = Date.now() + 60_000; ;) {
    try {
      return await layOut(address, NODES);
    } catch (error) {
      if (Date.now() > deadline) throw error;
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  }
}
