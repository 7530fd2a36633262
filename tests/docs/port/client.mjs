// What clients see of the application of docs/from-node.md, a line of JSON for each client and each ack:
// node client.mjs URL [TRANSPORT...]

import { once } from "node:events";
import { io } from "socket.io-client";

const [url = "http://127.0.0.1:3000", ...transports] = process.argv.slice(2);
const names = new Map(); // by socket id, which is another in each run
const heard = {};

function connect(name) {
  const socket = io(url, { auth: { name }, forceNew: true, reconnection: false, ...(transports.length > 0 && { transports }) });
  heard[name] = [];
  socket.onAny((...event) => heard[name].push(event));
  socket.on("connect", () => names.set(socket.id, name));
  return socket;
}

function print(...what) {
  console.log(JSON.stringify(what, (_, value) => names.get(value) ?? value));
}

const nameless = connect(""); // comes with an empty name
print("refused", (await once(nameless, "connect_error"))[0].message);
nameless.close();

const ada = connect("ada");
await once(ada, "welcome");
const bob = connect("bob");
await once(bob, "welcome");

print("too early", await ada.emitWithAck("say", "tea", "anybody?"));
print("ada joins", await ada.emitWithAck("join", "tea"));
const joined = once(ada, "joined");
print("bob joins", await bob.emitWithAck("join", "tea"));
await joined;

const said = once(bob, "said");
print("ada says", await ada.emitWithAck("say", "tea", "hello"));
await said;

const whispered = once(ada, "whispered");
print("bob whispers", await bob.emitWithAck("whisper", ada.id, "psst"));
await whispered;
print("to nobody", await bob.emitWithAck("whisper", "nobody", "psst"));

const left = once(ada, "left");
bob.disconnect();
await left;
ada.disconnect();
for (const [name, events] of Object.entries(heard)) print(name, "hears", events);
