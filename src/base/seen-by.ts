/**
 * Adds to an error's stack the callers that await the async function in whose `catch` this is called: an error made by a timer, or deeper inside, lacks them.
 * Not for errors that belong to others, such as a signal's reason: they may be shared.
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
