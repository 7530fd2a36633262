// What the two official suites expect of a server.

import { attach } from "engine.io";

export const faults = {
  "engine-silent": "the echo server answers nothing",
  "engine-reverse": "the echo server mangles what it echoes",
  "suite-auth": "the event auth carries nothing",
  "suite-args": "message-back and the ack lack their first argument",
  "suite-custom": "there is no namespace /custom",
  "suite-random": "there is a namespace /random",
};

/** engineEcho sends every message back, text or binary. */
export function engineEcho(http, options, broken) {
  const engine = attach(http, options);
  engine.on("connection", (socket) => {
    socket.on("message", (data) => {
      if (broken.has("engine-silent")) return;
      socket.send(broken.has("engine-reverse") ? (typeof data === "string" ? `x${data}` : data.subarray(1)) : data);
    });
  });
  return engine;
}

/** socketSuite echoes messages on "/", and tells on "/" and "/custom" what the client authenticated with. */
export function socketSuite(io, broken) {
  const strip = (args) => (broken.has("suite-args") ? args.slice(1) : args);
  const greet = (socket) => socket.emit("auth", broken.has("suite-auth") ? undefined : socket.handshake.auth);
  io.on("connection", (socket) => {
    greet(socket);
    socket.on("message", (...args) => socket.emit("message-back", ...strip(args)));
    socket.on("message-with-ack", (...args) => args.at(-1)(...strip(args.slice(0, -1))));
  });
  if (!broken.has("suite-custom")) io.of("/custom").on("connection", greet);
  if (broken.has("suite-random")) io.of("/random").on("connection", greet);
}
