import { describeValue } from '../base/paths.ts';

/**
 * A float as Python's `repr` prints it: the shortest digits that read back the same, always with a point or an exponent
 * (`3.0`, `1e-07`, `1.0000000000000002e+16`, `inf`, `nan`).
 */
export function floatRepr(value: number): string {
  if (Number.isNaN(value)) return 'nan';
  if (!Number.isFinite(value)) return value > 0 ? 'inf' : '-inf';
  if (value === 0) return Object.is(value, -0) ? '-0.0' : '0.0';
  const [mantissa = '', power = ''] = value.toExponential().split('e');
  const exponent = Number(power);
  if (exponent < LEAST_FIXED || exponent >= FIRST_SCIENTIFIC)
    return `${mantissa}e${exponent < 0 ? '-' : '+'}${String(Math.abs(exponent)).padStart(2, '0')}`;
  return fixed(mantissa, exponent);
}

/** Python's `str()` of a number; a whole number counts as an `int`. */
export function pythonNumber(value: number | bigint): string {
  return typeof value === 'bigint' || Number.isInteger(value) ? String(BigInt(value)) : floatRepr(value);
}

/**
 * Parses a float like Python's `float()`.
 *
 * @throws RangeError for other text
 */
export function parseFloatText(text: string): number {
  const trimmed = text.trim();
  if (FLOAT.test(trimmed)) return Number(trimmed.replaceAll('_', ''));
  const special = SPECIAL.exec(trimmed);
  if (special === null) throw new RangeError(`could not read ${describeValue(text)} as a float`);
  if (special[2]!.toLowerCase() === 'nan') return NaN;
  return special[1] === '-' ? -Infinity : Infinity;
}

/**
 * Parses an integer of any size like Python's `int()`.
 *
 * @throws RangeError for other text
 */
export function parseIntText(text: string): bigint {
  const match = INT.exec(text.trim());
  if (match === null) throw new RangeError(`could not read ${describeValue(text)} as an int`);
  const magnitude = BigInt(match[2]!.replaceAll('_', ''));
  return match[1] === '-' ? -magnitude : magnitude;
}

/** Python prints 1e-05 and 1e+16 with an exponent, 0.0001 and 1e15 without. */
const LEAST_FIXED = -4;
const FIRST_SCIENTIFIC = 16;

const DIGITS = '[0-9]+(?:_[0-9]+)*';
const INT = new RegExp(`^([+-]?)(${DIGITS})$`);
const FLOAT = new RegExp(`^[+-]?(?:${DIGITS}\\.?(?:${DIGITS})?|\\.${DIGITS})(?:[eE][+-]?${DIGITS})?$`);
const SPECIAL = /^([+-]?)(inf|infinity|nan)$/i;

function fixed(mantissa: string, exponent: number): string {
  const sign = mantissa.startsWith('-') ? '-' : '';
  const digits = mantissa.replace('-', '').replace('.', '');
  if (exponent < 0) return `${sign}0.${'0'.repeat(-exponent - 1)}${digits}`;
  const whole = digits.slice(0, exponent + 1).padEnd(exponent + 1, '0');
  return `${sign}${whole}.${digits.slice(exponent + 1) || '0'}`;
}
