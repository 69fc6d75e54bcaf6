export { requireWaiting as requireSharedWaiting } from './arguments.ts';
