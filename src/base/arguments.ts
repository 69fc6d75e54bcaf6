import { isObject } from './expectations.ts';
import { describeValue } from './paths.ts';

/** @throws TypeError */
export function requireString(name: string, value: string): string {
  if (typeof value !== 'string') throw new TypeError(`${name} must be a string, not ${describeValue(value)}`);
  return value;
}

/** @throws TypeError */
export function requireBoolean(name: string, value: boolean): boolean {
  if (typeof value !== 'boolean') throw new TypeError(`${name} must be a boolean, not ${describeValue(value)}`);
  return value;
}

/** @throws TypeError */
export function requireFunction(name: string, value: unknown): void {
  if (typeof value !== 'function') throw new TypeError(`${name} must be a function, not ${describeValue(value)}`);
}

/** Milliseconds, 0 or more; Infinity is allowed. @throws TypeError or RangeError */
export function requireDuration(name: string, value: number): number {
  if (typeof value !== 'number' || Number.isNaN(value))
    throw new TypeError(`${name} must be a number of milliseconds, not ${describeValue(value)}`);
  if (value < 0) throw new RangeError(`${name} must be 0 ms or more, not ${value}`);
  return value;
}

/** The options; `{}` if none were given. @throws TypeError for anything but an object, and for a name that is not in `known` */
export function requireOptions<T extends object>(options: T | undefined, known?: readonly (keyof T & string)[]): T {
  if (options === undefined) return NONE as T;
  if (!isObject(options)) throw new TypeError(`options must be an object, not ${describeValue(options)}`);
  if (known === undefined) return options;
  for (const name in options) {
    // Inherited names are allowed, so that an AbortController can be passed as it is.
    if (!(known as readonly string[]).includes(name) && Object.hasOwn(options, name))
      throw new TypeError(`unknown option "${name}"; expected one of ${known.join(', ')}`);
  }
  return options;
}

const NONE: object = Object.freeze({});

/** Options of every call that waits. */
export interface Limits {
  readonly timeout?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Their names. */
export const LIMITS = ['signal', 'timeout'] as const satisfies (keyof Limits)[];

/** Checks options that may include limits. @throws TypeError or RangeError */
export function requireLimits<T extends Limits>(options: T | undefined, known: readonly (keyof T & string)[]): T {
  const given = requireOptions(options, known);
  const { signal, timeout } = given;
  if (signal !== undefined && !(signal instanceof AbortSignal))
    throw new TypeError(`signal must be an AbortSignal, not ${describeValue(signal)}`);
  if (timeout !== undefined) requireDuration('timeout', timeout);
  return given;
}
