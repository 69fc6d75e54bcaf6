import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { AuthFailedError } from '../../src/base/errors.ts';
import { digestMd5 } from '../../src/connection/digest-md5.ts';

const CHALLENGE = 'realm="zk-sasl-md5",nonce="n0",charset=utf-8,algorithm=md5-sess,qop="auth"';
const md5 = (data: string | Buffer): Buffer => createHash('md5').update(data).digest();

/** RFC 2831 section 2.1.2.1, written out once more. */
function digest(user: string, realm: string, password: string, cnonce: string, a2: string): string {
  const a1 = md5(Buffer.concat([md5(`${user}:${realm}:${password}`), Buffer.from(`:n0:${cnonce}`)])).toString('hex');
  return md5(`${a1}:n0:00000001:${cnonce}:auth:${md5(a2).toString('hex')}`).toString('hex');
}

function cnonceOf(response: string): string {
  return /cnonce="([^"]+)"/.exec(response)![1]!;
}

async function answerTo(exchange: ReturnType<typeof digestMd5>, challenge: string): Promise<string> {
  return Buffer.from((await exchange.step(Buffer.from(challenge)))!).toString();
}

describe('DIGEST-MD5', () => {
  test('begins with an empty token, answers the challenge as RFC 2831 says, and is complete once the server has proved itself', async () => {
    const exchange = digestMd5('bob', 'secret', 'zookeeper');
    expect(await exchange.step(null)).toEqual(Buffer.alloc(0));
    const response = await answerTo(exchange, CHALLENGE);
    const cnonce = cnonceOf(response);
    const uri = 'zookeeper/zk-sasl-md5';
    expect(response).toBe(
      `username="bob",realm="zk-sasl-md5",nonce="n0",cnonce="${cnonce}",nc=00000001,qop=auth,digest-uri="${uri}",` +
        `response=${digest('bob', 'zk-sasl-md5', 'secret', cnonce, `AUTHENTICATE:${uri}`)},charset=utf-8`,
    );
    expect(exchange.complete).toBe(false);
    const proof = digest('bob', 'zk-sasl-md5', 'secret', cnonce, `:${uri}`);
    expect(await exchange.step(Buffer.from(`rspauth=${proof}`))).toBeNull();
    expect(exchange.complete).toBe(true);
  });

  test('does not believe a server that cannot prove that it knows the password', async () => {
    const exchange = digestMd5('bob', 'secret', 'zookeeper');
    await exchange.step(null);
    await answerTo(exchange, CHALLENGE);
    expect(() => exchange.step(Buffer.from('rspauth=00'))).toThrow(AuthFailedError);
    expect(exchange.complete).toBe(false);
  });

  test('takes and gives quoted characters, and a challenge without a realm', async () => {
    const exchange = digestMd5('b"o\\b', 'secret', 'zookeeper');
    const response = await answerTo(exchange, 'nonce="n\\"1\\\\",qop="auth"');
    expect(response).toContain('username="b\\"o\\\\b"');
    expect(response).toContain('nonce="n\\"1\\\\"');
    expect(response).toContain('realm=""');
  });

  test('refuses a challenge without a nonce', () => {
    expect(() => digestMd5('bob', 'secret', 'zookeeper').step(Buffer.from('realm="r"'))).toThrow('has no nonce');
  });
});
