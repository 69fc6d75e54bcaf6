/**
 * A path in ZooKeeper's form: absolute, no empty component, no trailing slash.
 * Lenient like Kazoo: adds a missing leading slash, removes doubled and trailing slashes (PA-1).
 *
 * @param trailing keep a trailing slash, to which a sequential create appends its number (PA-3)
 * @throws TypeError for anything but a string; RangeError for `.` and `..` components and for characters ZooKeeper refuses
 */
export function normalizePath(path: string, trailing = false): string {
  if (typeof path !== 'string') throw new TypeError(`path must be a string, not ${describeValue(path)}`);
  if (path === lastNormal) return path;
  if (!isNormal(path)) return normalizeSlowly(path, trailing);
  lastNormal = path;
  return path;
}

/** Often the same path is used twice in a row. */
let lastNormal = '/';

/** The parent of a normal path; "/" for the root itself. */
export function parentPath(path: string): string {
  return path.slice(0, Math.max(1, path.lastIndexOf('/')));
}

/** The last component of a path. */
export function basename(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

/** Whether a normal path is `root` or below it, compared by component: `/ab` is not within `/a` (Kazoo D-25). */
export function isWithin(root: string, path: string): boolean {
  return path === root || path.startsWith(joinPath(root, ''));
}

/** A child's path: `joinPath('/', 'a')` is `/a`. */
export function joinPath(parent: string, name: string): string {
  return parent.endsWith('/') ? parent + name : `${parent}/${name}`;
}

/** A path prefixed with the chroot ('' or a normal path). */
export function addChroot(chroot: string, path: string): string {
  if (chroot === '') return path;
  return path === '/' ? chroot : chroot + path;
}

/** A path without the chroot; a path outside it is returned unchanged (compared by component, Kazoo D-25). */
export function stripChroot(chroot: string, path: string): string {
  if (chroot === '' || !path.startsWith(chroot)) return path;
  if (path.length === chroot.length) return '/';
  return path.charCodeAt(chroot.length) === SLASH ? path.slice(chroot.length) : path;
}

/** How an error message names a value it did not expect. */
export function describeValue(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  if (typeof value === 'string') return JSON.stringify(value.length > 60 ? `${value.slice(0, 57)}...` : value);
  if (typeof value === 'bigint') return `${value}n`;
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  if (typeof value === 'function') return `function ${value.name || '(anonymous)'}`;
  if (Array.isArray(value)) return `an array of ${value.length}`;
  return typeof value === 'object' ? `an object (${value.constructor?.name ?? 'no prototype'})` : typeof value;
}

/** Like {@link describeValue}, for a value that may be secret: names only its type. */
export function describeType(value: unknown): string {
  return value === undefined || typeof value === 'object' ? describeValue(value) : `a ${typeof value}`;
}

const SLASH = 0x2f;
const DOT = 0x2e;

/** The common case, in one pass without allocating: true only if nothing has to be changed or checked further. */
function isNormal(path: string): boolean {
  const length = path.length;
  if (length === 0 || path.charCodeAt(0) !== SLASH) return false;
  if (length === 1) return true;
  let previous = SLASH;
  for (let i = 1; i < length; i++) {
    const code = path.charCodeAt(i);
    if (code < 0x20 || code > 0x7e) return false;
    // A component that starts with a dot, or is empty, takes the slow path.
    if (previous === SLASH && (code === SLASH || code === DOT)) return false;
    previous = code;
  }
  return previous !== SLASH;
}

function normalizeSlowly(path: string, trailing: boolean): string {
  const refused = REFUSED.exec(path);
  if (refused !== null) {
    const code = refused[0].codePointAt(0)!.toString(16).toUpperCase().padStart(4, '0');
    throw new RangeError(`path ${describeValue(path)} has a character that ZooKeeper refuses: U+${code} at ${refused.index}`);
  }
  const parts = path.split('/').filter((part) => part !== '');
  const relative = parts.find((part) => part === '.' || part === '..');
  if (relative !== undefined)
    throw new RangeError(`path ${describeValue(path)} has the component "${relative}", which ZooKeeper refuses`);
  const keep = trailing && path.endsWith('/') && parts.length > 0;
  return `/${parts.join('/')}${keep ? '/' : ''}`;
}

/** As in ZooKeeper's PathUtils. The range includes surrogates, so characters beyond the BMP are refused too. */
const REFUSED = /[\u0000-\u001f\u007f-\u009f\ud800-\uf8ff\ufff0-\uffff]/;
