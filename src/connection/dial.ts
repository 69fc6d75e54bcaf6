import type { Socket } from 'node:net';
import type { ConnectionOptions, TLSSocket } from 'node:tls';
import { ConfigurationError, ConnectionDropped } from '../base/exceptions.ts';
import { Reads, SocketTransport, type Target, type Transport } from './transport.ts';

/** How to connect: without or with TLS. Each certificate is a PEM path or PEM text; files are read again for every connection. */
export interface DialOptions {
  readonly useSsl: boolean;
  readonly ca?: string | Uint8Array | undefined;
  readonly certfile?: string | Uint8Array | undefined;
  readonly keyfile?: string | Uint8Array | undefined;
  readonly keyfilePassword?: string | undefined;
  readonly verifyCerts: boolean;
  readonly checkHostname: boolean;
  readonly tls?: ConnectionOptions | undefined;
}

/**
 * All addresses of a name, in the resolver's order. Looked up again before each dial (ZOOKEEPER-2184), except while a lookup of it is pending: lookups cannot be
 * cancelled and few run at a time, so those of a long outage would queue up in front of the ones that are answered again.
 */
export function resolveHost(host: string): Promise<string[]> {
  if (isIP(host.replace(/%.*$/, '')) !== 0) return Promise.resolve([host]);
  const open = lookups.get(host) ?? lookUp(host).finally(() => lookups.delete(host));
  lookups.set(host, open);
  return open;
}

const lookups = new Map<string, Promise<string[]>>();

async function lookUp(host: string): Promise<string[]> {
  const found = await process.getBuiltinModule('node:dns').promises.lookup(host, { all: true });
  return [...new Set(found.map(({ address }) => address))];
}

/**
 * Opens a socket, including the TLS handshake.
 *
 * @param signal ends the attempt; the promise rejects with its reason
 * @throws ConnectionDropped naming the server, with the socket's error as cause
 */
export function dialSocket(target: Target, options: DialOptions, signal: AbortSignal): Promise<Transport> {
  return new Promise((resolve, reject) => {
    const reads = options.useSsl ? undefined : new Reads();
    const socket = reads === undefined ? openTls(target, options) : openPlain(target, reads);
    const abort = (): void => fail(signal.reason as Error);
    const fail = (error: unknown): void => {
      signal.removeEventListener('abort', abort);
      socket.removeAllListeners();
      socket.on('error', () => undefined);
      socket.destroy();
      reject(error);
    };
    if (signal.aborted) return abort();
    signal.addEventListener('abort', abort, { once: true });
    socket.once('error', (cause: NodeJS.ErrnoException) =>
      fail(new ConnectionDropped(cause.message, { cause, code: cause.code })),
    );
    socket.once('close', () => fail(new ConnectionDropped('the connection closed while it was being established')));
    socket.once(options.useSsl ? 'secureConnect' : 'connect', () => {
      signal.removeEventListener('abort', abort);
      socket.removeAllListeners();
      resolve(new SocketTransport(socket, reads));
    });
  });
}

function openPlain({ address, port }: Target, reads: Reads): Socket {
  return process.getBuiltinModule('node:net').connect({ host: address, port, onread: reads });
}

function openTls({ address, host, port }: Target, options: DialOptions): TLSSocket {
  try {
    return process.getBuiltinModule('node:tls').connect({ host: address, port, ...tlsOptions(host, address, options) });
  } catch (cause) {
    if (cause instanceof ConfigurationError) throw cause;
    throw new ConfigurationError(`the TLS options cannot be used: ${(cause as Error).message}`, { cause });
  }
}

function tlsOptions(host: string, address: string, options: DialOptions): ConnectionOptions {
  const { ca, certfile, keyfile, keyfilePassword, verifyCerts, checkHostname, tls } = options;
  return {
    ...(isIP(host) === 0 ? identityOf(host.replace(/\.$/, ''), address) : {}),
    ...(ca === undefined ? {} : { ca: pem('ca', ca) }),
    // One PEM file may contain both: without a key file, the key is read from the certificate file.
    ...(certfile === undefined ? {} : { cert: pem('certfile', certfile), key: pem('keyfile', keyfile ?? certfile) }),
    ...(keyfilePassword === undefined ? {} : { passphrase: keyfilePassword }),
    rejectUnauthorized: verifyCerts,
    ...(checkHostname ? {} : { checkServerIdentity: () => undefined }),
    ...tls,
  };
}

/** Java servers refuse the handshake for names they consider invalid: with a trailing dot, or an underscore, as Docker uses. Such a name is not sent, but still checked. */
function identityOf(name: string, address: string): ConnectionOptions {
  if (!/[^a-z\d.-]|(^|\.)-|-(\.|$)/i.test(name)) return { servername: name };
  const { checkServerIdentity } = process.getBuiltinModule('node:tls');
  return { checkServerIdentity: (checked, cert) => checkServerIdentity(checked === address ? name : checked, cert) };
}

function pem(option: string, value: string | Uint8Array): string | Buffer {
  if (typeof value !== 'string') return Buffer.from(value);
  if (value.includes('-----BEGIN')) return value;
  const { existsSync, readFileSync } = process.getBuiltinModule('node:fs');
  if (!existsSync(value)) throw new ConfigurationError(`${option} "${value}" is neither PEM text nor a file`);
  return readFileSync(value);
}

/** Node's modules are loaded on first use, to keep importing the package cheap. */
function isIP(address: string): number {
  return process.getBuiltinModule('node:net').isIP(address);
}
