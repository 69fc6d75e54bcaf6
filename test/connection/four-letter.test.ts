import { describe, expect, test } from 'vitest';
import { ConnectionDropped } from '../../src/base/errors.ts';
import { askFourLetterWord } from '../../src/connection/four-letter.ts';
import type { Transport } from '../../src/connection/transport.ts';

class Line implements Transport {
  onData: Transport['onData'] = () => undefined;
  onClose: Transport['onClose'] = () => undefined;
  readonly written: string[] = [];
  destroyed = false;
  write(data: Uint8Array): void {
    this.written.push(Buffer.from(data).toString());
  }
  destroy(): void {
    this.destroyed = true;
  }
}

const never = (): AbortSignal => new AbortController().signal;

describe('a four-letter word', () => {
  test('is answered with everything up to the end of the stream, characters that fall on two chunks too (D-20)', async () => {
    const line = new Line();
    const answer = askFourLetterWord(line, 'cons', never());
    const bytes = Buffer.from(`${'x'.repeat(20_000)}é`);
    line.onData(bytes.subarray(0, bytes.length - 1));
    line.onData(bytes.subarray(bytes.length - 1));
    line.onClose(null);
    await expect(answer).resolves.toBe(bytes.toString());
    expect(line).toMatchObject({ written: ['cons'], destroyed: true });
  });

  test('whose connection is reset behind the answer has its answer; before it, an error with the cause', async () => {
    const reset = new Error('ECONNRESET');
    const answered = new Line();
    const answer = askFourLetterWord(answered, 'ruok', never());
    answered.onData(Buffer.from('imok'));
    answered.onClose(reset);
    await expect(answer).resolves.toBe('imok');
    const silent = new Line();
    const failure = askFourLetterWord(silent, 'ruok', never());
    silent.onClose(reset);
    await expect(failure).rejects.toThrow(ConnectionDropped);
    await expect(failure).rejects.toMatchObject({ message: 'ruok: ECONNRESET', cause: reset });
  });

  test('that is aborted, before or meanwhile, closes its connection', async () => {
    const reason = new Error('enough');
    const late = new Line();
    await expect(askFourLetterWord(late, 'ruok', AbortSignal.abort(reason))).rejects.toBe(reason);
    expect(late).toMatchObject({ written: [], destroyed: true });
    const controller = new AbortController();
    const waiting = new Line();
    const answer = askFourLetterWord(waiting, 'ruok', controller.signal);
    controller.abort(reason);
    await expect(answer).rejects.toBe(reason);
    expect(waiting.destroyed).toBe(true);
  });
});
