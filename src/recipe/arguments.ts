import { setMaxListeners } from 'node:events';
import { type Limits, LIMITS, requireBoolean, requireLimits, requireString } from '../base/arguments.ts';
import { ConfigurationError } from '../base/errors.ts';
import { describeValue } from '../base/paths.ts';
import type { ZnodeData } from '../client/call-options.ts';
import type { RecipeClient } from '../client/recipe-client.ts';
import type { ErrorPolicy } from './hold.ts';

/** @throws TypeError for anything but a client */
export function requireClient(client: RecipeClient): RecipeClient {
  if (typeof client !== 'object' || client === null || typeof client.getChildren !== 'function') {
    throw new TypeError(`client must be a KazooClient, not ${describeValue(client)}`);
  }
  return client;
}

/** A string option, or its default. @throws TypeError */
export function optionalString(name: string, value: string | undefined, otherwise: string): string {
  return value === undefined ? otherwise : requireString(name, value);
}

/**
 * A copy of a node's data: the caller may write to the buffer afterwards.
 *
 * @throws TypeError for an invalid value
 */
export function ownData(name: string, value: ZnodeData): ZnodeData {
  if (value instanceof Uint8Array) return Buffer.from(value);
  if (value === null || typeof value === 'string') return value;
  throw new TypeError(`${name} must be a string, a Uint8Array or null, not ${describeValue(value)}`);
}

/** A boolean option, or its default. @throws TypeError */
export function optionalBoolean(name: string, value: boolean | undefined, otherwise: boolean): boolean {
  return value === undefined ? otherwise : requireBoolean(name, value);
}

/** The policy; `standard` if none was given. @throws ConfigurationError */
export function optionalErrorPolicy(policy: ErrorPolicy | undefined): ErrorPolicy {
  if (policy === undefined) return 'standard';
  if (policy !== 'standard' && policy !== 'session') {
    throw new ConfigurationError(`errorPolicy must be "standard" or "session", not ${describeValue(policy)}`);
  }
  return policy;
}

/** A whole number from 1. @throws TypeError or RangeError */
export function requireCount(name: string, value: number): number {
  if (typeof value !== 'number') throw new TypeError(`${name} must be a whole number, not ${describeValue(value)}`);
  if (!Number.isSafeInteger(value) || value < 1) throw new RangeError(`${name} must be a whole number from 1, not ${value}`);
  return value;
}

/** @throws TypeError for a value not in `known` */
export function requireOneOf<T extends string>(name: string, value: T, known: readonly T[]): T {
  if (!known.includes(value)) throw new TypeError(`${name} must be one of ${known.join(', ')}, not ${describeValue(value)}`);
  return value;
}

/**
 * Checks the limits among the options of a call that waits. One signal may serve a thousand calls: Node's leak warning at the eleventh listener would be a false alarm.
 *
 * @throws TypeError or RangeError
 */
export function requireWaiting(options: Limits | undefined, known: readonly string[] = LIMITS): Limits {
  const { timeout, signal } = requireLimits(options, known as typeof LIMITS);
  if (signal !== undefined) setMaxListeners(0, signal);
  return { timeout, signal };
}
