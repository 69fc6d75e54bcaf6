import { NoNodeError } from '../base/errors.ts';
import type { RecipeClient } from '../client/recipe-client.ts';
import { isTransient } from './attempt.ts';

/**
 * Deletes a node under the client's retry policy.
 *
 * @returns whether there was one; a delete whose reply was lost counts when the node is found gone after it
 */
export async function removeNode(client: RecipeClient, path: string): Promise<boolean> {
  let unsure = false;
  return client.retry(async () => {
    try {
      await client.delete(path);
      return true;
    } catch (error) {
      if (error instanceof NoNodeError) return unsure;
      unsure ||= isTransient(error);
      throw error;
    }
  });
}
