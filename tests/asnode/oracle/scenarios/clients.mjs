// Stock clients.

import { Manager } from "socket.io-client";
import { parser } from "../recorder.mjs";

const polling = { transports: ["polling"] };
const websocket = { transports: ["websocket"] };

const connected = async (t, actor, options, namespace, manager) => {
  const socket = t.client(actor, options, namespace, manager);
  await Promise.all([t.wait(actor, socket, "connect"), t.wait(actor, socket, "hello")]);
  return socket;
};

// Two namespaces of one pattern over one connection, a third client in one of them, and names that are none. Each
// scenario has names of its own: the last clients of another one may still be leaving.
async function dynamicNamespaces(t, transport, first, second, third) {
  const manager = new Manager(t.url, { ...transport, ...parser, reconnection: false });
  const one = await connected(t, "one", { auth: { k: 1 } }, first, manager);
  const two = await connected(t, "two", {}, second, manager);
  const other = await connected(t, "other", transport, first);
  const named = t.client("named", {}, "/dynamic-7", manager);
  await t.wait("named", named, "connect");
  for (const [actor, socket] of Object.entries({ one, two, other, named })) await t.ask(actor, socket, "where");
  for (const name of ["/dynamic-", "/dynamic-x", "/dynamic-1x", "/x/dynamic-1", "/Dynamic-1"]) {
    const none = t.client(`none ${name}`, {}, name, manager);
    await t.wait(`none ${name}`, none, "connect_error");
  }
  const refused = t.client("refused", { auth: { refuse: true } }, third, manager);
  await t.wait("refused", refused, "connect_error");
  for (const [actor, socket] of Object.entries({ one, two, other })) await t.ask(actor, socket, "join", "r");
  await Promise.all([t.wait("other", other, "news"), t.ask("one", one, "tell", "news", 1)]);
  await Promise.all([t.wait("two", two, "news"), t.ask("two", two, "tell", "news", 2)]);
  await Promise.all([t.wait("one", one, "to r"), t.ask("other", other, "tell-room", "r", "to r", 3)]);
  await Promise.all([t.wait("other", other, "left"), one.disconnect()]);
  await t.ask("two", two, "where");
  one.connect();
  await Promise.all([t.wait("one", one, "connect"), t.wait("one", one, "hello")]);
  await t.ask("one", one, "where");
}

async function guarded(t, transport) {
  const socket = t.client("a", transport, "/guarded");
  await t.wait("a", socket, "connect");
  await t.ask("a", socket, "denied");
  await t.askInVain("a", socket, "dropped", 1);
  socket.emit("denied", "without an ack");
  await Promise.all([t.wait("a", socket, "heard"), t.ask("a", socket, "heard")]);
  await t.ask("a", socket, "heard");
}

