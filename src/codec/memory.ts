/** Bytes as a DataView: the only way to assemble integers that the engine turns into single loads and stores. */
export function viewOf({ buffer, byteOffset, byteLength }: Buffer): DataView {
  return new DataView(buffer, byteOffset, byteLength);
}

/** One 64-bit value seen as two 32-bit halves, {@link LOW} and {@link HIGH}: many times faster than a bigint through Buffer. Values wrap to 64 bits. */
export const WHOLE = new BigInt64Array(1);
export const HALVES = new Int32Array(WHOLE.buffer);
export const LOW = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1 ? 0 : 1;
export const HIGH = 1 - LOW;
