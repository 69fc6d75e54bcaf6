import { afterEach } from 'vitest';
import { EmbeddedZooKeeper } from '../../src/server/embedded-zookeeper.ts';
import type { EmbeddedZooKeeperOptions } from '../../src/server/server-options.ts';
import { RawConnection, type ConnectOptions } from '../conformance/wire.ts';

const toEnd: (() => unknown)[] = [];

afterEach(async () => {
  for (const end of toEnd.splice(0).reverse()) await end();
});

/** A server that is closed after the test. */
export async function serve(options?: EmbeddedZooKeeperOptions): Promise<EmbeddedZooKeeper> {
  const server = await EmbeddedZooKeeper.start(options);
  toEnd.push(() => server.close());
  return server;
}

/** A raw socket, destroyed after the test. */
export async function dial(server: EmbeddedZooKeeper): Promise<RawConnection> {
  const connection = await RawConnection.dial('127.0.0.1', server.port);
  toEnd.push(() => connection.destroy());
  return connection;
}

/** A connection with a session. */
export async function connect(server: EmbeddedZooKeeper, options?: ConnectOptions): Promise<RawConnection> {
  const connection = await dial(server);
  if ((await connection.handshake(options)) === undefined) throw new Error('the server hung up on the handshake');
  return connection;
}

/** Another connection to the session of the first. */
export function resume({ session }: RawConnection, server: EmbeddedZooKeeper, options?: ConnectOptions): Promise<RawConnection> {
  return connect(server, { sessionId: session!.sessionId, password: session!.password, ...options });
}
