import { arch, cpus, freemem, hostname, platform, release, totalmem, userInfo } from 'node:os';
import type { OpName } from '../codec/ops.ts';
import type { Caller } from './caller.ts';
import type { ServerState } from './server-state.ts';
import type { Watcher } from './watch-table.ts';

/** The data for a word's answer. */
interface Subject {
  readonly state: ServerState;
  readonly port: number;
  /** Bytes after the word. */
  readonly argument: Buffer;
}

/** The answers of a standalone server (admin guide, "The Four Letter Words"). */
const WORDS = {
  conf: ({ state, port }) => lines(configuration(state, port)),
  cons: ({ state }) =>
    `${connections(state)
      .map((caller) => describe(caller, true))
      .join('')}\n`,
  crst: ({ state }) => {
    for (const caller of state.connections) Object.assign(caller.statistics, { received: 0, sent: 0 });
    return 'Connection stats reset.\n';
  },
  dirs: () => 'datadir_size: 0\nlogdir_size: 0\n',
  dump: ({ state }) => dump(state),
  envi: ({ state }) => `Environment:\n${lines(environment(state))}`,
  gtmk: () => '306',
  hash: () => '',
  isro: ({ state }) => (state.readOnly ? 'ro' : 'rw'),
  mntr: ({ state }) => monitor(state),
  ruok: () => 'imok',
  srst: ({ state }) => {
    Object.assign(state.statistics, { received: 0, sent: 0 });
    return 'Server stats reset.\n';
  },
  srvr: ({ state }) => `${versionLine(state)}${server(state)}`,
  stat: ({ state }) =>
    `${versionLine(state)}Clients:\n${connections(state)
      .map((caller) => describe(caller, false))
      .join('')}\n${server(state)}`,
  stmk: ({ argument }) => argument.readBigInt64BE(0).toString(),
  wchc: ({ state }) => `${bySession(state)}\n`,
  wchp: ({ state }) => `${byPath(state)}\n`,
  wchs: ({ state }) => summary(state),
} as const satisfies Record<string, (subject: Subject) => string>;

type Word = keyof typeof WORDS;

export function isWord(text: string): boolean {
  return Object.hasOwn(WORDS, text);
}

/** The length of a word with its argument, bytes. */
export function wordLength(word: string): number {
  return word === 'stmk' ? 12 : 4;
}

/** The answer to a word, or the message that it is not on the list. */
export function answerWord(word: string, subject: Subject): string {
  const allowed = subject.state.options.whitelist.split(',').map((entry) => entry.trim());
  if (!allowed.includes('*') && !allowed.includes(word)) return `${word} is not executed because it is not in the whitelist.\n`;
  return WORDS[word as Word](subject);
}

function lines(entries: Readonly<Record<string, string | number>>): string {
  return Object.entries(entries)
    .map(([key, value]) => `${key}=${value}\n`)
    .join('');
}

function hex(value: bigint | number): string {
  return `0x${value.toString(16)}`;
}

function connections(state: ServerState): Caller[] {
  return [...state.connections];
}

function versionLine({ version }: ServerState): string {
  return `Zookeeper version: ${version.name}-embedded, built on 1970-01-01 00:00 UTC\n`;
}

function server(state: ServerState): string {
  const { received, sent } = state.statistics;
  const average = state.version.atLeast('3.6.0') ? '0.0' : '0';
  return [
    `Latency min/avg/max: 0/${average}/0`,
    `Received: ${received}`,
    `Sent: ${sent}`,
    `Connections: ${state.connections.size}`,
    'Outstanding: 0',
    `Zxid: ${hex(state.tree.zxid)}`,
    `Mode: ${mode(state)}`,
    `Node count: ${state.tree.size}\n`,
  ].join('\n');
}

function mode(state: ServerState): string {
  return state.readOnly ? 'read-only' : 'standalone';
}

function describe({ address, port, session, statistics }: Caller, detailed: boolean): string {
  const { received, sent, established, lastOp, lastXid, lastZxid } = statistics;
  const counts = `queued=0,recved=${received},sent=${sent}`;
  const details = `,sid=${hex(session?.id ?? 0n)},lop=${lastOp === null ? 'NA' : OPERATIONS[lastOp]},est=${established},to=${session?.timeout ?? 0},lcxid=${hex(lastXid)},lzxid=${hex(lastZxid)},lresp=0,llat=0,minlat=0,avglat=0,maxlat=0`;
  return ` /${address}:${port}[${session === null ? 0 : 1}](${counts}${detailed && session !== null ? details : ''})\n`;
}

function configuration({ options }: ServerState, port: number): Record<string, string | number> {
  return {
    clientPort: port,
    secureClientPort: -1,
    dataDir: '/dev/null/version-2',
    dataDirSize: 0,
    dataLogDir: '/dev/null/version-2',
    dataLogSize: 0,
    tickTime: options.tickTime,
    maxClientCnxns: options.maxClientCnxns,
    minSessionTimeout: options.minSessionTimeout,
    maxSessionTimeout: options.maxSessionTimeout,
    clientPortListenBacklog: -1,
    serverId: 0,
  };
}

