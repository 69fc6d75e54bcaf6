const listeners = new WeakSet<object>();

/**
 * Marks a listener of our own, which notes something, or wakes whoever waits for it, and returns at once.
 * It is called past the queue of users' callbacks: the wait may be inside the very callback that holds the queue up.
 */
export function prompt<L extends object>(listener: L): L {
  listeners.add(listener);
  return listener;
}

export function isPrompt(listener: object): boolean {
  return listeners.has(listener);
}
