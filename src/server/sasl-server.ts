import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';

const REALM = 'zk-sasl-md5';

/** The result of one step: a token to send, and the user once it is complete; null if it failed. */
export type SaslStep = { readonly token: Buffer; readonly user: string | null } | null;

/** The server's side of one DIGEST-MD5 exchange (RFC 2831), as in ZooKeeper: realm `zk-sasl-md5`, no security layer. */
export class SaslExchange {
  readonly #users: Readonly<Record<string, string>>;
  #nonce: string | null = null;

  constructor(users: Readonly<Record<string, string>>) {
    this.#users = users;
  }

  /** @param token the client's token: empty to start, then its response */
  step(token: Buffer): SaslStep {
    if (this.#nonce !== null) return this.#finish(token, this.#nonce);
    // A client that starts with something else is trying another mechanism.
    if (token.length > 0) return null;
    this.#nonce = randomBytes(18).toString('base64');
    return { token: Buffer.from(`realm="${REALM}",nonce="${this.#nonce}",charset=utf-8,algorithm=md5-sess`), user: null };
  }

  #finish(token: Buffer, nonce: string): SaslStep {
    this.#nonce = null;
    const fields = parseFields(token.toString('utf8'));
    const user = fields.get('username') ?? '';
    const password = Object.hasOwn(this.#users, user) ? this.#users[user]! : null;
    if (password === null || fields.get('nonce') !== nonce || (fields.get('realm') ?? '') !== REALM) return null;
    const expected = Buffer.from(digest(fields, password, 'AUTHENTICATE'));
    const response = Buffer.from(fields.get('response') ?? '');
    if (response.length !== expected.length || !timingSafeEqual(response, expected)) return null;
    return { token: Buffer.from(`rspauth=${digest(fields, password, '')}`), user };
  }
}

/** `key=value` and `key="value"`, with backslashes in quotes. */
function parseFields(text: string): ReadonlyMap<string, string> {
  const pairs = text.matchAll(/([\w-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^,\s]*))/g);
  return new Map(
    Array.from(pairs, ([, key = '', quoted, plain]) => [key.toLowerCase(), quoted?.replace(/\\(.)/g, '$1') ?? plain ?? '']),
  );
}

function digest(fields: ReadonlyMap<string, string>, password: string, method: string): string {
  const field = (name: string): string => fields.get(name) ?? '';
  const secret = md5(Buffer.from(`${field('username')}:${field('realm')}:${password}`));
  const authzid = fields.has('authzid') ? `:${field('authzid')}` : '';
  const a1 = md5(Buffer.concat([secret, Buffer.from(`:${field('nonce')}:${field('cnonce')}${authzid}`)]));
  const a2 = md5(Buffer.from(`${method}:${field('digest-uri')}`));
  const qop = fields.get('qop') ?? 'auth';
  return md5(
    Buffer.from(`${a1.toString('hex')}:${field('nonce')}:${field('nc')}:${field('cnonce')}:${qop}:${a2.toString('hex')}`),
  ).toString('hex');
}

function md5(bytes: Buffer): Buffer {
  return createHash('md5').update(bytes).digest();
}
