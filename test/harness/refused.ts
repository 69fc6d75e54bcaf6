import { expect } from 'vitest';
import { ConfigurationError } from '../../src/base/errors.ts';

/** Expects a refusal that names the first of the options, or says that they are none. */
export async function expectRefusal(creating: Promise<unknown>, options: unknown): Promise<void> {
  await expect(creating).rejects.toThrow(ConfigurationError);
  await expect(creating).rejects.toThrow(typeof options === 'object' ? `"${Object.keys(options!)[0]}"` : 'must be an object');
}
