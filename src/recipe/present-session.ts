import { ConnectionLoss } from '../base/errors.ts';
import type { RecipeClient } from '../client/recipe-client.ts';

/**
 * The session in which the client is now, to compare a node's owner with.
 *
 * @throws ConnectionLoss while it is not connected: a node may be ours, though a reply that came a moment ago found no session to compare it with
 */
export function presentSession(client: RecipeClient): bigint {
  const { clientId } = client;
  if (clientId === null) throw new ConnectionLoss('not connected: whose a node is cannot be told');
  return clientId.sessionId;
}
