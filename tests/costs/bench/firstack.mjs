// How long stock clients wait for their first ack, one client after the other: prints a JSON array of milliseconds.
//
//	node tests/costs/bench/firstack.mjs http://127.0.0.1:3000 200 rooms
import { io } from "socket.io-client";

const [url, clients, event] = process.argv.slice(2);
const waited = [];
for (let i = 0; i < Number(clients); i++) {
  const began = performance.now();
  const socket = io(url, { forceNew: true, auth: { nickname: `n${i}` } });
  socket.on("connect_error", (error) => { throw error; });
  await socket.emitWithAck(event, ...(event === "echo" ? ["hello", 1, { a: true }] : []));
  waited.push(Math.round((performance.now() - began) * 10) / 10);
  socket.disconnect();
}
console.log(JSON.stringify(waited));
process.exit(0);
