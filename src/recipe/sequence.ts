/**
 * Compares two sequence numbers by 32-bit serial arithmetic: the server's counter wraps from 2147483647 to -2147483648,
 * and the numbers after the wrap count as later (Kazoo D-24b, ZOOKEEPER-1194). Correct while the two are less than 2^31 apart.
 */
export function compareSequences(a: number, b: number): number {
  return (a - b) | 0;
}

/** A child with the number that the server gave it. */
export interface Sequenced {
  readonly name: string;
  readonly sequence: number;
}

/** Reads the sequence numbers of children whose names end in one of the patterns and a number. */
export class SequencePattern {
  readonly #expression: RegExp;

  /**
   * @param patterns regular-expression texts, as in Kazoo (LK-5)
   * @throws TypeError for an invalid pattern
   */
  constructor(patterns: readonly string[]) {
    this.#expression = expressionOf(patterns);
  }

  /** The child with its number; null if it is not a contender. */
  read(name: string): Sequenced | null {
    const suffix = this.#expression.exec(name)?.at(-1);
    return suffix === undefined ? null : { name, sequence: numberIn(suffix) };
  }

  /** The contenders among the children, in order of arrival. */
  sort(names: readonly string[]): Sequenced[] {
    return names
      .map((name) => this.read(name))
      .filter((child) => child !== null)
      .sort((a, b) => compareSequences(a.sequence, b.sequence));
  }

  /** The last contender before a number; undefined if there is none. */
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

/** The last group, whatever groups a pattern has. The server prints `%010d`: ten digits, or a minus sign and nine (ten if necessary). */
const SUFFIX = '(-?[0-9]{10}|-[0-9]{9})$';

function expressionOf(patterns: readonly string[]): RegExp {
  try {
    return new RegExp(`(?:${patterns.map((pattern) => `(?:${pattern})`).join('|')})${SUFFIX}`);
  } catch (cause) {
    throw new TypeError(`extraLockPatterns must be regular expressions, not ${JSON.stringify(patterns)}`, { cause });
  }
}

/** Parses ASCII digits after an optional minus sign. For leading zeroes, `Number` takes a slow path in the engine. */
export function numberIn(digits: string): number {
  const isNegative = digits.startsWith('-');
  let number = 0;
  for (let i = isNegative ? 1 : 0; i < digits.length; i++) number = number * 10 + digits.charCodeAt(i) - 0x30;
  return isNegative ? -number : number;
}
