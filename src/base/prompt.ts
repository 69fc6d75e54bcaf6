const listeners = new WeakSet<object>();

/**
 * Marks a listener of our own, which only records something or wakes a waiter, and returns at once.
 * It bypasses the queue of users' callbacks: the waiter may be inside the very callback that holds up the queue.
 */
export function prompt<L extends object>(listener: L): L {
  listeners.add(listener);
  return listener;
}

export function isPrompt(listener: object): boolean {
  return listeners.has(listener);
}
