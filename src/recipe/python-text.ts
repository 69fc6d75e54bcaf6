/** Text as Python prints it, to match byte for byte what Kazoo writes into nodes (Kazoo behaviour, section 33). */

/** `repr()` of a bytes object: `b'name'`. */
export function pythonBytes(bytes: Uint8Array): string {
  const quote = bytes.includes(0x27) && !bytes.includes(0x22) ? '"' : "'";
  return `b${quote}${Array.from(bytes, (byte) => printByte(byte, quote)).join('')}${quote}`;
}

/** `json.dumps()` of a flat object: separators `", "` and `": "`, everything beyond ASCII escaped. */
export function pythonJson(object: Readonly<Record<string, string | number>>): string {
  const entries = Object.entries(object).map(
    ([key, value]) => `${ascii(key)}: ${typeof value === 'string' ? ascii(value) : value}`,
  );
  return `{${entries.join(', ')}}`;
}

/** Python's string order: by code point, not by UTF-16 unit as in JavaScript. */
export function compareStrings(a: string, b: string): number {
  const left = Array.from(a, (character) => character.codePointAt(0)!);
  const right = Array.from(b, (character) => character.codePointAt(0)!);
  const index = left.findIndex((code, at) => code !== right[at]);
  if (index === -1) return left.length - right.length;
  return index >= right.length ? 1 : left[index]! - right[index]!;
}

const NAMED: Readonly<Record<number, string>> = { 0x09: '\\t', 0x0a: '\\n', 0x0d: '\\r', 0x5c: '\\\\' };

function printByte(byte: number, quote: string): string {
  const named = NAMED[byte];
  if (named !== undefined) return named;
  const character = String.fromCharCode(byte);
  if (character === quote) return `\\${character}`;
  return byte >= 0x20 && byte < 0x7f ? character : `\\x${byte.toString(16).padStart(2, '0')}`;
}

function ascii(text: string): string {
  return JSON.stringify(text).replace(/[\u007f-\uffff]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
}
