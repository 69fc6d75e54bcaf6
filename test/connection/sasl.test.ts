import { describe, expect, test } from 'vitest';
import { AuthFailedError, SASLException } from '../../src/base/errors.ts';
import { authenticateSasl, type SaslMechanism } from '../../src/connection/sasl.ts';
import { rejection } from '../support/waiting.ts';

/** One that takes these steps, and is complete with the last of them. */
function mechanism(...steps: (Uint8Array | null | Error)[]): SaslMechanism {
  return {
    mechanism: 'X-TEST',
    create: () => ({
      get complete() {
        return steps.length === 0;
      },
      step: () => {
        const next = steps.shift() ?? null;
        if (next instanceof Error) throw next;
        return next;
      },
    }),
  };
}

/** Runs it against a server that answers every token with these, in turn. @returns the tokens it was sent */
async function run(options: SaslMechanism, ...answers: (string | null)[]): Promise<string[]> {
  const sent: string[] = [];
  await authenticateSasl(options, 'host', (token) => {
    sent.push(token.toString());
    const answer = answers.shift() ?? null;
    return Promise.resolve(answer === null ? null : Buffer.from(answer));
  });
  return sent;
}

const [a, b] = [Buffer.from('a'), Buffer.from('b')];

describe('the exchange of tokens', () => {
  test.each([[''], [null]])('is over with an answer that says nothing (%o), once the mechanism is content', async (last) => {
    expect(await run(mechanism(a, b), 'go on', last)).toEqual(['a', 'b']);
  });

  test('goes on while the server has something to say, and asks nothing more where there is nothing to reply', async () => {
    expect(await run(mechanism(a, b), 'go on', 'one thing more')).toEqual(['a', 'b']);
  });

  test('sends an empty token where the mechanism has none yet', async () => {
    expect(await run(mechanism(null, b), 'go on', '')).toEqual(['', 'b']);
  });

  test('is refused by a server that answers the first token with none; later that is an answer', async () => {
    const error = await rejection(run(mechanism(a, b), null));
    expect(error).toBeInstanceOf(AuthFailedError);
    expect(error.message).toMatch(/not configured for SASL/);
    expect(await run(mechanism(a, b, a), 'go on', null, '')).toEqual(['a', 'b', 'a']);
  });

  test('ends after twenty tokens without agreement', async () => {
    let asked = 0;
    const endless: SaslMechanism = { mechanism: 'X-TEST', create: () => ({ complete: false, step: () => a }) };
    const error = await rejection(
      authenticateSasl(endless, 'host', () => {
        asked += 1;
        return Promise.resolve(b);
      }),
    );
    expect(error).toBeInstanceOf(AuthFailedError);
    expect([error.message, asked]).toEqual(['SASL: no agreement after 20 rounds', 20]);
  });

  test.each([new SASLException('no ticket'), new AuthFailedError('who are you?')])(
    'is ended by what the mechanism throws, as it is: %o',
    async (thrown) => {
      expect(await rejection(run(mechanism(a, thrown), 'go on'))).toBe(thrown);
    },
  );

  test('is ended by any other error of the mechanism as a SASLException with its cause', async () => {
    const thrown = new TypeError('boom');
    const error = await rejection(run(mechanism(thrown)));
    expect(error).toBeInstanceOf(SASLException);
    expect([error.message, error.cause]).toEqual(['SASL: boom', thrown]);
  });

  test('does not begin where the mechanism cannot be made, and says why', async () => {
    const thrown = new SASLException('no ticket');
    const refusing = (error: Error): SaslMechanism => ({ mechanism: 'X-TEST', create: () => Promise.reject(error) });
    expect(await rejection(run(refusing(thrown)))).toBe(thrown);
    const cause = new Error('no library');
    const error = await rejection(run(refusing(cause)));
    expect(error).toBeInstanceOf(SASLException);
    expect([error.message, error.cause]).toEqual(['SASL X-TEST could not start: no library', cause]);
  });
});
