import type { Clock } from '../base/clock.ts';
import { OperationTimeoutError, type ErrorContext } from '../base/errors.ts';
import { onAbort } from '../session/abort-listeners.ts';
import type { WaitOptions } from './call-options.ts';

/**
 * Runs a call made of several requests, which share one `timeout` and one `signal`.
 * The signal given to `run` fires when the call ends, with a reason that no retry policy takes for a transient error.
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
  if (signal === undefined && timeout === Infinity) return await run({});
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
    const cause = new Error(`not finished within the call's timeout of ${timeout} ms`);
    throw new OperationTimeoutError(undefined, { ...context, cause });
  } finally {
    timer?.cancel();
    forget?.();
  }
}
