// Many stock clients that upgrade while messages flow both ways.
//
//   node tests/asnode/upgrades/clients.mjs --url http://127.0.0.1:3000 [--clients 500] [--batch 20] [--retries] [--quiet]
//
// Prints one line of JSON per client: what it sent, what it received from each emitter, how long the upgrade took, and
// what went wrong. With --retries the clients send one event at a time, each until it is acked. With --quiet nothing is
// sent: just the upgrades are timed. Against an application as in app_test.go or reference.mjs:
//
//   on connection     emits "a" 0 ... 19, then lets somebody else emit "b" 0, 1, 2 ... until the client says that it
//                     has upgraded, and a little longer, at most 100; last comes "end" with the number of them
//   "n" (i)           emits "c" i; acked
//   "upgraded" ()     see above

import { parseArgs } from "node:util";
import { io } from "socket.io-client";

const { values: flags } = parseArgs({
  options: {
    url: { type: "string" },
    clients: { type: "string", default: "500" },
    batch: { type: "string", default: "20" },
    retries: { type: "boolean", default: false },
    quiet: { type: "boolean", default: false },
  },
});

const burst = 20; // at once, when connected
const after = 10; // once upgraded
const most = 100; // until then
const limit = 15_000; // for what hangs

async function client() {
  const begun = performance.now();
  const since = () => performance.now() - begun;
  const result = { id: "", sent: 0, a: [], b: [], c: [], end: -1, first: "", open: 0, upgrade: 0, trouble: [] };
  const socket = io(flags.url, { forceNew: true, ...(flags.retries && { retries: 3, ackTimeout: limit }) });
  const { engine } = socket.io;
  engine.once("open", () => (result.open = since()));

  let stream, done;
  const finished = new Promise((resolve) => (done = resolve));
  const check = () => {
    const complete = flags.quiet || (stream === null && result.end >= 0 && result.b.length >= result.end && result.c.length >= result.sent);
    if (socket.connected && result.upgrade > 0 && complete) done();
  };
  const send = () => {
    const n = result.sent++;
    socket.emit("n", n);
  };

  engine.once("upgrade", () => {
    result.upgrade = since();
    if (!flags.quiet) {
      socket.emit("upgraded");
      const more = result.sent + after;
      clearInterval(stream);
      stream = setInterval(() => {
        if (!socket.connected) return; // the upgrade was faster than the answer to CONNECT
        send();
        if (result.sent >= Math.max(more, burst + after)) {
          clearInterval(stream);
          stream = null;
          check();
        }
      }, 2);
    }
    check();
  });
  socket.on("connect", () => {
    if (result.id !== "") result.trouble.push("connected again");
    result.id = socket.id;
    result.first = engine.transport.name;
    if (flags.quiet) return check();
    for (let i = 0; i < burst; i++) send();
    stream ??= setInterval(() => result.sent < most && send(), 2);
  });
  socket.on("connect_error", (error) => result.trouble.push(`connect_error: ${error.message}`));
  socket.on("disconnect", (reason) => result.trouble.push(`disconnect: ${reason}`));
  for (const emitter of ["a", "b", "c"]) {
    socket.on(emitter, (n) => {
      result[emitter].push(n);
      check();
    });
  }
  socket.on("end", (n) => {
    result.end = n;
    check();
  });

  const timer = setTimeout(() => {
    result.trouble.push(`waited ${limit} ms`);
    done();
  }, limit);
  await finished;
  // What comes twice may still be on its way: one more round trip.
  if (!flags.quiet && socket.connected) await socket.timeout(limit).emitWithAck("n", -1).catch((error) => result.trouble.push(`last: ${error.message}`));
  clearTimeout(timer);
  clearInterval(stream);
  socket.off("disconnect");
  socket.disconnect();
  return result;
}

for (let left = Number(flags.clients); left > 0; left -= Number(flags.batch)) {
  const batch = Array.from({ length: Math.min(left, Number(flags.batch)) }, client);
  for (const result of await Promise.all(batch)) console.log(JSON.stringify(result));
}
