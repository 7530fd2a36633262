// The chat of the repository's app in Node, with the page of app/page: what ../../asnode/browser is tried on. It keeps no history
// and judges little; the real one is in Go.

import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { extname } from "node:path";

export const faults = {
  "chat-typing": "nobody is told who types",
  "chat-members": "the list of rooms counts one person too many",
  "chat-left": "nobody is told who leaves",
  "chat-whisper": "private messages go astray",
  "chat-anybody": "an empty nickname is let in",
  "chat-unheard": "what is said is acked and not passed on",
  "chat-silent": "what is said is passed on and not acked",
  "chat-order": "what is said late counts as said early",
  "chat-people": "nobody is told who is in a room",
  "chat-rooms": "nobody is told of a new room",
  "chat-tags": "people of one nickname are the same to the others",
};

const page = new URL("../../../app/page/", import.meta.url);
const types = { ".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml" };

/** servePage answers a request with a file of the page. */
export async function servePage(req, res) {
  const { pathname } = new URL(req.url, "http://page");
  const name = pathname === "/" ? "index.html" : pathname.slice(1);
  try {
    if (!/^[\w-]+\.\w+$/.test(name)) throw new Error("no such file");
    const content = await readFile(new URL(name, page));
    res.writeHead(200, { "content-type": types[extname(name)] ?? "application/octet-stream" }).end(content);
  } catch {
    res.writeHead(404).end();
  }
}

export function chat(io, broken) {
  io.use((socket, next) => {
    const nickname = socket.handshake.auth.nickname?.trim();
    if (!nickname && !broken.has("chat-anybody")) {
      const refusal = new Error("a nickname is needed");
      refusal.data = { hint: "one to twenty letters" };
      return next(refusal);
    }
    socket.data.nickname = nickname;
    next();
  });

  const members = (room) => io.sockets.adapter.rooms.get(room)?.size ?? 0;
  const tagOf = (secret) => createHash("sha256").update(secret).digest("base64url").slice(0, 22);
  let seq = 0;
  const began = Date.now();
  const stamp = () => ({ time: broken.has("chat-order") ? 2 * began - Date.now() : Date.now(), seq: (seq += broken.has("chat-order") ? -1 : 1) });
  io.on("connection", (socket) => {
    const { auth: { secret = socket.id, nickname } } = socket.handshake;
    const me = { id: socket.id, nickname: socket.data.nickname, tag: tagOf(broken.has("chat-tags") ? nickname.toLowerCase() : secret) };
    socket.data.me = me;
    const leave = (room) => {
      if (!broken.has("chat-left")) socket.to(room).emit("left", { room, ...me, ...stamp() });
    };
    socket.emit("welcome", me);
    socket.on("join", async (room, ack) => {
      if (members(room) === 0 && !broken.has("chat-rooms")) socket.broadcast.emit("room", { name: room, members: 1 });
      socket.join(room);
      const joined = stamp();
      socket.to(room).emit("joined", { room, ...me, ...joined });
      const others = (await io.in(room).fetchSockets()).map(({ data }) => data.me).filter(({ id }) => id !== socket.id);
      ack({ room, members: members(room), people: broken.has("chat-people") ? [] : others, ...joined });
    });
    socket.on("leave", (room, ack) => {
      socket.leave(room);
      leave(room);
      ack({});
    });
    socket.on("rooms", (ack) => {
      const names = [...io.sockets.adapter.rooms.keys()].filter((name) => !io.sockets.adapter.sids.has(name));
      ack(names.map((name) => ({ name, members: members(name) + (broken.has("chat-members") ? 1 : 0) })));
    });
    socket.on("say", ({ id, room, text }, ack) => {
      const said = stamp();
      if (!broken.has("chat-unheard")) socket.to(room).emit("said", { id, room, from: me, text, ...said });
      if (!broken.has("chat-silent")) ack({ id, ...said });
    });
    socket.on("whisper", ({ id, to, text }, ack) => {
      const said = stamp();
      if (!broken.has("chat-whisper")) io.to(to).emit("whispered", { id, from: me, text, ...said });
      ack({ id, ...said });
    });
    socket.on("typing", ({ room, to, typing }, ack) => {
      if (!broken.has("chat-typing")) socket.to(room ?? to).emit("typing", { room, from: me, typing, ...stamp() });
      ack?.();
    });
    socket.on("disconnecting", () => {
      for (const room of socket.rooms) if (room !== socket.id) leave(room);
    });
  });
}
