// The ceiling: a bare Node socket that sends requests encoded beforehand and only counts the replies. What goes out at one time
// goes as one buffer, or with `each` as one (corked) write a request, as a client that is called once a request must.
import net from 'node:net';
import { FrameCounter, connectFrame, parseAddress, requestFrame } from '../wire.mjs';
import { PATHS, serve } from './shell.mjs';

await serve(async ({ address, op, inFlight, each = false, path = PATHS[op] }) => {
  const counter = new FrameCounter();
  let onReplies;
  const socket = net.connect({
    ...parseAddress(address),
    noDelay: true,
    onread: { buffer: Buffer.alloc(1 << 16), callback: (length, chunk) => onReplies(counter.count(chunk, length)) },
  });
  const connected = new Promise((resolve) => (onReplies = resolve));
  socket.write(connectFrame());
  await connected;

  const one = requestFrame(1, op, path);
  const batch = Buffer.concat(Array.from({ length: inFlight }, (_, i) => requestFrame(i + 1, op, path)));
  const run = (count) =>
    new Promise((resolve) => {
      let unsent = count;
      let unanswered = count;
      const send = (n) => {
        const now = Math.min(n, unsent);
        unsent -= now;
        if (each) writeEach(socket, one, now);
        else if (now > 0) socket.write(batch.subarray(0, now * one.length));
      };
      onReplies = (n) => {
        unanswered -= n;
        if (unanswered === 0) resolve();
        else send(n);
      };
      send(inFlight);
    });
  return { version: process.version, run, close: () => socket.destroy() };
});

function writeEach(socket, frame, count) {
  socket.cork();
  for (let i = 0; i < count; i++) socket.write(frame);
  socket.uncork();
}
