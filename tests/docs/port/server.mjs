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

// The second half.

io.on("connection", (socket) => {
  socket.use(([event, ...args], next) => {
    if (event === "kick" && socket.data.name !== "ada") return args.at(-1)({ error: "ada alone may" });
    next();
  });

  socket.on("who", async (ack) => {
    const all = await io.fetchSockets();
    ack(all.map((each) => each.data.name).sort());
  });

  socket.on("invite", async (id, room, ack) => {
    try {
      const answers = await io.in(id).timeout(1000).emitWithAck("invited", { room, name: socket.data.name });
      if (answers.length === 0) return ack({ error: "nobody is there" });
      if (answers[0] === true) io.in(id).socketsJoin("#" + room);
      ack({ ok: answers[0] === true });
    } catch {
      ack({ error: "no answer" });
    }
  });

  socket.on("letter", (id, text) => {
    io.to(id).timeout(5000).emit("lettered", { name: socket.data.name, text }, (error, answers) => {
      if (!error && answers.length > 0) socket.emit("read", id);
    });
  });

  socket.on("typing", (room) => {
    socket.volatile.to("#" + room).emit("typing", socket.data.name);
  });

  socket.on("kick", (id, ack) => {
    io.in(id).disconnectSockets(true);
    ack({ ok: true });
  });
});

io.of(/^\/game-\d+$/).on("connection", (socket) => {
  socket.on("move", (x, y) => {
    socket.nsp.emit("moved", x, y);
  });
});

io.listen(process.argv[2] ?? 3000);
console.log("listening", io.httpServer.address().port);
