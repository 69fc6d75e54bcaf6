/** The hexadecimal uuid (version 4) that Kazoo puts at the head of a node's name. */
export function uniqueName(): string {
  return crypto.randomUUID().replaceAll('-', '');
}

/** The identifier that Kazoo gives a process that names none: `<host>-<pid>`. */
export function processIdentifier(): string {
  return `${hostname()}-${process.pid}`;
}

/** The name of this machine. The module is loaded when it is first wanted. */
export function hostname(): string {
  return process.getBuiltinModule('node:os').hostname();
}
