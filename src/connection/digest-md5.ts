import { AuthFailedError } from '../base/errors.ts';
import type { SaslExchange } from './sasl-exchange.ts';

/** The name that all ZooKeeper servers use in this mechanism (Kazoo SA-3). */
const HOST = 'zk-sasl-md5';

/** DIGEST-MD5 (RFC 2831) as ZooKeeper uses it: quality of protection `auth`, no security layer. */
export function digestMd5(username: string, password: string, service: string): SaslExchange {
  let expected: string | undefined;
  let complete = false;
  return {
    get complete() {
      return complete;
    },
    step(challenge) {
      if (challenge === null) return Buffer.alloc(0);
      const fields = parseDirectives(challenge.toString('utf8'));
      if (expected !== undefined) {
        if (fields.get('rspauth') !== expected)
          throw new AuthFailedError('SASL DIGEST-MD5: the server does not know the password');
        complete = true;
        return null;
      }
      const answer = respond(fields, {
        username,
        password,
        uri: `${service}/${HOST}`,
        cnonce: Buffer.from(crypto.getRandomValues(new Uint8Array(16))).toString('base64'),
      });
      expected = answer.rspauth;
      return Buffer.from(answer.text, 'utf8');
    },
  };
}

interface Answer {
  username: string;
  password: string;
  uri: string;
  cnonce: string;
}

function respond(challenge: Map<string, string>, { username, password, uri, cnonce }: Answer): { text: string; rspauth: string } {
  const nonce = challenge.get('nonce');
  if (nonce === undefined) throw new AuthFailedError('SASL DIGEST-MD5: the challenge has no nonce');
  const realm = challenge.get('realm') ?? '';
  const secret = md5(`${username}:${realm}:${password}`);
  const a1 = md5(Buffer.concat([secret, Buffer.from(`:${nonce}:${cnonce}`)])).toString('hex');
  const digest = (a2: string): string => md5(`${a1}:${nonce}:00000001:${cnonce}:auth:${md5(a2).toString('hex')}`).toString('hex');
  const directives = [
    `username="${escape(username)}"`,
    `realm="${escape(realm)}"`,
    `nonce="${escape(nonce)}"`,
    `cnonce="${cnonce}"`,
    'nc=00000001',
    'qop=auth',
    `digest-uri="${uri}"`,
    `response=${digest(`AUTHENTICATE:${uri}`)}`,
    'charset=utf-8',
  ];
  return { text: directives.join(','), rspauth: digest(`:${uri}`) };
}

function md5(data: string | Buffer): Buffer {
  return process.getBuiltinModule('node:crypto').createHash('md5').update(data).digest();
}

function escape(value: string): string {
  return value.replace(/["\\]/g, '\\$&');
}

function parseDirectives(text: string): Map<string, string> {
  const directives = new Map<string, string>();
  for (const { groups } of text.matchAll(/(?<name>[\w-]+)=(?:"(?<quoted>(?:[^"\\]|\\.)*)"|(?<plain>[^,]*))/g)) {
    directives.set(groups!['name']!.toLowerCase(), groups!['quoted']?.replace(/\\(.)/g, '$1') ?? groups!['plain'] ?? '');
  }
  return directives;
}
