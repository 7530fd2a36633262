// The Node application of docs/from-node.md: node server.mjs [PORT]. The same in Go is app/app.go.

import { Server } from "socket.io";

const io = new Server();

io.use((socket, next) => {
  const { name } = socket.handshake.auth;
  if (typeof name !== "string" || name === "") return next(new Error("say who you are"));
  socket.data.name = name;
  next();
});

io.on("connection", (socket) => {
  socket.emit("welcome", socket.data.name);

  socket.on("join", async (room, ack) => {
    await socket.join("#" + room);
    socket.to("#" + room).emit("joined", { room, name: socket.data.name });
    ack({ ok: true });
  });

  socket.on("say", (room, text, ack) => {
    if (!socket.rooms.has("#" + room)) return ack({ error: "join first" });
    socket.to("#" + room).emit("said", { room, name: socket.data.name, text });
    ack({ ok: true });
  });

  socket.on("whisper", async (id, text, ack) => {
    const there = await io.in(id).fetchSockets();
    if (there.length === 0) return ack({ error: "nobody is there" });
    socket.to(id).emit("whispered", { id: socket.id, name: socket.data.name, text });
    ack({ ok: true });
  });

  socket.on("disconnecting", () => {
    for (const room of socket.rooms) {
      if (room !== socket.id) socket.to(room).emit("left", { room: room.slice(1), name: socket.data.name });
    }
  });
});

io.listen(process.argv[2] ?? 3000);
console.log("listening", io.httpServer.address().port);
