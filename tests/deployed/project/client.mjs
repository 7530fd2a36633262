// Two stock clients on a project of doze new, at DOZE_URL: they connect as its page does, meet in a room, and both come
// to WebSocket.

import { once } from "node:events";
import { io } from "socket.io-client";

const base = new URL(process.env.DOZE_URL);
if (!base.pathname.endsWith("/")) base.pathname += "/";
const answer = await fetch(new URL("client.json", base));
if (!answer.ok) throw new Error(`client.json: ${answer.status}`);
const options = await answer.json();
setTimeout(() => { throw new Error("nothing happens any more"); }, 30_000).unref();

async function connect() {
  const socket = io(base.origin, { path: `${base.pathname}socket.io/`, forceNew: true, ...options });
  const upgraded = once(socket.io.engine, "upgrade");
  await once(socket, "connect");
  return { socket, upgraded };
}

function equal(got, want, what) {
  if (JSON.stringify(got) !== JSON.stringify(want)) throw new Error(`${what}: ${JSON.stringify(got)}, want ${JSON.stringify(want)}`);
}

const ada = await connect();
const bob = await connect();
equal(await ada.socket.emitWithAck("join", "tea"), 1, "the first is told");
equal(await bob.socket.emitWithAck("join", "tea"), 2, "the second is told");
await Promise.all([ada.upgraded, bob.upgraded]);
const said = once(bob.socket, "said");
equal(await ada.socket.emitWithAck("say", { room: "tea", text: "hello" }), "delivered", "the ack");
equal(await said, [{ room: "tea", text: "hello" }], "bob hears");
const refused = await ada.socket.emitWithAck("say", { room: "tea", text: "" });
if (!refused.error) throw new Error(`an empty message is acked with ${JSON.stringify(refused)}`);
for (const { socket } of [ada, bob]) {
  equal(socket.io.engine.transport.name, "websocket", "the transport");
  socket.disconnect();
}
console.log("all went well");
process.exit(0);
