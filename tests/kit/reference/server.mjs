// The reference: Node's own engine.io and socket.io, serving what the suites of this folder expect.
//
//   node tests/kit/reference/server.mjs --suite engineio|socketio|client|chat [--port N] [--ping-interval MS]
//                                   [--ping-timeout MS] [--no-binary-frames] [--msgpack] [--break NAME]
//
//   engineio   the echo server of the Engine.IO v4 suite, at /engine.io/
//   socketio   the application of the Socket.IO v5 suite, at /socket.io/
//   client     the test app of ../../asnode/client and ../../asnode/oracle; its contract stands in app.mjs
//   chat       the chat and its page, for ../../asnode/browser
//
// Prints "listening <port>" when it is ready; port 0, the default, takes a free one. Listens on 127.0.0.1 only.
// --no-binary-frames does what API Gateway does: an inbound binary frame closes the WebSocket with 1003, outbound
// binary leaves as text. --msgpack is for clients with socket.io-msgpack-parser. --break makes one deliberate mistake (see faults in app.mjs, conformance.mjs,
// chat.mjs), to prove that tests fail.

import { createServer } from "node:http";
import { parseArgs } from "node:util";
import { Server } from "socket.io";
import msgpack from "socket.io-msgpack-parser";
import { addHeaders, allowRequest, faults as appFaults, install } from "./app.mjs";
import { chat, faults as chatFaults, servePage } from "./chat.mjs";
import { engineEcho, faults as suiteFaults, socketSuite } from "./conformance.mjs";
import { textFramesOnly } from "./text-frames.mjs";

const { values: flags } = parseArgs({
  options: {
    "suite": { type: "string", default: "client" },
    "port": { type: "string", default: "0" },
    "ping-interval": { type: "string" },
    "ping-timeout": { type: "string" },
    "no-binary-frames": { type: "boolean", default: false },
    "msgpack": { type: "boolean", default: false },
    "break": { type: "string", multiple: true, default: [] },
  },
});

const broken = new Set(flags.break);
const faults = Object.keys({ ...appFaults, ...suiteFaults, ...chatFaults });
for (const name of broken) {
  if (!faults.includes(name)) throw new Error(`--break ${name}: no such fault; there are: ${faults.join(", ")}`);
}

// The official suites fix 300 and 200 ms, and a second for the first CONNECT.
const forSuite = flags.suite === "engineio" || flags.suite === "socketio";
const options = {
  pingInterval: Number(flags["ping-interval"] ?? (forSuite ? 300 : 25000)),
  pingTimeout: Number(flags["ping-timeout"] ?? (forSuite ? 200 : 20000)),
  maxHttpBufferSize: 1e6,
  ...(flags.suite === "client" && { allowRequest: allowRequest(broken) }),
};

const http = createServer(flags.suite === "chat" ? servePage : (_, res) => res.writeHead(404).end());
let engine;
switch (flags.suite) {
  case "engineio":
    engine = engineEcho(http, options, broken);
    break;
  case "socketio":
  case "client":
  case "chat": {
    const io = new Server(http, { ...options, connectTimeout: forSuite ? 1000 : 45000, serveClient: flags.suite === "chat", ...(flags.msgpack && { parser: msgpack }) });
    ({ socketio: socketSuite, client: install, chat })[flags.suite](io, broken);
    engine = io.engine;
    if (flags.suite === "client") addHeaders(engine, broken);
    break;
  }
  default:
    throw new Error(`--suite ${flags.suite}: want engineio, socketio, client or chat`);
}
if (flags["no-binary-frames"]) textFramesOnly(engine);

http.listen(Number(flags.port), "127.0.0.1", () => console.log(`listening ${http.address().port}`));
for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => process.exit(0));
