import { afterEach, expect, test, vi } from 'vitest';
import { AuthFailedError, SASLException } from '../../src/base/errors.ts';
import { authenticateSasl } from '../../src/connection/sasl.ts';

/** The calls of the optional package, in order; its client agrees after two steps, the second of which, as Kerberos with mutual authentication does, leaves nothing to send: null. */
const asked = vi.hoisted(() => [] as unknown[][]);
const fails = vi.hoisted(() => ({ step: undefined as Error | undefined, open: undefined as Error | undefined }));

vi.mock('kerberos', () => {
  const text = (value: string): string => Buffer.from(value, 'base64').toString();
  const base64 = (value: string): string => Buffer.from(value).toString('base64');
  let steps = 0;
  const client = {
    username: 'ticket@REALM',
    response: base64('layers'),
    get contextComplete() {
      return steps === 2;
    },
    step: (challenge: string) => {
      asked.push(['step', text(challenge)]);
      if (fails.step !== undefined) return Promise.reject(fails.step);
      steps++;
      return Promise.resolve(steps === 2 ? null : base64(`token ${steps}`));
    },
    unwrap: (challenge: string) => Promise.resolve(void asked.push(['unwrap', text(challenge)])),
    wrap: (response: string, { user }: { user: string }) => {
      asked.push(['wrap', text(response), user]);
      return Promise.resolve(base64(`no layer for ${user}`));
    },
  };
  const initializeClient = (service: string, options: unknown): Promise<unknown> => {
    asked.push(['initializeClient', service, options]);
    steps = 0;
    return fails.open === undefined ? Promise.resolve(client) : Promise.reject(fails.open);
  };
  return { default: { initializeClient, GSS_MECH_OID_KRB5: 9 } };
});

afterEach(() => {
  asked.length = 0;
  fails.step = undefined;
  fails.open = undefined;
});

/** A server that answers each token with the next of these. */
function server(...answers: (string | null)[]): { tokens: string[]; ask: (token: Buffer) => Promise<Buffer | null> } {
  const tokens: string[] = [];
  const ask = (token: Buffer): Promise<Buffer | null> => {
    tokens.push(token.toString());
    const answer = answers.shift();
    return Promise.resolve(answer === undefined || answer === null ? null : Buffer.from(answer));
  };
  return { tokens, ask };
}

test('GSSAPI goes through the steps of the context, then agrees on no security layer, for the holder of the ticket', async () => {
  const { tokens, ask } = server('challenge', 'offer', '');
  await authenticateSasl({ mechanism: 'GSSAPI' }, 'zk1.example', ask);
  expect(tokens).toEqual(['token 1', '', 'no layer for ticket@REALM']);
  expect(asked).toEqual([
    ['initializeClient', 'zookeeper@zk1.example', { mechOID: 9 }],
    ['step', ''],
    ['step', 'challenge'],
    ['unwrap', 'offer'],
    ['wrap', 'layers', 'ticket@REALM'],
  ]);
});

test('GSSAPI is for the service and the principal that are asked for', async () => {
  const { tokens, ask } = server('challenge', 'offer', '');
  await authenticateSasl({ mechanism: 'GSSAPI', service: 'zk', principal: 'app@REALM' }, 'h', ask);
  expect(asked[0]).toEqual(['initializeClient', 'zk@h', { mechOID: 9, principal: 'app@REALM' }]);
  expect(tokens[2]).toBe('no layer for app@REALM');
});

test('GSSAPI is a fresh exchange for every connection', async () => {
  for (let connection = 0; connection < 2; connection++) {
    const { tokens, ask } = server('challenge', 'offer', '');
    await authenticateSasl({ mechanism: 'GSSAPI' }, 'h', ask);
    expect(tokens).toHaveLength(3);
  }
  expect(asked.filter(([call]) => call === 'initializeClient')).toHaveLength(2);
});

test('a ticket that cannot be had, or a step that fails, is a SASLException with its cause', async () => {
  fails.step = new Error('the ticket has expired');
  const stepped = authenticateSasl({ mechanism: 'GSSAPI' }, 'h', server().ask);
  await expect(stepped).rejects.toThrow(SASLException);
  await expect(stepped).rejects.toMatchObject({ cause: fails.step });
  fails.open = new Error('no ticket cache');
  await expect(authenticateSasl({ mechanism: 'GSSAPI' }, 'h', server().ask)).rejects.toThrow(
    'SASL GSSAPI could not start: no ticket cache',
  );
});

test('a server that answers the first token with none has no SASL; one that never agrees is given up', async () => {
  const without = authenticateSasl({ mechanism: 'GSSAPI' }, 'h', server(null).ask);
  await expect(without).rejects.toThrow('the server is not configured for SASL');
  const endless = { mechanism: 'X', create: () => ({ complete: false, step: () => Buffer.from('again') }) };
  const never = authenticateSasl(endless, 'h', () => Promise.resolve(Buffer.from('more')));
  await expect(never).rejects.toThrow(AuthFailedError);
  await expect(never).rejects.toThrow('no agreement after 20 rounds');
});
