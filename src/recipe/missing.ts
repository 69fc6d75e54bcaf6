import { NoNodeError } from '../base/errors.ts';
import { joinPath } from '../base/paths.ts';
import type { WaitOptions } from '../client/call-options.ts';
import type { RecipeClient } from '../client/recipe-client.ts';

/** The result of a request, or null if the node does not exist. */
export async function nullIfMissing<T>(request: Promise<T>): Promise<T | null> {
  try {
    return await request;
  } catch (error) {
    if (error instanceof NoNodeError) return null;
    throw error;
  }
}

/** A node's data as text, with null data as empty text; null if the node does not exist. */
export async function readText(client: RecipeClient, path: string, limits?: WaitOptions): Promise<string | null> {
  const found = await nullIfMissing(client.get(path, limits));
  return found === null ? null : (found[0]?.toString('utf8') ?? '');
}

/** The texts of the named children of a path, except those that are gone. */
export async function readTexts(
  client: RecipeClient,
  path: string,
  names: readonly string[],
  limits: WaitOptions,
): Promise<string[]> {
  const texts = await Promise.all(names.map((name) => readText(client, joinPath(path, name), limits)));
  return texts.filter((text) => text !== null);
}
