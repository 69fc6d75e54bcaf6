import { ConfigurationError } from './errors.ts';
import { describeType, describeValue } from './paths.ts';

/** What an option must be, in words and as a test; and whether its value may be secret, so that an error names only its type. */
export type Expectation = readonly [expected: string, check: (value: unknown) => boolean, isSecret?: boolean];

/** Milliseconds: the longest time that a handshake can carry and a timer can wait. */
export const LONGEST = 2 ** 31 - 1;

export const boolean: Expectation = ['a boolean', (value) => typeof value === 'boolean'];
export const callable: Expectation = ['a function', (value) => typeof value === 'function'];
export const clock: Expectation = ['a Clock', (value) => hasFunctions(value, 'now', 'wallTime', 'timer')];
export const text: Expectation = ['a string that is not empty', (value) => typeof value === 'string' && value !== ''];
export const milliseconds: Expectation = [
  `a whole number of milliseconds from 1 to ${LONGEST}`,
  (value) => isWhole(value, 1) && Number(value) <= LONGEST,
];
export const count: Expectation = ['a whole number, 0 or more', (value) => isWhole(value, 0)];

/** @throws ConfigurationError for anything but an object; or naming an option that is unknown or invalid */
export function expectOptions(what: string, options: unknown, expected: Readonly<Record<string, Expectation>>): void {
  if (!isObject(options)) throw new ConfigurationError(`the options of ${what} must be an object, not ${describeValue(options)}`);
  for (const [name, value] of Object.entries(options)) {
    if (!Object.hasOwn(expected, name))
      throw new ConfigurationError(`unknown option "${name}" of ${what}; expected one of ${Object.keys(expected).join(', ')}`);
    expectValue(name, value, expected[name]!);
  }
}

/** An undefined option counts as not given. @throws ConfigurationError */
export function expectValue(name: string, value: unknown, [wanted, check, isSecret]: Expectation): void {
  if (value !== undefined && !check(value))
    throw new ConfigurationError(`option "${name}" must be ${wanted}, not ${(isSecret ? describeType : describeValue)(value)}`);
}

export function isWhole(value: unknown, least: number): boolean {
  return Number.isSafeInteger(value) && (value as number) >= least;
}

export function hasFunctions(value: unknown, ...names: string[]): boolean {
  return isObject(value) && names.every((name) => typeof value[name] === 'function');
}

/** An object that may hold options or methods; not an array, Map or the like, whose entries would be ignored. */
export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !(Symbol.iterator in value);
}
