// The few ZooKeeper frames that the bench needs for itself: the raw ceiling's requests and the laying out of nodes.
// It shares no code with the client under test.
import net from 'node:net';

export const OPS = { create: 1, exists: 3, get: 4, set: 5, getChildren: 8 };
export const DATA = Buffer.alloc(100, 0x78);

const SEQUENTIAL = 2;

/** The connect request of a new session. */
export function connectFrame(timeout = 60_000) {
  const frame = Buffer.alloc(4 + 45);
  frame.writeInt32BE(45, 0);
  frame.writeInt32BE(timeout, 4 + 12);
  frame.writeInt32BE(16, 4 + 24);
  return frame;
}

/** One request, length and header included. A create of a path that ends in `-` is sequential. */
export function requestFrame(xid, op, path, data = DATA) {
  const header = Buffer.alloc(12);
  header.writeInt32BE(xid, 4);
  header.writeInt32BE(OPS[op], 8);
  const frame = Buffer.concat([header, ...bodyOf(op, path, data)]);
  frame.writeInt32BE(frame.length - 4, 0);
  return frame;
}

/** Counts the frames in a stream of chunks, whatever their borders. */
export class FrameCounter {
  #skip = 0;
  #head = [];

  count(chunk, length) {
    let frames = 0;
    let at = 0;
    while (at < length) {
      if (this.#skip > 0) {
        const step = Math.min(this.#skip, length - at);
        this.#skip -= step;
        at += step;
        if (this.#skip === 0) frames++;
      } else if (this.#head.length === 0 && length - at >= 4) {
        this.#skip = (chunk[at] << 24) | (chunk[at + 1] << 16) | (chunk[at + 2] << 8) | chunk[at + 3];
        at += 4;
      } else {
        this.#head.push(chunk[at++]);
        if (this.#head.length === 4) this.#skip = Buffer.from(this.#head.splice(0)).readInt32BE(0);
      }
    }
    return frames;
  }
}

/** Makes nodes (parents first) on a server and waits for every answer; those that are there already stay. */
export async function layOut(address, nodes) {
  const { host, port } = parseAddress(address);
  const socket = net.connect({ host, port, noDelay: true });
  const counter = new FrameCounter();
  let expected = 1 + nodes.length;
  await new Promise((resolve, reject) => {
    socket.on('error', reject);
    socket.on('close', () => reject(new Error(`${address} closed the connection while the bench laid out its nodes`)));
    socket.on('data', (chunk) => {
      if ((expected -= counter.count(chunk, chunk.length)) === 0) resolve();
    });
    socket.write(connectFrame());
    socket.write(Buffer.concat(nodes.map(([path, data], i) => requestFrame(i + 1, 'create', path, data ?? DATA))));
  });
  socket.removeAllListeners('close');
  socket.destroy();
}

/** The host and port in `host:port`. */
export function parseAddress(address) {
  const [host, port] = address.split(':');
  return { host, port: Number(port) };
}

function bodyOf(op, path, data) {
  if (op === 'get' || op === 'exists' || op === 'getChildren') return [text(path), Buffer.alloc(1)];
  if (op === 'set') return [text(path), text(data), int(-1)];
  const openAcl = Buffer.concat([int(1), int(31), text('world'), text('anyone')]);
  return [text(path), text(data), openAcl, int(path.endsWith('-') ? SEQUENTIAL : 0)];
}

function text(value) {
  const bytes = Buffer.from(value);
  return Buffer.concat([int(bytes.length), bytes]);
}

function int(value) {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
}
