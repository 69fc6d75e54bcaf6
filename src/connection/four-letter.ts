import { ConnectionDropped } from '../base/exceptions.ts';
import type { Transport } from './transport.ts';

/** The version in an answer to `srvr`, `envi` or `mntr`, such as `[3, 9, 4]`. */
export function versionIn(answer: string): number[] | undefined {
  return /(?:zookeeper[. ]version[:=]|zk_version)\s*(\d+(?:\.\d+)+)/i.exec(answer)?.[1]?.split('.').map(Number);
}

/**
 * Sends a four-letter word over a new transport and reads the whole answer, to the end of the stream (Kazoo CM-5, corrected by D-20).
 *
 * @throws ConnectionDropped if the transport fails; the signal's reason if it is aborted
 */
export function askFourLetterWord(transport: Transport, word: string, signal: AbortSignal): Promise<string> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    const finish = (settle: () => void): void => {
      signal.removeEventListener('abort', abort);
      transport.onClose = () => undefined;
      transport.destroy();
      settle();
    };
    const abort = (): void => finish(() => reject(signal.reason as Error));
    if (signal.aborted) return abort();
    signal.addEventListener('abort', abort, { once: true });
    transport.onData = (chunk) => void chunks.push(Buffer.from(chunk));
    transport.onClose = (cause) => {
      // Some servers close by a reset after the answer.
      if (cause !== null && chunks.length === 0)
        finish(() => reject(new ConnectionDropped(`${word}: ${cause.message}`, { cause })));
      else finish(() => resolve(Buffer.concat(chunks).toString('utf8')));
    };
    transport.write(Buffer.from(word, 'latin1'));
  });
}
