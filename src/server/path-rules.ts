import { Code, refusal } from './refusal.ts';

const REFUSED = /[\u0000-\u001f\u007f-\u009f\ud800-\uf8ff\ufff0-\uffff]/;
const ODD_COMPONENT = /\/(?:\/|\.{1,2}(?:\/|$))/;

/** The full rules for a node's path, which apply to writes. @throws Refusal with BadArguments */
export function checkPath(path: string): void {
  const legal = path.startsWith('/') && (path === '/' || !path.endsWith('/')) && !ODD_COMPONENT.test(path) && !REFUSED.test(path);
  if (!legal) throw refusal(Code.BAD_ARGUMENTS);
}

/** The index of the last slash, which separates parent and name. @throws Refusal with BadArguments if there is no slash, or a NUL */
export function lastSlash(path: string): number {
  const slash = path.lastIndexOf('/');
  if (slash < 0 || path.includes('\0')) throw refusal(Code.BAD_ARGUMENTS);
  return slash;
}

/** Nodes that cannot be deleted. */
export const SPECIAL_PATHS: ReadonlySet<string> = new Set(['/', '/zookeeper', '/zookeeper/quota', '/zookeeper/config']);
