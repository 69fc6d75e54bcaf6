import { ConfigurationError } from '../base/errors.ts';
import { describeValue } from '../base/paths.ts';

type Release = readonly [major: number, minor: number, patch: number];

/** The last release of each line, which `'3.8'` stands for. */
const LATEST: Readonly<Record<string, string>> = {
  '3.4': '3.4.14',
  '3.5': '3.5.10',
  '3.6': '3.6.4',
  '3.7': '3.7.2',
  '3.8': '3.8.5',
  '3.9': '3.9.5',
  '3.10': '3.10.0',
};

/** The releases that introduced a behaviour: the first of each line; all lines after the last have it. */
const SINCE = {
  eventZxid: ['3.9.0'],
  watchModesCoexist: ['3.9.0'],
  /** READ is required for `exists`, and for receiving an event. */
  readGuardsEvents: ['3.7.3', '3.8.4', '3.9.2'],
  refusesLoneCheck: ['3.8.5', '3.9.3'],
  create2InMulti: ['3.7.2', '3.8.2', '3.9.0'],
  undecodableWritesAreFree: ['3.9.0'],
  deleteContainerIsJute: ['3.9.0'],
  ipv6Acl: ['3.9.4'],
  hasConfig: ['3.5.0'],
  hardQuota: ['3.7.0'],
  neverUsedContainersGo: ['3.10.0'],
  versionSkipsMinusOne: ['3.10.0'],
  /** Clients that may not delete do not learn which nodes exist. */
  deleteHidesMissing: ['3.6.0'],
  readOnlyByteAlways: ['3.9.0'],
  readOnlyByteAsAsked: ['3.9.3'],
} as const satisfies Record<string, readonly string[]>;

/** The behaviours in which releases differ. */
export type Features = Readonly<Record<keyof typeof SINCE, boolean>>;

/** The release of Apache ZooKeeper to imitate. */
export interface ServerVersion {
  readonly name: string;
  readonly features: Features;
  /** Whether the release is `version` or a later one. */
  atLeast(version: string): boolean;
}

/** @throws ConfigurationError for anything but a line (`3.8`) or a release (`3.8.4`) from 3.4 on */
export function serverVersion(version: string): ServerVersion {
  const name = LATEST[version] ?? version;
  const line = name.split('.').slice(0, 2).join('.');
  if (!/^\d+\.\d+\.\d+$/.test(name) || !(line in LATEST)) {
    throw new ConfigurationError(
      `version ${describeValue(version)} is not one of ${Object.keys(LATEST).join(', ')}, nor a release such as 3.9.5`,
    );
  }
  const release = parse(name);
  const features = Object.fromEntries(
    Object.entries(SINCE).map(([feature, since]) => [feature, isIn(release, since.map(parse))]),
  );
  return { name, features: features as Features, atLeast: (other) => compare(release, parse(other)) >= 0 };
}

function isIn(release: Release, since: readonly Release[]): boolean {
  const sameLine = since.find(([major, minor]) => major === release[0] && minor === release[1]);
  return compare(release, sameLine ?? since.at(-1)!) >= 0;
}

function parse(version: string): Release {
  const [major = 0, minor = 0, patch = 0] = version.split('.').map(Number);
  return [major, minor, patch];
}

function compare(a: Release, b: Release): number {
  return a[0] - b[0] || a[1] - b[1] || a[2] - b[2];
}
