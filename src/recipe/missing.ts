import { NoNodeError } from '../base/errors.ts';
import type { RecipeClient } from '../client/recipe-client.ts';

/** The outcome of a request, or null where the node does not exist. */
export async function nullIfMissing<T>(request: Promise<T>): Promise<T | null> {
  try {
    return await request;
  } catch (error) {
    if (error instanceof NoNodeError) return null;
    throw error;
  }
}

/** A node's data as text, and null data as empty text; null where the node does not exist. */
export async function readText(client: RecipeClient, path: string): Promise<string | null> {
  const found = await nullIfMissing(client.get(path));
  return found === null ? null : (found[0]?.toString('utf8') ?? '');
}
