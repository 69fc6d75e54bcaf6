/**
 * Shows in an error's stack who awaits the async function in whose `catch` this is called: one made by a timer, or within, does not tell by itself.
 * Not for the errors of others, such as a signal's reason: they may be shared.
 */
export function seenByAwaiting<E>(error: E): E {
  if (!(error instanceof Error)) return error;
  const here: { stack?: string } = {};
  Error.captureStackTrace(here, seenByAwaiting);
  const known = error.stack ?? '';
  const [, ...frames] = (here.stack ?? '').split('\n');
  error.stack = [known, ...frames.filter((frame) => !known.includes(frame))].join('\n');
  return error;
}
