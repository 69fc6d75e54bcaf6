import { onTestFinished } from 'vitest';

/** What is thrown where nobody awaits it, until the test ends. */
export function hearThrown(): string[] {
  const thrown: string[] = [];
  const hear = (error: unknown): void =>
    void thrown.push(error instanceof Error ? (error.stack ?? error.message) : String(error));
  process.on('unhandledRejection', hear).on('uncaughtException', hear);
  onTestFinished(() => void process.off('unhandledRejection', hear).off('uncaughtException', hear));
  return thrown;
}
