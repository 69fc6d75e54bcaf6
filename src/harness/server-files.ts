import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** A value of `zoo.cfg` or of a Java system property. */
export type SettingValue = string | number | boolean;

/** The server's side of TLS, as PEM text or paths of PEM files. The private key is PKCS #8 (`BEGIN PRIVATE KEY`). */
export interface ServerTls {
  key: string;
  cert: string;
  /** The CA against which clients' certificates are checked. */
  ca: string;
  /** Default `need`, as in ZooKeeper. */
  clientAuth?: 'none' | 'want' | 'need' | undefined;
}

/** One member of an ensemble. */
export interface EnsembleMember {
  id: number;
  host: string;
  clientPort: number;
  quorumPort: number;
  electionPort: number;
  role: 'participant' | 'observer';
}

/** The contents of a server's files. */
export interface ServerFiles {
  workingPath: string;
  host: string;
  clientPort: number;
  securePort: number | null;
  tickTime: number;
  configuration: Readonly<Record<string, SettingValue>>;
  jaas: string | null;
  tls: ServerTls | null;
  reconfig: boolean;
  ensemble: { id: number; members: readonly EnsembleMember[] } | null;
}

/** `server.N=…`, as `zoo.cfg`, `/zookeeper/config` and `reconfig` write it. */
export function memberLine({ id, host, clientPort, quorumPort, electionPort, role }: EnsembleMember): string {
  return `server.${id}=${host}:${quorumPort}:${electionPort}:${role};${host}:${clientPort}`;
}

/** Writes `zoo.cfg` and the files it needs: `data/myid`, the ensemble, the JAAS file, the PEM stores, the settings of all loggers in use. */
export async function writeServerFiles(files: ServerFiles): Promise<void> {
  const at = (name: string): string => join(files.workingPath, name);
  const writes = [
    writeFile(at('zoo.cfg'), renderSettings(zooCfg(files))),
    writeFile(at('logback.xml'), LOGBACK),
    writeFile(at('log4j.properties'), LOG4J),
  ];
  if (files.ensemble !== null) {
    const lines = files.ensemble.members.map((member) => `${memberLine(member)}\n`);
    writes.push(writeFile(at('data/myid'), `${files.ensemble.id}\n`), writeFile(at('zoo.cfg.dynamic'), lines.join('')));
  }
  if (files.jaas !== null) writes.push(writeFile(at('jaas.conf'), files.jaas));
  if (files.tls !== null) {
    const [key, cert, ca] = await Promise.all([files.tls.key, files.tls.cert, files.tls.ca].map(pemText));
    writes.push(writeFile(at('keystore.pem'), `${key}\n${cert}\n`, { mode: 0o600 }), writeFile(at('truststore.pem'), ca ?? ''));
  }
  await Promise.all(writes);
}

function zooCfg(files: ServerFiles): Record<string, SettingValue> {
  return {
    ...baseSettings(files),
    ...ensembleSettings(files),
    ...tlsSettings(files),
    ...saslSettings(files),
    ...files.configuration,
  };
}

function baseSettings({ workingPath, tickTime, ensemble, clientPort, host }: ServerFiles): Record<string, SettingValue> {
  return {
    tickTime,
    dataDir: join(workingPath, 'data'),
    maxClientCnxns: 0,
    // Ticks here are short for quick tests; clients may still ask for ZooKeeper's usual minute.
    maxSessionTimeout: 60_000,
    'admin.enableServer': false,
    '4lw.commands.whitelist': '*',
    extendedTypesEnabled: true,
    forceSync: 'no',
    ...(ensemble === null ? { clientPort, clientPortAddress: host } : {}),
  };
}

function ensembleSettings({ workingPath, ensemble, reconfig }: ServerFiles): Record<string, SettingValue> {
  if (ensemble === null) return {};
  const observes = ensemble.members.some(({ id, role }) => id === ensemble.id && role === 'observer');
  return {
    initLimit: 20,
    syncLimit: 10,
    standaloneEnabled: false,
    reconfigEnabled: reconfig,
    dynamicConfigFile: join(workingPath, 'zoo.cfg.dynamic'),
    ...(observes ? { peerType: 'observer' } : {}),
  };
}

function tlsSettings({ workingPath, tls, securePort, host }: ServerFiles): Record<string, SettingValue> {
  if (tls === null || securePort === null) return {};
  return {
    secureClientPort: securePort,
    secureClientPortAddress: host,
    serverCnxnFactory: 'org.apache.zookeeper.server.NettyServerCnxnFactory',
    'ssl.keyStore.location': join(workingPath, 'keystore.pem'),
    'ssl.keyStore.type': 'PEM',
    'ssl.trustStore.location': join(workingPath, 'truststore.pem'),
    'ssl.trustStore.type': 'PEM',
    'ssl.clientAuth': tls.clientAuth ?? 'need',
    // Until 3.8 this also made the server look up its clients' names.
    'ssl.hostnameVerification': false,
  };
}

function saslSettings({ jaas }: ServerFiles): Record<string, SettingValue> {
  return jaas === null ? {} : { 'authProvider.sasl': 'org.apache.zookeeper.server.auth.SASLAuthenticationProvider' };
}

function renderSettings(settings: Record<string, SettingValue>): string {
  const lines = Object.entries(settings).map(([key, value]) => `${key}=${String(value).replaceAll('\\', '\\\\')}\n`);
  return lines.join('');
}

async function pemText(pem: string): Promise<string> {
  return pem.includes('-----BEGIN') ? pem : await readFile(pem, 'utf8');
}

// Each of the three logging back ends that may be on the class path writes to standard output, which is the log file.
const LOGBACK = `<configuration>
  <appender name="OUT" class="ch.qos.logback.core.ConsoleAppender">
    <encoder><pattern>%d{ISO8601} [%thread] %-5level %logger{0} - %msg%n</pattern></encoder>
  </appender>
  <root level="INFO"><appender-ref ref="OUT"/></root>
</configuration>
`;
const LOG4J = `log4j.rootLogger=INFO, OUT
log4j.appender.OUT=org.apache.log4j.ConsoleAppender
log4j.appender.OUT.layout=org.apache.log4j.PatternLayout
log4j.appender.OUT.layout.ConversionPattern=%d{ISO8601} [%t] %-5p %c{1} - %m%n
`;