export const scenarios = {
  async "connect over polling"(t) {
    const socket = await connected(t, "a", { ...polling, auth: { n: 1 }, query: { x: "ü&" } });
    t.saw("a", socket.io.engine.transport.name, socket.id !== socket.io.engine.id);
  },

  async "connect over WebSocket"(t) {
    const socket = await connected(t, "a", { ...websocket, auth: { n: 1 }, query: { x: "ü&" } });
    t.saw("a", socket.io.engine.transport.name, socket.id !== socket.io.engine.id);
  },

  async "connect and upgrade"(t) {
    const socket = await connected(t, "a", { transports: ["polling", "websocket"] });
    const { engine } = socket.io;
    if (engine.transport.name !== "websocket") await t.wait("a", engine, "upgrade");
    t.saw("a", engine.transport.name);
    await t.ask("a", socket, "echo", "after the upgrade");
  },

  async "namespaces on one connection"(t) {
    const manager = new Manager(t.url, { ...polling, ...parser, reconnection: false });
    const main = await connected(t, "main", {}, "/", manager);
    const custom = await connected(t, "custom", { auth: { k: "v" } }, "/custom", manager);
    const unknown = t.client("unknown", {}, "/unknown", manager);
    await t.wait("unknown", unknown, "connect_error");
    const secret = t.client("secret", {}, "/secret", manager);
    await t.wait("secret", secret, "connect_error");
    await t.ask("main", main, "echo", "m");
    await t.ask("custom", custom, "echo", "c");
    main.disconnect();
    await t.ask("custom", custom, "echo", "c again");
    main.connect();
    await t.wait("main", main, "connect");
    await t.ask("main", main, "rooms");
  },

  async "dynamic namespaces over polling"(t) {
    await dynamicNamespaces(t, polling, "/dynamic-1", "/dynamic-22", "/dynamic-3");
  },

  async "dynamic namespaces over WebSocket"(t) {
    await dynamicNamespaces(t, websocket, "/dynamic-4", "/dynamic-55", "/dynamic-6");
  },

  async "a middleware for each event over polling"(t) {
    await guarded(t, polling);
  },

  async "a middleware for each event over WebSocket"(t) {
    await guarded(t, websocket);
  },

  async "refusals end the connection"(t) {
    for (const [actor, options, namespace] of [
      ["refused", { auth: { refuse: true } }, "/"],
      ["secret", {}, "/secret"],
      ["unknown", {}, "/nowhere"],
      ["over websocket", { ...websocket, auth: { refuse: true } }, "/"],
    ]) {
      const socket = t.client(actor, options, namespace);
      await t.wait(actor, socket, "connect_error");
      t.saw(actor, { active: socket.active, connected: socket.connected });
    }
  },

  async "events and acks over polling"(t) {
    await eventsAndAcks(t, polling);
  },

  async "events and acks over WebSocket"(t) {
    await eventsAndAcks(t, websocket);
  },

  async "rooms over polling"(t) {
    await rooms(t, polling, polling);
  },

  async "rooms over both"(t) {
    await rooms(t, websocket, polling);
  },

  async "binary over polling"(t) {
    const socket = await connected(t, "a", polling);
    await t.ask("a", socket, "echo", Buffer.from([0, 1, 2, 255]), { nested: [Buffer.from("x")] }, "text");
    const back = t.wait("a", socket, "binary");
    socket.emit("binary", 5);
    await back;
  },

  async "binary from the server over WebSocket"(t) {
    const socket = await connected(t, "a", websocket);
    const back = t.wait("a", socket, "binary");
    socket.emit("binary", 5);
    await back;
  },

  async "binary to the server over WebSocket"(t) {
    const socket = await connected(t, "a", websocket);
    const gone = new Promise((resolve) => socket.on("disconnect", resolve));
    await Promise.race([t.ask("a", socket, "echo", Buffer.from([0, 1, 2, 255])), gone]);
  },

  async "reasons to disconnect"(t) {
    const watcher = await connected(t, "watcher", websocket);
    const ways = {
      "client leaves": (socket) => socket.disconnect(),
      "server leaves": (socket) => socket.emit("disconnect-me", false),
      "server closes": (socket) => socket.emit("disconnect-me", true),
      "client closes the engine": (socket) => socket.io.engine.close(),
    };
    const kill = (socket) => socket.io.engine.transport.ws.terminate();
    for (const [transport, options] of Object.entries({ polling, websocket })) {
      for (const [way, act] of Object.entries(transport === "websocket" ? { ...ways, "connection dies": kill } : ways)) {
        const actor = `${way}, ${transport}`;
        const socket = await connected(t, actor, options);
        await t.ask(actor, socket, "join", "common room");
        const gone = t.wait(actor, socket, "disconnect");
        const told = t.left(`watcher of ${actor}`, watcher, socket.id);
        act(socket);
        await Promise.all([gone, told]);
      }
    }
  },

  async "leaving is told to the rooms"(t) {
    const mate = await connected(t, "mate", polling);
    const leaver = await connected(t, "leaver", polling);
    await t.ask("mate", mate, "join", "shared");
    for (const room of ["z", "shared", "a"]) await t.ask("leaver", leaver, "join", room);
    const told = t.wait("mate", mate, "peer-leaving");
    const left = t.left("mate, then", mate, leaver.id);
    leaver.disconnect();
    await Promise.all([told, left]);
  },

  async "a killed connection comes back"(t) {
    const socket = await connected(t, "a", { ...websocket, reconnection: true, reconnectionDelay: 10 });
    const before = socket.id;
    await t.ask("a", socket, "join", "room");
    const back = new Promise((resolve) => socket.once("hello", resolve));
    socket.io.engine.transport.ws.terminate();
    await back;
    t.saw("a", "a new id", socket.id !== before);
    await t.ask("a", socket, "rooms");
  },
};

async function eventsAndAcks(t, options) {
  const socket = await connected(t, "a", options);
  await t.ask("a", socket, "echo", 1, "two", { three: [null, true, "ü🙂\u2028"] }, [], "");
  await t.ask("a", socket, "echo");
  for (let i = 0; i < 10; i++) {
    socket.emit("echo-event", i, "x");
    await t.ask("a", socket, "echo", "after echo-event");
  }
  socket.emit("burst", 5);
  await t.ask("a", socket, "echo", "after burst");
  await t.ask("a", socket, "counter");
  await t.ask("a", socket, "counter");
  await t.ask("a", socket, "get-data");
  await t.ask("a", socket, "set-data", { kept: [1, 2] });
  await t.ask("a", socket, "get-data");
  const failed = new Promise((resolve) => socket.timeout(200).emit("fail", (error) => resolve(error?.message ?? "an ack")));
  t.saw("a", "fail", await failed);
  await t.ask("a", socket, "echo", "after fail");
}

async function rooms(t, first, second) {
  const a = await connected(t, "a", first);
  const b = await connected(t, "b", second);
  const c = await connected(t, "c", second);
  await t.ask("a", a, "join", "r1");
  await t.ask("b", b, "join", "r1");
  await t.ask("b", b, "join", "r2");
  await t.ask("c", c, "join", "r2");
  await t.ask("b", b, "rooms");
  const steps = [
    ["a", a, "to", ["r1"], "to r1", 1],
    ["a", a, "to", ["r1", "r2"], "to both", { deep: [1] }],
    ["a", a, "to-except", ["r1", "r2"], ["r1"], "not r1", 1],
    ["c", c, "to", ["r1"], "from outside", 1],
    ["a", a, "broadcast", "to all others", 1],
    ["a", a, "private", b.id, "only b", 1],
    ["a", a, "to", [c.id], "only c", 1],
    ["b", b, "leave", "r1"],
    ["a", a, "to", ["r1"], "b has left", 1],
    ["a", a, "server-emit", "to all", 1],
  ];
  for (const [actor, socket, ...step] of steps) {
    await t.ask(actor, socket, ...step);
    // Whatever the step sent is in before the next one begins.
    for (const [name, each] of Object.entries({ a, b, c })) await t.ask(name, each, "echo", step[0]);
  }
}
