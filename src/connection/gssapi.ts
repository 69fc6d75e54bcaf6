import { SASLException } from '../base/exceptions.ts';
import type { SaslExchange } from './sasl-exchange.ts';

/** The part of the optional `kerberos` package used here. */
interface Kerberos {
  initializeClient(service: string, options: Record<string, unknown>): Promise<KerberosClient>;
  GSS_MECH_OID_KRB5?: number;
}

interface KerberosClient {
  /** Null if there is nothing to send, as after the server has authenticated itself. */
  step(challenge: string): Promise<string | null>;
  unwrap(challenge: string): Promise<string>;
  wrap(challenge: string, options: Record<string, unknown>): Promise<string>;
  readonly contextComplete: boolean;
  readonly username: string;
  readonly response: string;
}

/** GSSAPI (Kerberos) through the optional peer dependency `kerberos`, with the ticket cache of the process. */
export async function gssapi(service: string, host: string, principal: string | undefined): Promise<SaslExchange> {
  const kerberos = await load();
  const client = await kerberos.initializeClient(`${service}@${host}`, {
    mechOID: kerberos.GSS_MECH_OID_KRB5,
    ...(principal === undefined ? {} : { principal }),
  });
  let phase: 'context' | 'layer' | 'complete' = 'context';
  return {
    get complete() {
      return phase === 'complete';
    },
    async step(challenge) {
      const input = challenge?.toString('base64') ?? '';
      if (phase === 'complete') return null;
      if (phase === 'layer') {
        await client.unwrap(input);
        phase = 'complete';
        return Buffer.from(await client.wrap(client.response, { user: principal ?? client.username }), 'base64');
      }
      const token = await client.step(input);
      if (client.contextComplete) phase = 'layer';
      return Buffer.from(token ?? '', 'base64');
    },
  };
}

async function load(): Promise<Kerberos> {
  const name = 'kerberos';
  try {
    const module = (await import(name)) as { default?: Kerberos } & Kerberos;
    return module.default ?? module;
  } catch (cause) {
    throw new SASLException('SASL GSSAPI needs the optional package "kerberos": install it alongside this one', { cause });
  }
}
