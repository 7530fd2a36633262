// The part of the test app (app.mjs) that is about other people's sockets and about what is volatile.
//
//   "sockets-join" (rooms[], room)          io.in(rooms).socketsJoin(room), then ack "ok"
//   "sockets-leave" (rooms[], room)         io.in(rooms).socketsLeave(room), then ack "ok"
//   "disconnect-sockets" (rooms[], close)   io.in(rooms).disconnectSockets(close), then ack "ok"
//   "fetch" (rooms[])                       ack: of the sockets that io.in(rooms).fetchSockets() finds {value, rooms, query}:
//                                           what "set-data" stored, the rooms without its own id, and the query parameter x
//                                           of the handshake (null if absent); sorted by value
//   "remote" (id, room, event, ...args)     the socket of io.in(id).fetchSockets() joins the room and is sent the event, then
//                                           ack "ok"; "nobody" when there is none
//   "remote-leave" (id, room)               it leaves the room, then ack "ok"
//   "remote-disconnect" (id, close)         it is disconnected, then ack "ok"
//   "volatile" (rooms[], event, ...args)    socket.volatile.to(rooms).emit(event, ...args), then ack "ok"
//   "volatile-all" (event, ...args)         io.volatile.emit(event, ...args), then ack "ok"
//   "volatile-me" (event, ...args)          socket.volatile.emit(event, ...args), then ack "ok"

export const faults = {
  "sockets-join": "sockets-join joins nobody",
  "sockets-leave": "sockets-leave leaves nothing",
  "disconnect-sockets": "disconnect-sockets leaves everybody connected",
  "fetch-data": "fetch finds sockets without data",
  "fetch-handshake": "fetch finds sockets without handshakes",
  "remote-join": "a fetched socket joins nothing",
  "volatile-lost": "what is volatile is never sent",
  "volatile-self": "volatile to rooms reaches the sender",
};

/** installOthers registers the events of one socket; on is that of app.mjs. */
export function installOthers(io, socket, on, broken) {
  const roomsOf = (each) => [...each.rooms].filter((room) => room !== each.id).sort();
  const find = async (id) => (await io.in(id).fetchSockets()).find((each) => each.id === id);

  on("sockets-join", ([rooms, room], ack) => {
    if (!broken.has("sockets-join")) io.in(rooms).socketsJoin(room);
    ack("ok");
  });
  on("sockets-leave", ([rooms, room], ack) => {
    if (!broken.has("sockets-leave")) io.in(rooms).socketsLeave(room);
    ack("ok");
  });
  on("disconnect-sockets", ([rooms, close], ack) => {
    if (!broken.has("disconnect-sockets")) io.in(rooms).disconnectSockets(close);
    ack("ok");
  });
  on("fetch", async ([rooms], ack) => {
    const found = (await io.in(rooms).fetchSockets()).map((each) => ({
      value: broken.has("fetch-data") ? "" : String(each.data.value ?? ""),
      rooms: roomsOf(each),
      query: broken.has("fetch-handshake") ? null : each.handshake.query.x ?? null,
    }));
    ack(found.sort((a, b) => (a.value < b.value ? -1 : 1)));
  });
  on("remote", async ([id, room, event, ...args], ack) => {
    const one = await find(id);
    if (!one) return ack("nobody");
    if (!broken.has("remote-join")) one.join(room);
    one.emit(event, ...args);
    ack("ok");
  });
  on("remote-leave", async ([id, room], ack) => {
    (await find(id))?.leave(room);
    ack("ok");
  });
  on("remote-disconnect", async ([id, close], ack) => {
    (await find(id))?.disconnect(close);
    ack("ok");
  });
  on("volatile", ([rooms, event, ...args], ack) => {
    const to = broken.has("volatile-self") ? io.volatile.to(rooms) : socket.volatile.to(rooms);
    if (!broken.has("volatile-lost")) to.emit(event, ...args);
    ack("ok");
  });
  on("volatile-all", ([event, ...args], ack) => {
    io.volatile.emit(event, ...args);
    ack("ok");
  });
  on("volatile-me", ([event, ...args], ack) => {
    socket.volatile.emit(event, ...args);
    ack("ok");
  });
}
