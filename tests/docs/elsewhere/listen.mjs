// Joins the room tea of the application of docs/from-node.md, and prints what it gets as a line of JSON until it is
// killed: node listen.mjs URL NAME TRANSPORT

import { io } from "socket.io-client";

const [url, name, transport] = process.argv.slice(2);
const socket = io(url, { auth: { name }, transports: [transport], reconnection: false });
socket.on("connect_error", (error) => { throw error; });
socket.once("welcome", async () => {
  await socket.emitWithAck("join", "tea");
  socket.onAny((...event) => console.log(JSON.stringify(event)));
  console.log("ready");
});
