/**
 * Orders two sequence numbers by serial arithmetic on 32 bits: the server's counter goes from 2147483647 to -2147483648,
 * and what comes after comes later (Kazoo D-24b, ZOOKEEPER-1194). Right as long as the two are less than 2^31 apart.
 */
export function compareSequences(a: number, b: number): number {
  return (a - b) | 0;
}

/** A child with the number that the server gave it. */
export interface Sequenced {
  readonly name: string;
  readonly sequence: number;
}

/** Reads the numbers of the children whose names end in one of some patterns and a sequence number. */
export class SequencePattern {
  readonly #expression: RegExp;

  /**
   * @param patterns regular-expression text each, as Kazoo takes it (LK-5)
   * @throws TypeError for a pattern that is none
   */
  constructor(patterns: readonly string[]) {
    this.#expression = expressionOf(patterns);
  }

  /** The child with its number, or null for one that is no contender. */
  read(name: string): Sequenced | null {
    const suffix = this.#expression.exec(name)?.at(-1);
    return suffix === undefined ? null : { name, sequence: numberIn(suffix) };
  }

  /** The contenders among some children, first come first. */
  sort(names: readonly string[]): Sequenced[] {
    return names
      .map((name) => this.read(name))
      .filter((child) => child !== null)
      .sort((a, b) => compareSequences(a.sequence, b.sequence));
  }

  /** The last contender that came before a number; undefined where there is none. */
  predecessor(names: readonly string[], sequence: number): string | undefined {
    let last: Sequenced | undefined;
    for (const name of names) {
      const child = this.read(name);
      if (child === null || compareSequences(child.sequence, sequence) >= 0) continue;
      if (last === undefined || compareSequences(child.sequence, last.sequence) >= 0) last = child;
    }
    return last?.name;
  }
}

/** The last group of all, whatever groups a pattern has. The server prints `%010d`: ten digits, or a minus sign and nine (ten, where nine do not do). */
const SUFFIX = '(-?[0-9]{10}|-[0-9]{9})$';

function expressionOf(patterns: readonly string[]): RegExp {
  try {
    return new RegExp(`(?:${patterns.map((pattern) => `(?:${pattern})`).join('|')})${SUFFIX}`);
  } catch (cause) {
    throw new TypeError(`extraLockPatterns must be regular expressions, not ${JSON.stringify(patterns)}`, { cause });
  }
}

/** Of ASCII digits, perhaps after a minus sign. `Number` asks the engine's runtime for one with zeroes before it. */
export function numberIn(digits: string): number {
  const isNegative = digits.startsWith('-');
  let number = 0;
  for (let i = isNegative ? 1 : 0; i < digits.length; i++) number = number * 10 + digits.charCodeAt(i) - 0x30;
  return isNegative ? -number : number;
}
