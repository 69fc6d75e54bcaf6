import { isIPv6 } from 'node:net';

/** An address as 4 or 16 bytes; null for text that is not an address. */
export function parseAddress(text: string): readonly number[] | null {
  return isIPv6(text) ? parseIpv6(text) : parseIpv4(text);
}

/** Java's text form of an address: IPv6 uncompressed, and IPv4 if it is one. */
export function javaAddress(text: string): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(text)?.[1];
  if (mapped !== undefined) return mapped;
  if (!isIPv6(text)) return text;
  const bytes = parseIpv6(text);
  return Array.from({ length: 8 }, (_, i) => ((bytes[2 * i]! << 8) | bytes[2 * i + 1]!).toString(16)).join(':');
}

/** An `ip` ACL's id: an address, and the number of leading bits that count. Null if it is not valid. */
export function parseNetwork(id: string, ipv6: boolean): { bytes: readonly number[]; bits: number } | null {
  const [address = '', mask, ...rest] = id.split('/');
  const bytes = parseAddress(address);
  if (bytes === null || rest.length > 0 || (bytes.length === 16 && !ipv6)) return null;
  if (mask === undefined) return { bytes, bits: bytes.length * 8 };
  if (!/^\d+$/.test(mask) || Number(mask) > bytes.length * 8) return null;
  return { bytes, bits: Number(mask) };
}

/** Whether an address is in the network of an ACL. IPv4 never matches IPv6. */
export function isInNetwork(address: string, id: string): boolean {
  const network = parseNetwork(id, true);
  const bytes = parseAddress(address);
  if (network === null || bytes === null || bytes.length !== network.bytes.length) return false;
  return bytes.every((byte, i) => {
    const bits = Math.min(8, Math.max(0, network.bits - 8 * i));
    const mask = (0xff00 >> bits) & 0xff;
    return (byte & mask) === (network.bytes[i]! & mask);
  });
}

function parseIpv4(text: string): readonly number[] | null {
  const parts = text.split('.');
  const valid = parts.length === 4 && parts.every((part) => /^\d{1,3}$/.test(part) && Number(part) <= 255);
  return valid ? parts.map(Number) : null;
}

function parseIpv6(text: string): readonly number[] {
  const [head = '', tail] = text.split('%', 1)[0]!.split('::');
  const before = groups(head);
  const after = groups(tail ?? '');
  return [...before, ...new Array<number>(16 - before.length - after.length).fill(0), ...after];
}

function groups(text: string): number[] {
  if (text === '') return [];
  return text.split(':').flatMap((group) => {
    if (group.includes('.')) return group.split('.').map(Number);
    const value = parseInt(group, 16);
    return [value >> 8, value & 0xff];
  });
}
