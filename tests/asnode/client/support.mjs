// What the client tests share: connecting, waiting for events, ending what was opened.

import { once } from "node:events";
import { afterEach } from "node:test";
import { io } from "socket.io-client";
import msgpack from "socket.io-msgpack-parser";

/** The server under test. */
export const url = process.env.DOZE_URL;
if (!url) throw new Error("DOZE_URL is not set: give it the address of a server that runs the test app, as in http://127.0.0.1:3000");

/** Whether the server's gateway passes binary WebSocket frames on. API Gateway does not. */
export const binaryFrames = process.env.BINARY_FRAMES === "1";

/** Whether the server's clients have the msgpack parser: where no binary frames pass, they send binary as text. */
export const msgpackParser = process.env.PARSER === "msgpack";
export const parser = msgpackParser ? { parser: msgpack, forceBase64: !binaryFrames } : {};

// A bound for what hangs, nothing that a test asserts.
export const limit = Number(process.env.LIMIT ?? 60_000);

// Milliseconds that one call of the server's table may take by itself.
export const slowest = Number(process.env.SLOWEST ?? 0);

const opened = new Set();
afterEach(() => {
  // After each test and not at the end: who leaves is told to all who are still there.
  for (const socket of opened) socket.disconnect();
  opened.clear();
});

/** client creates a stock client on a connection of its own, without waiting for anything. */
export function client(options = {}, namespace = "/") {
  const socket = io(url + namespace, { forceNew: true, reconnection: false, ...parser, ...options });
  opened.add(socket);
  return socket;
}

/**
 * connect resolves to a connected socket and what the server said to it first. All events it receives are kept in
 * socket.received as [event, ...args].
 */
export async function connect(options = {}, namespace = "/") {
  const socket = client(options, namespace);
  record(socket);
  const [hello] = await Promise.all([next(socket, "hello"), next(socket, "connect")]);
  return { socket, hello: hello[0] };
}

/** record keeps all events that the socket receives in socket.received. */
export function record(socket) {
  socket.received = [];
  socket.onAny((...event) => socket.received.push(event));
  return socket;
}

/** next resolves to the arguments of the next such event; a connect_error in its place rejects. */
export async function next(emitter, event) {
  const signal = AbortSignal.timeout(limit);
  const stop = new AbortController();
  const waits = [once(emitter, event, { signal: AbortSignal.any([signal, stop.signal]) })];
  if (event !== "connect_error") {
    waits.push(once(emitter, "connect_error", { signal: stop.signal }).then(([error]) => Promise.reject(error), () => new Promise(() => {})));
  }
  try {
    return await Promise.race(waits);
  } catch (error) {
    if (signal.aborted) throw new Error(`waited ${limit} ms for the event ${event}`);
    throw error;
  } finally {
    stop.abort();
  }
}

/** until resolves when the socket has received an event for which found is true, be it in the past. */
export async function until(socket, found) {
  const signal = AbortSignal.timeout(limit);
  while (!socket.received.some(found)) {
    await new Promise((resolve, reject) => {
      const give = () => {
        socket.offAny(take);
        reject(new Error(`waited ${limit} ms; received so far: ${JSON.stringify(socket.received).slice(0, 2000)}`));
      };
      const take = () => {
        socket.offAny(take);
        signal.removeEventListener("abort", give);
        resolve();
      };
      socket.onAny(take);
      signal.addEventListener("abort", give, { once: true });
    });
  }
}

/** request emits an event and resolves to all arguments of its ack. */
export function request(socket, event, ...args) {
  return new Promise((resolve, reject) => {
    socket.timeout(limit).emit(event, ...args, (error, ...answer) =>
      error ? reject(new Error(`no ack for ${event}: ${error.message}`)) : resolve(answer));
  });
}

/** settled resolves when everything that was sent to these sockets before has reached them. */
export async function settled(...sockets) {
  await Promise.all(sockets.map((socket) => request(socket, "echo", "settled")));
}

/** of picks the arguments of the events of one name from what the socket received. */
export const of = (socket, event) => socket.received.filter(([name]) => name === event).map(([, ...args]) => args);

let names = 0;
/** unique makes a name that no other test uses, as several files may run against one server. */
export const unique = (name) => `${name}-${process.pid}-${++names}`;

/** How long a large text may be. The server's frames have 128 KiB at most, of which base64 leaves three quarters. */
export const largest = msgpackParser ? 90_000 : 100_000;

/** The ways to connect, by the name of the transport that carries the events. */
export const transports = {
  polling: { transports: ["polling"] },
  websocket: { transports: ["websocket"] },
};
