// The test app: what the stock clients of ../../asnode/client and ../../asnode/oracle talk to. It is written twice, here for Node's
// socket.io and in Go for Doze, and both must keep this contract.
//
// Handshakes with deny=1 in the query are refused with "not today", with deny=2 without a message of their own. The answer
// that begins a session has a cookie first=1, each answer of the protocol over HTTP x-each: its method and
// the header x-who, or "nobody".
//
// Namespace "/"
//   middleware        auth.refuse === true: refused, Error "refused" with data {code: "E_REFUSED", detail: 42}
//   on connection     emits "hello" {id, auth, query}: the socket's id, the auth object of the handshake ({} if none),
//                     the query parameter x of the handshake (null if absent)
//   "echo" (...args)           ack: the same arguments; binary stays binary
//   "echo-event" (...args)     emits "echo-event" with the same arguments to the sender
//   "fail" (...any)            the handler fails: no ack is sent, the connection lives on
//   "join" (room)              ack "ok"
//   "leave" (room)             ack "ok"
//   "rooms" ()                 ack: sorted array of the socket's rooms, without its own id
//   "to" (rooms[], event, ...args)                  socket.to(rooms).emit(event, ...args), then ack "ok"
//   "to-except" (rooms[], except[], event, ...args) socket.to(rooms).except(except).emit(...), then ack "ok"
//   "broadcast" (event, ...args)                    socket.broadcast.emit(event, ...args), then ack "ok"
//   "server-emit" (event, ...args)                  io.emit(event, ...args), sender included, then ack "ok"
//   "private" (id, event, ...args)                  io.to(id).emit(event, ...args), then ack "ok"
//   "set-data" (value)         stores value with the socket, then ack "ok"
//   "get-data" ()              ack: the stored value, null if none was stored
//   "counter" ()               adds one to a counter of the socket (from 0), ack: the new value
//   "binary" (n)               emits "binary" {buf, list: [buf]}, buf being the n bytes 0, 1, ... n-1 (modulo 256):
//                              one packet with two attachments
//   "disconnect-me" (close)    socket.disconnect(close): false leaves this namespace, true closes the connection; no ack
//   "burst" (n)                emits "burst" 0, "burst" 1, ... "burst" n-1, in this order
//   "7" ()                     ack "seven"
//   "ask" (rooms[], ms, event, ...args)   socket.to(rooms).timeout(ms).emitWithAck(event, ...args), ack {answers, late}:
//                              the first argument of each answer, null if it has none, in the order in which they came;
//                              whether the time was over before all had come
//   "ask-me" (ms, event, ...args)         socket.timeout(ms).emit(event, ...args, callback), ack "ok"; later emits "asked"
//                              {answer, late}: the arguments of the answer, and whether the time was over
//   what is about other people's sockets: others.mjs
//   disconnecting              to its rooms (own id left out; no rooms, no emit): "peer-leaving" {id, rooms, reason},
//                              rooms sorted, without its own id
//   disconnect                 to everybody else: "peer-left" {id, reason}
//   An ack is sent only when the client asks for one.
//
// Namespace "/custom"   no middleware; "hello" on connection; "echo"; nothing else
// Namespace "/secret"   middleware refuses everybody: Error "no entry", no data
// Namespaces "/dynamic-" and digits, of one pattern
//   middleware        auth.refuse === true: refused, Error "refused", no data
//   on connection     "hello"
//   "where" ()                 ack: the name of the socket's namespace
//   "join" (room)              ack "ok"
//   "tell" (event, ...args)    emits event to all of the socket's namespace, then ack "ok"
//   "tell-room" (room, event, ...args)   emits event to the room of the socket's namespace, then ack "ok"
//   disconnect                 to all that are left in the namespace: "left" {id, namespace}
// Namespace "/dynamic-7"   registered by its name: "where" acks "by name"; nothing else
// Namespace "/guarded", which has a middleware for each event
//   "denied" ()                the middleware acks "not for you", the handler does not run
//   "dropped" ()               the middleware fails: no ack, the handler does not run, the connection lives on
//   "heard" ()                 emits "heard" {events: of this socket, those whose handlers ran}, then ack "ok"
// Any other namespace   "Invalid namespace"

import { faults as othersFaults, installOthers } from "./others.mjs";

