/*
 * Members that the client's own classes and recipes use, under keys that no class derived from KazooClient can have by accident. The type declarations do not
 * show these members, so a user's method `submit`, say, would silently override ours.
 */
export const SESSION: unique symbol = Symbol('session');
export const SUBMIT: unique symbol = Symbol('submit');
export const ROOTED: unique symbol = Symbol('rooted');
export const RETRY_UNTIL: unique symbol = Symbol('retryUntil');
export const LOST: unique symbol = Symbol('lost');
export const DROP: unique symbol = Symbol('drop');
export const TRANSACTION_HOME: unique symbol = Symbol('transactionHome');
