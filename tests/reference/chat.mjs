// The chat of the repository's app in Node, with the page of app/page: what ../browser is tried on. It keeps no history
// and judges little; the real one is in Go.

import { randomUUID } from "node:crypto";
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
};

const page = new URL("../../app/page/", import.meta.url);
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
  io.on("connection", (socket) => {
    const me = { id: socket.id, nickname: socket.data.nickname };
    const receipt = () => ({ id: randomUUID(), time: Date.now() });
    const leave = (room) => {
      if (!broken.has("chat-left")) socket.to(room).emit("left", { room, ...me });
    };
    socket.emit("welcome", me);
    socket.on("join", (room, ack) => {
      socket.join(room);
      socket.to(room).emit("joined", { room, ...me });
      ack({ members: members(room) });
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
    socket.on("say", ({ room, text }, ack) => {
      const message = { ...receipt(), room, from: me, text };
      if (!broken.has("chat-unheard")) socket.to(room).emit("said", message);
      if (!broken.has("chat-silent")) ack({ id: message.id, time: message.time });
    });
    socket.on("whisper", ({ to, text }, ack) => {
      const message = { ...receipt(), from: me, text };
      if (!broken.has("chat-whisper")) io.to(to).emit("whispered", message);
      ack({ id: message.id, time: message.time });
    });
    socket.on("typing", ({ room, typing }) => {
      if (!broken.has("chat-typing")) socket.to(room).emit("typing", { room, from: me, typing });
    });
    socket.on("disconnecting", () => {
      for (const room of socket.rooms) if (room !== socket.id) leave(room);
    });
  });
}