// faults are deliberate errors, by name: `server.mjs --break NAME`. A test that stays green under the fault aimed at it
// tests nothing.
export const faults = {
  ...othersFaults,
  "echo-ack": "the ack of echo lacks its last argument",
  "to-sender": "to, to-except and broadcast reach the sender too",
  "except": "to-except ignores its exceptions",
  "rooms-order": "rooms answers in reverse order",
  "refusal-data": "the refusal of the middleware carries no data",
  "secret-open": "/secret lets everybody in",
  "hello-query": "hello does not tell the query parameter",
  "fail-acks": "fail sends an ack",
  "disconnect-keeps": "disconnect-me is ignored",
  "burst-double": "burst sends its last event twice",
  "burst-swap": "burst swaps its first two events",
  "reason": "peer-left tells another reason",
  "counter": "counter counts in twos",
  "binary-byte": "the first byte of binary is wrong",
  "dynamic-open": "the pattern of /dynamic-1 takes any name that begins like it",
  "dynamic-shared": "tell reaches /dynamic-1 only",
  "guard-open": "the middleware of /guarded lets every event in",
  "ask-order": "ask answers in reverse order",
  "ask-late": "ask says that the time was over when it was not, and the other way round",
  "asked-answer": "asked lacks the last argument of the answer",
  "allow-all": "deny=2 is let in",
  "headers-late": "the cookie comes with each answer",
  "echo-event-lost": "every seventh echo-event is swallowed",
};

/** allowRequest returns the function that decides who may begin a session. */
export function allowRequest(broken = new Set()) {
  return (req, callback) => {
    switch (new URL(req.url, "http://localhost").searchParams.get("deny")) {
      case "1":
        return callback("not today", false);
      case "2":
        return callback(null, broken.has("allow-all"));
    }
    callback(null, true);
  };
}

/** addHeaders adds headers to the answers of an engine. */
export function addHeaders(engine, broken = new Set()) {
  engine.on(broken.has("headers-late") ? "headers" : "initial_headers", (headers) => {
    headers["set-cookie"] = "first=1";
  });
  engine.on("headers", (headers, req) => {
    headers["x-each"] = `${req.method} of ${req.headers["x-who"] ?? "nobody"}`;
  });
}

