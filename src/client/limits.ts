import type { Clock } from '../base/clock.ts';
import { OperationTimeoutError, type ErrorContext } from '../base/errors.ts';
import { onAbort } from '../session/abort-listeners.ts';
import type { WaitOptions } from './call-options.ts';

/**
 * Runs a call that is made of several requests within one `timeout` and one `signal`, which they share.
 * What `run` is given ends with the call, with a reason that no retry policy takes for a passing fault.
 *
 * @throws the signal's reason; OperationTimeoutError; whatever `run` rejects with
 */
export async function withinLimits<T>(
  clock: Clock,
  context: ErrorContext,
  options: WaitOptions,
  run: (wait: WaitOptions) => Promise<T>,
): Promise<T> {
  const { signal, timeout = Infinity } = options;
  if (signal === undefined && timeout === Infinity) return run({});
  signal?.throwIfAborted();
  const limit = new AbortController();
  const end = (): void => limit.abort();
  const ended = new Promise<never>((_, reject) =>
    limit.signal.addEventListener('abort', () => reject(limit.signal.reason as Error)),
  );
  const timer = timeout === Infinity ? undefined : clock.timer(timeout, end);
  const forget = signal && onAbort(signal, end);
  try {
    return await Promise.race([run({ signal: limit.signal, timeout: undefined }), ended]);
  } catch (error) {
    if (!limit.signal.aborted) throw error;
    if (signal?.aborted === true) throw signal.reason;
    const cause = new Error(`not done within the call's timeout of ${timeout} ms`);
    throw new OperationTimeoutError(undefined, { ...context, cause });
  } finally {
    timer?.cancel();
    forget?.();
  }
}
