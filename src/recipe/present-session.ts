import { ConnectionLoss } from '../base/errors.ts';
import type { RecipeClient } from '../client/recipe-client.ts';

/**
 * The client's current session, to compare with a node's owner.
 *
 * @throws ConnectionLoss while not connected: a node may be ours, though there is no session to compare it with
 */
export function presentSession(client: RecipeClient): bigint {
  const { clientId } = client;
  if (clientId === null) throw new ConnectionLoss("not connected: cannot determine the node's owner");
  return clientId.sessionId;
}
