// Stock clients with one parser or another, and what parsers carry. The server's parser is that of the run.

import { io } from "socket.io-client";
import msgpack from "socket.io-msgpack-parser";
import io2 from "socket.io-client-v2";
import * as json from "socket.io-parser";

const transports = { polling: { transports: ["polling"] }, websocket: { transports: ["websocket"] } };
const other = process.env.PARSER === "msgpack" ? { parser: json } : { parser: msgpack };

const connected = async (t, actor, options) => {
  const socket = t.client(actor, options);
  await Promise.all([t.wait(actor, socket, "connect"), t.wait(actor, socket, "hello")]);
  return socket;
};

// Of each kind the smallest and the largest of its forms, and one beside it.
const edges = [0x1f, 0x20, 0x7f, 0x80, 0xff, 0x100, 0x7fff, 0x8000, 0xffff, 0x10000, 0x7fffffff, 0x80000000, 0xffffffff, 0x100000000, 2 ** 53 - 1];
const numbers = edges.flatMap((n) => [n, -n, n + 1]);
const of = (n, each) => Array.from({ length: n }, (_, i) => each(i));

export const scenarios = {
  async "a client with another parser"(t) {
    for (const [name, options] of Object.entries(transports)) {
      // Over polling a POST that fails and a GET that closes race each other, in the reference too: so no reason is noted.
      const socket = io(t.url, { forceNew: true, reconnection: false, ...options, ...other });
      const { engine } = socket.io;
      await new Promise((resolve) => {
        engine.once("close", resolve);
        setTimeout(resolve, 5000).unref();
      });
      t.saw(name, { connected: socket.connected, engine: engine.readyState });
      socket.disconnect();
    }
  },

  async "a client of Socket.IO 2"(t) {
    for (const [name, options] of Object.entries(transports)) {
      const socket = io2(t.url, { ...options, forceNew: true, reconnection: false });
      const error = await new Promise((resolve) => {
        socket.on("connect_error", resolve);
        socket.on("connect", () => resolve(new Error("connected")));
      });
      t.saw(name, error.message, error.type);
      socket.close();
    }
  },

  async "values of every size"(t) {
    for (const [name, options] of Object.entries(transports)) {
      const socket = await connected(t, name, options);
      const buffer = (n) => (name === "polling" ? Buffer.alloc(n, 7) : n); // over WebSocket not every gateway passes it
      await t.ask(name, socket, "echo", ...numbers, 0, -1, 0.5, -1e-9, 1.5e300);
      for (const n of [15, 16, 31, 32, 255, 256]) {
        await t.ask(name, socket, "echo", "x".repeat(n), "ü".repeat(n), of(n, (i) => i), Object.fromEntries(of(n, (i) => [`k${i}`, i])), buffer(n));
      }
      await t.ask(name, socket, "echo", "", [], {}, buffer(0), null, true, false, "\u0000\u001e\"\\\n\u2028🙂", { "": { "": [[[]]] } });
    }
  },

  async "acks and events with odd arguments"(t) {
    for (const [name, options] of Object.entries(transports)) {
      const socket = await connected(t, name, options);
      await t.ask(name, socket, "echo");
      await t.ask(name, socket, "echo", null);
      await t.ask(name, socket, "echo", [], [[]], {});
      await t.ask(name, socket, "echo", { _placeholder: false, num: 0 }, { num: 0 });
      await t.ask(name, socket, "echo", { toJSON: () => "by toJSON" });
      await t.ask(name, socket, "echo", { type: 2, nsp: "/", data: [], id: 5 });
      socket.emit("nobody's event", 1);
      await t.ask(name, socket, "echo", "still here");
    }
  },
};
