import { NoNodeError } from '../base/errors.ts';
import type { RecipeClient } from '../client/recipe-client.ts';
import { type Attempt, isTransient } from './attempt.ts';

/**
 * Deletes a node with the client's retry policy, or until the attempt ends if that is bounded.
 *
 * @returns whether there was one; a delete whose reply was lost counts if the node is then found gone
 */
export async function removeNode(client: RecipeClient, path: string, attempt?: Attempt): Promise<boolean> {
  let unsure = false;
  const step = async (): Promise<boolean> => {
    try {
      await client.delete(path, attempt?.limits);
      return true;
    } catch (error) {
      if (error instanceof NoNodeError) return unsure;
      unsure ||= isTransient(error);
      throw error;
    }
  };
  return attempt === undefined ? client.retry(step) : attempt.retry(client, step);
}
