/** The hexadecimal UUID (version 4) with which Kazoo starts a node's name. */
export function uniqueName(): string {
  return crypto.randomUUID().replaceAll('-', '');
}

/** Kazoo's default identifier of a process: `<host>-<pid>`. */
export function processIdentifier(): string {
  return `${hostname()}-${process.pid}`;
}

/** The name of this machine. The module is loaded on first use. */
export function hostname(): string {
  return process.getBuiltinModule('node:os').hostname();
}
