import { Writer } from '../codec/writer.ts';

const SURROGATE = /[\ud800-\udfff]/;

/** Writes strings as the Java server does: each UTF-16 unit separately, so six bytes for a character beyond the BMP (CESU-8). */
export class JavaWriter extends Writer {
  override string(value: string | null): void {
    if (value !== null && SURROGATE.test(value)) return this.buffer(encodeCesu8(value));
    super.string(value);
  }
}

function encodeCesu8(text: string): Uint8Array {
  const bytes: number[] = [];
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit < 0x80) bytes.push(unit);
    else if (unit < 0x800) bytes.push(0xc0 | (unit >> 6), 0x80 | (unit & 0x3f));
    else bytes.push(0xe0 | (unit >> 12), 0x80 | ((unit >> 6) & 0x3f), 0x80 | (unit & 0x3f));
  }
  return Uint8Array.from(bytes);
}
