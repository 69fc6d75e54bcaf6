import { connect } from 'node:net';

/**
 * Sends a four-letter word and returns the whole answer; `null` if nobody listens, the server hangs up without an answer, or `timeout`
 * (milliseconds) expires. Never rejects: the harness polls servers that are starting or dying.
 */
export function probe(word: string, port: number, options: { host?: string; timeout?: number } = {}): Promise<string | null> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: options.host ?? '127.0.0.1' });
    let answer = '';
    socket.setEncoding('utf8');
    socket.setTimeout(options.timeout ?? 2_000, () => socket.destroy());
    socket.on('connect', () => socket.write(word));
    socket.on('data', (text) => (answer += text.toString()));
    socket.on('error', () => socket.destroy());
    socket.on('close', () => resolve(answer === '' ? null : answer));
  });
}

/** Whether a server listens on `port`. */
export function accepts(port: number, host = '127.0.0.1'): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ port, host }, () => {
      resolve(true);
      socket.destroy();
    });
    socket.on('error', () => resolve(false));
  });
}
