import { AuthFailedError, SASLException } from '../base/errors.ts';
import { digestMd5 } from './digest-md5.ts';
import { gssapi } from './gssapi.ts';
import type { SaslExchange } from './sasl-exchange.ts';

/** A mechanism that creates a new exchange, with current credentials, for each connection. */
export interface SaslMechanism {
  readonly mechanism: string;
  create(context: { host: string; service: string }): SaslExchange | Promise<SaslExchange>;
}

/** The option `sasl`. `service` is the first part of the server's principal, default `zookeeper`; GSSAPI needs the package `kerberos`. */
export type SaslOptions =
  | { mechanism: 'DIGEST-MD5'; username: string; password: string; service?: string | undefined }
  | { mechanism: 'GSSAPI'; service?: string | undefined; principal?: string | undefined }
  | SaslMechanism;

/**
 * Runs the token loop (Kazoo SA-2).
 *
 * @param ask sends a token and resolves with the server's token
 * @throws SASLException if this side cannot continue; AuthFailedError if the server refuses
 */
export async function authenticateSasl(
  options: SaslOptions,
  host: string,
  ask: (token: Buffer) => Promise<Buffer | null>,
): Promise<void> {
  const exchange = await open(options, host);
  let challenge: Buffer | null = null;
  for (let round = 0; round < MAX_ROUNDS; round++) {
    const token = await stepOf(exchange, challenge);
    if (token === null && exchange.complete) return;
    challenge = await ask(Buffer.from(token ?? []));
    if (exchange.complete && (challenge === null || challenge.length === 0)) return;
    if (challenge === null && round === 0)
      throw new AuthFailedError('SASL: the server is not configured for SASL: it answered the first token with none');
  }
  throw new AuthFailedError(`SASL: no agreement after ${MAX_ROUNDS} rounds`);
}

const MAX_ROUNDS = 20;

async function open(options: SaslOptions, host: string): Promise<SaslExchange> {
  const service = ('service' in options ? options.service : undefined) ?? 'zookeeper';
  try {
    if ('create' in options) return await options.create({ host, service });
    return options.mechanism === 'DIGEST-MD5'
      ? digestMd5(options.username, options.password, service)
      : await gssapi(service, host, options.principal);
  } catch (cause) {
    if (cause instanceof SASLException) throw cause;
    throw new SASLException(`SASL ${options.mechanism} could not start: ${(cause as Error).message}`, { cause });
  }
}

async function stepOf(exchange: SaslExchange, challenge: Buffer | null): Promise<Uint8Array | null> {
  try {
    return await exchange.step(challenge);
  } catch (cause) {
    if (cause instanceof SASLException || cause instanceof AuthFailedError) throw cause;
    throw new SASLException(`SASL: ${(cause as Error).message}`, { cause });
  }
}