/** install registers the test app on a socket.io server; broken is a set of names of faults. */
export function install(io, broken = new Set()) {
  const rest = (args) => (typeof args.at(-1) === "function" ? [args.slice(0, -1), args.at(-1)] : [args, () => {}]);
  const sayHello = (socket) =>
    socket.emit("hello", {
      id: socket.id,
      auth: socket.handshake.auth,
      query: (broken.has("hello-query") ? null : socket.handshake.query.x) ?? null,
    });
  const echo = (socket) =>
    socket.on("echo", (...all) => {
      const [args, ack] = rest(all);
      ack(...(broken.has("echo-ack") ? args.slice(0, -1) : args));
    });
  const roomsOf = (socket) => [...socket.rooms].filter((room) => room !== socket.id).sort();
  let swallowed = 0;

  io.use((socket, next) => {
    if (socket.handshake.auth.refuse !== true) return next();
    const refusal = new Error("refused");
    if (!broken.has("refusal-data")) refusal.data = { code: "E_REFUSED", detail: 42 };
    next(refusal);
  });

  io.on("connection", (socket) => {
    sayHello(socket);
    echo(socket);
    const on = (event, handler) =>
      socket.on(event, (...all) => {
        const [args, ack] = rest(all);
        handler(args, ack);
      });
    const others = (rooms) => (broken.has("to-sender") ? io.to(rooms) : socket.to(rooms));

    on("echo-event", (args) => {
      if (broken.has("echo-event-lost") && ++swallowed % 7 === 0) return;
      socket.emit("echo-event", ...args);
    });
    on("fail", (_, ack) => {
      if (broken.has("fail-acks")) ack("done");
    });
    on("join", ([room], ack) => {
      socket.join(room);
      ack("ok");
    });
    on("leave", ([room], ack) => {
      socket.leave(room);
      ack("ok");
    });
    on("rooms", (_, ack) => ack(broken.has("rooms-order") ? roomsOf(socket).reverse() : roomsOf(socket)));
    on("to", ([rooms, event, ...args], ack) => {
      others(rooms).emit(event, ...args);
      ack("ok");
    });
    on("to-except", ([rooms, except, event, ...args], ack) => {
      others(rooms).except(broken.has("except") ? [] : except).emit(event, ...args);
      ack("ok");
    });
    on("broadcast", ([event, ...args], ack) => {
      (broken.has("to-sender") ? io : socket.broadcast).emit(event, ...args);
      ack("ok");
    });
    on("server-emit", ([event, ...args], ack) => {
      io.emit(event, ...args);
      ack("ok");
    });
    on("private", ([id, event, ...args], ack) => {
      io.to(id).emit(event, ...args);
      ack("ok");
    });
    on("set-data", ([value], ack) => {
      socket.data.value = value;
      ack("ok");
    });
    on("get-data", (_, ack) => ack(socket.data.value ?? null));
    on("counter", (_, ack) => {
      socket.data.counter = (socket.data.counter ?? 0) + (broken.has("counter") ? 2 : 1);
      ack(socket.data.counter);
    });
    on("binary", ([n]) => {
      const buf = Buffer.from(Array.from({ length: n }, (_, i) => i % 256));
      if (broken.has("binary-byte")) buf[0] = 255;
      socket.emit("binary", { buf, list: [buf] });
    });
    on("disconnect-me", ([close]) => {
      if (!broken.has("disconnect-keeps")) socket.disconnect(close);
    });
    on("burst", ([n]) => {
      const numbers = Array.from({ length: n }, (_, i) => i);
      if (broken.has("burst-double")) numbers.push(n - 1);
      if (broken.has("burst-swap")) [numbers[0], numbers[1]] = [numbers[1], numbers[0]];
      for (const i of numbers) socket.emit("burst", i);
    });
    on("7", (_, ack) => ack("seven"));
    on("ask", ([rooms, ms, event, ...args], ack) => {
      socket.to(rooms).timeout(ms).emit(event, ...args, (error, responses) => {
        const answers = responses.map((response) => response ?? null);
        if (broken.has("ask-order")) answers.reverse();
        ack({ answers, late: (error !== null) !== broken.has("ask-late") });
      });
    });
    on("ask-me", ([ms, event, ...args], ack) => {
      socket.timeout(ms).emit(event, ...args, (error, ...answer) =>
        socket.emit("asked", { answer: broken.has("asked-answer") ? answer.slice(0, -1) : answer, late: error !== null }));
      ack("ok");
    });
    installOthers(io, socket, on, broken);
    socket.on("disconnecting", (reason) => {
      const rooms = roomsOf(socket);
      if (rooms.length > 0) socket.to(rooms).emit("peer-leaving", { id: socket.id, rooms, reason });
    });
    socket.on("disconnect", (reason) => {
      socket.broadcast.emit("peer-left", { id: socket.id, reason: broken.has("reason") ? `not ${reason}` : reason });
    });
  });

  io.of("/custom").on("connection", (socket) => {
    sayHello(socket);
    echo(socket);
  });

  io.of("/dynamic-7").on("connection", (socket) => {
    socket.on("where", (ack) => ack("by name"));
  });
  const dynamic = io.of(broken.has("dynamic-open") ? /^\/dynamic-/ : /^\/dynamic-\d+$/);
  dynamic.use((socket, next) => next(socket.handshake.auth.refuse === true ? new Error("refused") : undefined));
  dynamic.on("connection", (socket) => {
    sayHello(socket);
    const on = (event, handler) =>
      socket.on(event, (...all) => {
        const [args, ack] = rest(all);
        handler(args, ack);
      });
    on("where", (_, ack) => ack(socket.nsp.name));
    on("join", ([room], ack) => {
      socket.join(room);
      ack("ok");
    });
    on("tell", ([event, ...args], ack) => {
      (broken.has("dynamic-shared") ? io.of("/dynamic-1") : socket.nsp).emit(event, ...args);
      ack("ok");
    });
    on("tell-room", ([room, event, ...args], ack) => {
      socket.nsp.to(room).emit(event, ...args);
      ack("ok");
    });
    socket.on("disconnect", () => socket.nsp.emit("left", { id: socket.id, namespace: socket.nsp.name }));
  });

  io.of("/guarded").on("connection", (socket) => {
    const events = [];
    socket.use(([event, ...all], next) => {
      const [, ack] = rest(all);
      if (broken.has("guard-open")) return next();
      if (event === "denied") return ack("not for you");
      next(event === "dropped" ? new Error("dropped") : undefined);
    });
    socket.on("error", () => {}); // where next's error goes
    for (const event of ["denied", "dropped", "heard"]) {
      socket.on(event, (...all) => {
        const [, ack] = rest(all);
        events.push(event);
        if (event === "heard") socket.emit("heard", { events });
        ack("ok");
      });
    }
  });

  io.of("/secret").use((_, next) => next(broken.has("secret-open") ? undefined : new Error("no entry")));
}
