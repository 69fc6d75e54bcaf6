import { subjectOf, UnimplementedError, type ErrorContext } from '../base/errors.ts';
import { OPS, type OpName, type OpRow } from '../codec/ops.ts';

/** The error for an operation the server does not know; it names the version that has it. */
export function unimplemented(op: OpName, context: ErrorContext): UnimplementedError {
  const { since } = OPS[op] as OpRow;
  const hint = HINTS[op] ?? '';
  const message = `${subjectOf(context)}${op} needs ZooKeeper ${since} or later${hint} (code ${UnimplementedError.code})`;
  return new UnimplementedError(message, context);
}

/** Other possible reasons on a server that is new enough. */
const HINTS: { readonly [K in OpName]?: string } = {
  createTTL: ' with zookeeper.extendedTypesEnabled=true',
  reconfig: ' and an ensemble, not a standalone server',
};
