// The client of README.md.

import { io } from "socket.io-client";

const [ada, bob] = [io("http://127.0.0.1:3000"), io("http://127.0.0.1:3000", { forceNew: true })]; // the stock client
bob.on("said", (m) => console.log("bob hears", m.text)); // all in the room but the sender
await Promise.all([ada, bob].map((socket) => socket.emitWithAck("join", "tea")));
console.log(await ada.emitWithAck("say", { room: "tea", text: "hello" })); // delivered