function environment({ version }: ServerState): Record<string, string | number> {
  return {
    'zookeeper.version': version.name,
    'host.name': hostname(),
    'node.version': process.version,
    'os.name': platform(),
    'os.arch': arch(),
    'os.version': release(),
    'os.processors': cpus().length,
    'os.memory.free': freemem(),
    'os.memory.total': totalmem(),
    'user.name': userInfo().username,
    'user.dir': process.cwd(),
  };
}

function monitor(state: ServerState): string {
  const ephemerals = [...state.tree.ephemerals().values()].reduce((sum, paths) => sum + paths.size, 0);
  const size = [...state.tree.entries()].reduce((sum, [path, node]) => sum + path.length + (node.data?.length ?? 0), 0);
  const values: Record<string, string | number> = {
    version: `${state.version.name}-embedded`,
    server_state: mode(state),
    avg_latency: '0.0',
    max_latency: 0,
    min_latency: 0,
    packets_received: state.statistics.received,
    packets_sent: state.statistics.sent,
    num_alive_connections: state.connections.size,
    outstanding_requests: 0,
    znode_count: state.tree.size,
    watch_count: state.watches.count,
    ephemerals_count: ephemerals,
    approximate_data_size: size,
    global_sessions: state.sessions.size,
    local_sessions: 0,
    uptime: Math.trunc(state.options.clock.now() - state.statistics.since),
  };
  return Object.entries(values)
    .map(([key, value]) => `zk_${key}\t${value}\n`)
    .join('');
}

function dump(state: ServerState): string {
  const { clock } = state.options;
  const deadlines = new Map<number, string[]>();
  for (const [deadline, { id }] of state.sessions.deadlines())
    deadlines.set(deadline, [...(deadlines.get(deadline) ?? []), `\t${hex(id)}\n`]);
  const expiry = [...deadlines].map(([deadline, ids]) => {
    const when = new Date(clock.wallTime() + deadline - clock.now());
    return `${ids.length} expire at ${when.toUTCString()}:\n${ids.join('')}`;
  });
  const owners = [...state.tree.ephemerals()].map(
    ([id, paths]) => `${hex(id)}:\n${[...paths].map((path) => `\t${path}\n`).join('')}`,
  );
  const connected = [...state.connections].map((caller) => describe(caller, false));
  return [
    'SessionTracker dump:\n',
    `Session Sets (${deadlines.size})/(${state.sessions.size}):\n`,
    ...expiry,
    'ephemeral nodes dump:\n',
    `Sessions with Ephemerals (${owners.length}):\n`,
    ...owners,
    'Connections dump:\n',
    `Connections Sets (1)/(${connected.length}):\n`,
    ...connected,
  ].join('');
}

function summary({ watches }: ServerState): string {
  const { byPath: paths, byWatcher } = watches.dataWatches();
  const total = [...byWatcher.values()].reduce((sum, watched) => sum + watched.size, 0);
  return `${byWatcher.size} connections watching ${paths.size} paths\nTotal watches:${total}\n`;
}

function bySession(state: ServerState): string {
  const { byWatcher } = state.watches.dataWatches();
  return [...byWatcher]
    .map(([watcher, paths]) => `${sessionOf(state, watcher)}\n${[...paths].map((path) => `\t${path}\n`).join('')}`)
    .join('');
}

function byPath(state: ServerState): string {
  const { byPath: paths } = state.watches.dataWatches();
  return [...paths]
    .map(([path, watchers]) => `${path}\n${[...watchers.keys()].map((watcher) => `\t${sessionOf(state, watcher)}\n`).join('')}`)
    .join('');
}

function sessionOf(state: ServerState, watcher: Watcher): string {
  const caller = [...state.connections].find((connected) => connected === watcher);
  return hex(caller?.session?.id ?? 0n);
}

/** The names that `cons` shows for a connection's last operation. */
const OPERATIONS: Readonly<Record<OpName, string>> = {
  create: 'CREA',
  delete: 'DELE',
  exists: 'EXIS',
  getData: 'GETD',
  setData: 'SETD',
  getACL: 'GETA',
  setACL: 'SETA',
  getChildren: 'GETC',
  sync: 'SYNC',
  ping: 'PING',
  getChildren2: 'GETC',
  check: 'CHEC',
  multi: 'MULT',
  create2: 'CREA',
  reconfig: 'RECO',
  checkWatches: 'CHKW',
  removeWatches: 'REMW',
  createContainer: 'CREA',
  deleteContainer: 'DELC',
  createTTL: 'CREA',
  multiRead: 'MLTR',
  auth: 'NA',
  setWatches: 'SETW',
  sasl: 'NA',
  getEphemerals: 'GETE',
  getAllChildrenNumber: 'GETACN',
  setWatches2: 'STW2',
  addWatch: 'ADDW',
  whoAmI: 'WHOAMI',
  closeSession: 'CLOS',
};
