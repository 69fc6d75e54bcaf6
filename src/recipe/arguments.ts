import { setMaxListeners } from 'node:events';
import { ConfigurationError } from '../base/errors.ts';
import { isObject } from '../base/expectations.ts';
import { describeValue } from '../base/paths.ts';
import type { ZnodeData } from '../client/call-options.ts';
import type { RecipeClient } from '../client/recipe-client.ts';
import type { ErrorPolicy } from './hold.ts';

/** @throws TypeError for what is no client */
export function requireClient(client: RecipeClient): RecipeClient {
  if (typeof client !== 'object' || client === null || typeof client.getChildren !== 'function') {
    throw new TypeError(`client must be a KazooClient, not ${describeValue(client)}`);
  }
  return client;
}

/** The options, `{}` where none were given. @throws TypeError for what is no object, and for a name that is not among those `known` */
export function requireOptions<T extends object>(
  options: T | undefined,
  known?: readonly (keyof T & string)[],
): T | Record<string, never> {
  if (options === undefined) return {};
  if (!isObject(options)) throw new TypeError(`options must be an object, not ${describeValue(options)}`);
  const unknown = known && Object.keys(options).find((name) => !(known as readonly string[]).includes(name));
  if (unknown !== undefined) throw new TypeError(`unknown option "${unknown}"; known here are ${known?.join(', ')}`);
  return options;
}

/** A string option, or its default. @throws TypeError */
export function optionalString(name: string, value: string | undefined, otherwise: string): string {
  if (value === undefined) return otherwise;
  if (typeof value !== 'string') throw new TypeError(`${name} must be a string, not ${describeValue(value)}`);
  return value;
}

/**
 * A node's data, as it is now: the caller may go on to write to the buffer that was given.
 *
 * @throws TypeError for what can be none
 */
export function ownData(name: string, value: ZnodeData): ZnodeData {
  if (value instanceof Uint8Array) return Buffer.from(value);
  if (value === null || typeof value === 'string') return value;
  throw new TypeError(`${name} must be a string, a Uint8Array or null, not ${describeValue(value)}`);
}

/** A yes-or-no option, or its default. @throws TypeError */
export function optionalBoolean(name: string, value: boolean | undefined, otherwise: boolean): boolean {
  if (value === undefined) return otherwise;
  if (typeof value !== 'boolean') throw new TypeError(`${name} must be a boolean, not ${describeValue(value)}`);
  return value;
}

/** The policy, `standard` where none was given. @throws ConfigurationError */
export function optionalErrorPolicy(policy: ErrorPolicy | undefined): ErrorPolicy {
  if (policy === undefined) return 'standard';
  if (policy !== 'standard' && policy !== 'session') {
    throw new ConfigurationError(`errorPolicy must be "standard" or "session", not ${describeValue(policy)}`);
  }
  return policy;
}

/** @throws TypeError for anything but a function */
export function requireFunction(name: string, value: unknown): void {
  if (typeof value !== 'function') throw new TypeError(`${name} must be a function, not ${describeValue(value)}`);
}

/** Milliseconds, 0 or more; Infinity is allowed. @throws TypeError or RangeError */
export function requireDuration(name: string, value: number): number {
  if (typeof value !== 'number' || Number.isNaN(value)) {
    throw new TypeError(`${name} must be a number of milliseconds, not ${describeValue(value)}`);
  }
  if (value < 0) throw new RangeError(`${name} must be 0 milliseconds or more, not ${value}`);
  return value;
}

/** A whole number from 1. @throws TypeError or RangeError */
export function requireCount(name: string, value: number): number {
  if (typeof value !== 'number') throw new TypeError(`${name} must be a whole number, not ${describeValue(value)}`);
  if (!Number.isSafeInteger(value) || value < 1) throw new RangeError(`${name} must be a whole number from 1, not ${value}`);
  return value;
}

/** @throws TypeError for a value that is none of those known */
export function requireOneOf<T extends string>(name: string, value: T, known: readonly T[]): T {
  if (!known.includes(value)) throw new TypeError(`${name} must be one of ${known.join(', ')}, not ${describeValue(value)}`);
  return value;
}

/** What every waiting call takes. */
export interface Waiting {
  readonly timeout: number | undefined;
  readonly signal: AbortSignal | undefined;
}

/**
 * The limits among the options of a call that waits. One signal may well end a thousand calls: Node's warning of a leak, from the eleventh on, would be a false alarm.
 *
 * @throws TypeError or RangeError
 */
export function requireWaiting(options: Partial<Waiting> | undefined, known: readonly string[] = WAITING): Waiting {
  const { timeout, signal } = requireOptions(options, known as typeof WAITING);
  if (timeout !== undefined) requireDuration('timeout', timeout);
  if (signal !== undefined && !(signal instanceof AbortSignal)) {
    throw new TypeError(`signal must be an AbortSignal, not ${describeValue(signal)}`);
  }
  if (signal !== undefined) setMaxListeners(0, signal);
  return { timeout, signal };
}

const WAITING: readonly (keyof Waiting)[] = ['timeout', 'signal'];
