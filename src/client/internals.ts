/*
 * What a client's own classes, and recipes, ask of each other, under keys that no class derived from KazooClient can have by chance: its declaration does not
 * show these members, so that a method `submit` of a user's would replace ours, and nobody would say so.
 */
export const SESSION: unique symbol = Symbol('session');
export const SUBMIT: unique symbol = Symbol('submit');
export const ROOTED: unique symbol = Symbol('rooted');
export const RETRY_UNTIL: unique symbol = Symbol('retryUntil');
export const LOST: unique symbol = Symbol('lost');
export const DROP: unique symbol = Symbol('drop');
export const TRANSACTION_HOME: unique symbol = Symbol('transactionHome');
