// What clients see of the application of docs/from-node.md, a line of JSON for each client and each ack:
// node client.mjs URL [TRANSPORT...]

import { once } from "node:events";
import { io } from "socket.io-client";

const [url = "http://127.0.0.1:3000", ...transports] = process.argv.slice(2);
const names = new Map(); // by socket id, which is another in each run
const heard = {};

function connect(name, namespace = "/") {
  const socket = io(url + namespace, { auth: { name }, forceNew: true, reconnection: false, ...(transports.length > 0 && { transports }) });
  heard[name] = [];
  socket.onAny((...event) => event[0] === "typing" || heard[name].push(event)); // volatile events come or do not
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

// The second half.

print("who is there", await ada.emitWithAck("who"));
const cid = connect("cid"); // says nothing
await once(cid, "welcome");
const answers = { tea: true, cake: false };
bob.on("invited", ({ room }, ack) => (room in answers ? ack(answers[room]) : ack())); // for another room an ack without arguments
for (const room of ["tea", "cake", "pie"]) print("bob is invited to", room, await ada.emitWithAck("invite", bob.id, room));
print("cid is invited", await ada.emitWithAck("invite", cid.id, "tea"));
print("nobody is invited", await ada.emitWithAck("invite", "nobody", "tea"));

bob.on("lettered", (_, ack) => ack());
const read = once(bob, "lettered").then(() => once(ada, "read"));
ada.emit("letter", bob.id, "dear bob");
print("is read by", (await read)[0]);

const typing = once(bob, "typing");
const again = setInterval(() => ada.emit("typing", "tea"), 20);
print("is typing", (await typing)[0]);
clearInterval(again);

print("bob kicks", await bob.emitWithAck("kick", cid.id));
const gone = once(cid, "disconnect");
print("ada kicks", await ada.emitWithAck("kick", cid.id));
print("cid is gone:", (await gone)[0]);

const [one, two, three] = [connect("one", "/game-1"), connect("two", "/game-1"), connect("three", "/game-2")];
await Promise.all([one, two, three].map((socket) => socket.connected || once(socket, "connect")));
const moved = [once(one, "moved"), once(two, "moved")];
one.emit("move", 1, 2);
await Promise.all(moved);
const other = connect("other", "/game-x");
print("another namespace", (await once(other, "connect_error"))[0].message);
for (const socket of [one, two, three, other]) socket.disconnect();

const left = once(ada, "left");
bob.disconnect();
await left;
ada.disconnect();
for (const [name, events] of Object.entries(heard)) print(name, "hears", events);
