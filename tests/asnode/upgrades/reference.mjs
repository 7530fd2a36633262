// The application of clients.mjs on Node's socket.io: prints "listening <port>" when it is ready.
//
//   node tests/asnode/upgrades/reference.mjs

import { createServer } from "node:http";
import { Server } from "socket.io";

const http = createServer();
const io = new Server(http);
io.on("connection", (socket) => {
  for (let i = 0; i < 20; i++) socket.emit("a", i);
  let n = 0;
  let more = Infinity;
  const stream = setInterval(() => {
    io.to(socket.id).emit("b", n++);
    if ((n >= 20 && --more <= 0) || n === 100) {
      clearInterval(stream);
      io.to(socket.id).emit("end", n);
    }
  }, 2);
  socket.on("upgraded", () => (more = 10));
  socket.on("n", (i, ack) => {
    socket.emit("c", i);
    ack?.();
  });
  socket.on("disconnect", () => clearInterval(stream));
});
http.listen(0, "127.0.0.1", () => console.log(`listening ${http.address().port}`));
process.stdin.resume().on("end", () => process.exit(0)); // with whoever started it
