import { ConfigurationError } from './errors.ts';
import { describeValue, normalizePath } from './paths.ts';

/** One server of the connect string. */
export interface HostPort {
  readonly host: string;
  readonly port: number;
}

export const DEFAULT_PORT = 2181;

/**
 * The servers and the chroot of a connect string: `h1:2181,[::1]:2182/chroot`, or a list whose last item may be the chroot (Kazoo HO-10).
 *
 * @throws ConfigurationError naming the invalid part
 */
export function collectHosts(hosts: string | readonly string[]): { hosts: HostPort[]; chroot: string } {
  const [servers, chroot] = Array.isArray(hosts) ? splitList(hosts as readonly unknown[]) : splitString(hosts);
  const items = servers.map((item) => item.trim()).filter((item) => item !== '');
  if (items.length === 0)
    throw new ConfigurationError(`hosts ${describeValue(hosts)} name no server; expected "host:port,host:port/chroot"`);
  return { hosts: items.map(parseServer), chroot: parseChroot(chroot) };
}

/** The connect string's form of a server, IPv6 in brackets. */
export function formatHost({ host, port }: HostPort): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

function splitString(hosts: unknown): [string[], string] {
  if (typeof hosts !== 'string')
    throw new ConfigurationError(`hosts must be a string or an array of strings, not ${describeValue(hosts)}`);
  const slash = hosts.indexOf('/');
  if (slash < 0) return [hosts.split(','), ''];
  const chroot = hosts.slice(slash);
  if (chroot.includes(','))
    throw new ConfigurationError(
      `hosts ${describeValue(hosts)} give a chroot per server; one chroot belongs at the end: "h1:2181,h2:2181/chroot"`,
    );
  return [hosts.slice(0, slash).split(','), chroot];
}

function splitList(hosts: readonly unknown[]): [string[], string] {
  const strings = Array.from(hosts, (item) => {
    if (typeof item !== 'string') throw new ConfigurationError(`hosts must contain strings only, not ${describeValue(item)}`);
    return item.trim();
  });
  const last = strings.at(-1);
  const slash = last?.indexOf('/') ?? -1;
  if (last === undefined || slash < 0) return [strings.map(withoutChroot), ''];
  return [[...strings.slice(0, -1), last.slice(0, slash)].map(withoutChroot), last.slice(slash)];
}

function withoutChroot(item: string): string {
  if (item.includes('/'))
    throw new ConfigurationError(`host ${describeValue(item)} has a chroot of its own; one chroot belongs at the end`);
  return item;
}

function parseChroot(chroot: string): string {
  try {
    const path = normalizePath(chroot.trim());
    return path === '/' ? '' : path;
  } catch (cause) {
    throw new ConfigurationError(`chroot ${describeValue(chroot)} is not a path`, { cause });
  }
}

const SERVER = /^(?:\[(?<bracketed>[^\]]+)\]|(?<plain>[^:[\],\s]+))(?::(?<port>\d{1,5}))?$/;

function parseServer(item: string): HostPort {
  if (isIpv6(item)) return { host: item.toLowerCase(), port: DEFAULT_PORT };
  const { bracketed, plain: host = bracketed, port: given } = SERVER.exec(item)?.groups ?? {};
  if (host === undefined || (bracketed !== undefined && !isIpv6(bracketed)))
    throw new ConfigurationError(`host ${describeValue(item)} is not "host", "host:port" or "[IPv6]:port"`);
  const port = Number(given) || DEFAULT_PORT;
  if (port > 65_535) throw new ConfigurationError(`host ${describeValue(item)} has port ${port}; expected 1 to 65535`);
  return { host: host.toLowerCase(), port };
}

/** A zone is allowed. `fe80::1:2181` is an address: a port needs brackets. */
function isIpv6(text: string): boolean {
  return URL.canParse(`http://[${/^([0-9a-f:.]+)(%[\w.-]+)?$/i.exec(text)?.[1]}]`);
}
