import { AuthFailedError, ConnectionDropped, errorForCode, SessionClosedRequireSaslError } from '../base/errors.ts';
import type { Reader } from '../codec/reader.ts';
import { OPS, type OpRow } from '../codec/ops.ts';
import { Xid } from '../codec/xid.ts';
import type { Connection, Exchange } from '../connection/connection.ts';
import { authenticateSasl, type SaslOptions } from '../connection/sasl.ts';
import type { Credential, Credentials } from './credentials.ts';
import type { WatchTable } from './watch-table.ts';

/** The server refused a credential. */
export class CredentialRefused extends AuthFailedError {
  readonly credential: Credential;

  constructor(credential: Credential) {
    super(`the server refused the credential of scheme "${credential.scheme}"`);
    this.name = 'AuthFailedError';
    this.credential = credential;
  }
}

/** The connection ended during SASL: a refusal by the server, or a plain loss; only repetition tells (Kazoo D-10). */
export class SaslInterrupted extends ConnectionDropped {}

/** Authenticates by SASL, before anything else on the connection (Kazoo SA-1). */
export async function presentSasl(connection: Connection, options: SaslOptions, host: string): Promise<void> {
  await authenticateSasl(options, host, async (token) => {
    const answer = await ask(
      OPS.sasl,
      (exchange) => connection.send(exchange, { token }),
      (reader) => OPS.sasl.response.read(reader).token,
      'sasl',
    );
    if (answer instanceof ConnectionDropped) throw new SaslInterrupted(answer.message, { cause: answer });
    if (answer instanceof AuthFailedError) throw answer;
    if (answer instanceof SessionClosedRequireSaslError)
      throw new AuthFailedError('SASL: the server refused the credentials', { cause: answer });
    // Whatever its code, it is a refusal, which another attempt would not change.
    if (answer instanceof Error) throw new AuthFailedError(`SASL: ${answer.message}`, { cause: answer });
    return answer;
  });
}

/** Presents all credentials, including those added meanwhile; all are sent before the first is answered. */
export async function presentCredentials(connection: Connection, credentials: Credentials): Promise<void> {
  const presented = new Set<Credential>();
  for (;;) {
    const missing = credentials.all.filter((credential) => !presented.has(credential));
    if (missing.length === 0) return;
    for (const credential of missing) presented.add(credential);
    await Promise.all(missing.map((credential) => presentCredential(connection, credential)));
  }
}

/** @throws CredentialRefused; ConnectionDropped if the connection ends first */
export async function presentCredential(connection: Connection, credential: Credential): Promise<void> {
  const request = { type: 0, scheme: credential.scheme, auth: credential.auth };
  const answer = await ask(
    OPS.auth,
    (exchange) => connection.sendSide(Xid.AUTH, exchange, request),
    () => null,
    'addAuth',
  );
  if (answer instanceof AuthFailedError) throw new CredentialRefused(credential);
  if (answer instanceof Error) throw answer;
}

/**
 * Restores watches. Missed changes arrive as events; a failure ends the connection.
 *
 * @param answered called with the outcome of each SetWatches2: the code, or undefined if the connection ended first
 */
export function restoreWatches(
  connection: Connection,
  frames: ReturnType<WatchTable['restoration']>,
  answered?: (code: number | undefined) => void,
): void {
  for (const { op, request } of frames) {
    const told = op === 'setWatches2' ? answered : undefined;
    const exchange: Exchange = {
      row: OPS[op],
      reply: (err) => {
        told?.(err);
        if (err !== 0) connection.end(new ConnectionDropped(`the server did not restore the watches (code ${err})`));
      },
      fail: () => told?.(undefined),
    };
    connection.sendSide(Xid.SET_WATCHES, exchange, request);
  }
}

function ask<T>(
  row: OpRow,
  send: (exchange: Exchange) => void,
  read: (reader: Reader) => T,
  operation: string,
): Promise<T | Error> {
  return new Promise((resolve) => {
    send({
      row,
      reply: (err, reader) => resolve(err === 0 ? read(reader) : errorForCode(err, { operation })),
      fail: resolve,
    });
  });
}
