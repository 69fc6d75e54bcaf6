import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { SaslExchange } from '../../src/server/sasl-server.ts';

const md5 = (...parts: (string | Buffer)[]): Buffer => {
  const hash = createHash('md5');
  for (const part of parts) hash.update(part);
  return hash.digest();
};
const hex = (...parts: (string | Buffer)[]): string => md5(...parts).toString('hex');

function respond(
  challenge: string,
  user: string,
  password: string,
  change: (response: string) => string = (response) => response,
): Buffer {
  const nonce = /nonce="([^"]+)"/.exec(challenge)![1]!;
  const ha1 = hex(md5(`${user}:zk-sasl-md5:${password}`), `:${nonce}:c`);
  const response = hex(`${ha1}:${nonce}:00000001:c:auth:${hex('AUTHENTICATE:zookeeper/zk-sasl-md5')}`);
  const text = `username="${user}",realm="zk-sasl-md5",nonce="${nonce}",nc=00000001,cnonce="c",digest-uri="zookeeper/zk-sasl-md5",response=${response},qop=auth`;
  return Buffer.from(change(text));
}

function begin(): { exchange: SaslExchange; challenge: string } {
  const exchange = new SaslExchange({ bob: 'secret' });
  return { exchange, challenge: exchange.step(Buffer.alloc(0))!.token.toString() };
}

test('who knows the password is let in, and told that the server knows it too', () => {
  const { exchange, challenge } = begin();
  expect(challenge).toMatch(/^realm="zk-sasl-md5",nonce="[^"]+",charset=utf-8,algorithm=md5-sess$/);
  const step = exchange.step(respond(challenge, 'bob', 'secret'));
  expect(step?.user).toBe('bob');
  expect(step?.token.toString()).toMatch(/^rspauth=[0-9a-f]{32}$/);
});

test.each([
  ['a wrong password', 'bob', 'wrong', undefined],
  ['an unknown user', 'eve', 'secret', undefined],
  ['a name every object has', 'constructor', 'secret', undefined],
  ['another nonce', 'bob', 'secret', (text: string) => text.replace(/nonce="[^"]+"/, 'nonce="x"')],
  ['another realm', 'bob', 'secret', (text: string) => text.replace('realm="zk-sasl-md5"', 'realm="x"')],
  ['no response', 'bob', 'secret', (text: string) => text.replace(/response=\w+/, 'response=')],
  ['no response at all', 'bob', 'secret', (text: string) => text.replace(/,response=\w+/, '')],
  ['no realm', 'bob', 'secret', (text: string) => text.replace(/realm="[^"]+",/, '')],
  ['no user', 'bob', 'secret', (text: string) => text.replace(/username="[^"]+",/, '')],
  ['no nonce count', 'bob', 'secret', (text: string) => text.replace(/nc=\d+,/, '')],
])('%s is refused', (_, user, password, change) => {
  const { exchange, challenge } = begin();
  expect(exchange.step(respond(challenge, user, password, change))).toBeNull();
});

test('a client that begins by itself speaks another mechanism', () => {
  expect(new SaslExchange({}).step(Buffer.from('x'))).toBeNull();
});

test('the quality of protection need not be named; an authorization id is part of what is proved', () => {
  const plain = begin();
  expect(plain.exchange.step(respond(plain.challenge, 'bob', 'secret', (text) => text.replace(/,qop=auth/, '')))?.user).toBe(
    'bob',
  );
  const { exchange, challenge } = begin();
  const nonce = /nonce="([^"]+)"/.exec(challenge)![1]!;
  const ha1 = hex(md5('bob:zk-sasl-md5:secret'), `:${nonce}:c:carol`);
  const proof = hex(`${ha1}:${nonce}:00000001:c:auth:${hex('AUTHENTICATE:zookeeper/zk-sasl-md5')}`);
  const claim = (text: string): string => `${text.replace(/response=\w+/, `response=${proof}`)},authzid="carol"`;
  expect(exchange.step(respond(challenge, 'bob', 'secret', claim))?.user).toBe('bob');
  const other = begin();
  expect(other.exchange.step(respond(other.challenge, 'bob', 'secret', (text) => `${text},authzid="carol"`))).toBeNull();
});
