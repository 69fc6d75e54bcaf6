import { createHash } from 'node:crypto';
import type { RequestOf } from '../codec/ops.ts';
import type { Call, Handlers } from './call.ts';
import { Code, refusal } from './refusal.ts';
import { SaslExchange } from './sasl-server.ts';

const DIGEST = 'digest';

/** Handlers for a connection's identities, and for the end of its session. */
export const sessionHandlers = {
  auth(request, call) {
    call.zxid = 0;
    if (authenticate(request, call)) return;
    call.hangUp = true;
    throw refusal(Code.AUTH_FAILED);
  },

  sasl({ token }, call) {
    call.zxid = 0;
    const { jaasUsers, fipsMode } = call.state.options;
    if (jaasUsers === undefined) return { token: null };
    const { caller } = call;
    caller.sasl ??= new SaslExchange(jaasUsers);
    const step = fipsMode ? null : caller.sasl.step(token ?? Buffer.alloc(0));
    if (step === null) return refuseSasl(call);
    if (step.user !== null) caller.addIdentity({ scheme: 'sasl', id: step.user });
    return { token: step.token };
  },

  whoAmI(_request, call) {
    const clientInfo = call.identities.map(({ scheme, id }) => ({ scheme, user: scheme === DIGEST ? id.split(':', 1)[0]! : id }));
    return { clientInfo };
  },

  closeSession(_request, call) {
    const { session, state } = call;
    // Not through its connection, which still has to send a reply.
    session.connection = null;
    state.sessions.delete(session);
    if (!session.local) state.transactions.endSession(session.id, call.transaction);
    call.hangUp = true;
  },
} satisfies Partial<Handlers>;

/** Adds the identity that the credential proves; false if it proves none. */
function authenticate({ scheme, auth }: RequestOf<'auth'>, call: Call): boolean {
  if (scheme === 'ip') return true;
  if (scheme !== DIGEST || auth === null) return false;
  const credential = auth.toString('utf8');
  const id = `${credential.split(':', 1)[0]}:${createHash('sha1').update(credential).digest('base64')}`;
  if (id === call.state.options.superDigest) call.caller.addIdentity({ scheme: 'super', id: '' });
  call.caller.addIdentity({ scheme: DIGEST, id });
  return true;
}

function refuseSasl(call: Call): { token: null } {
  call.err = call.state.options.sessionRequireClientSASLAuth ? Code.SASL_REQUIRED : Code.AUTH_FAILED;
  call.hangUp = true;
  return { token: null };
}
