// Other people's sockets, and what is volatile.

const polling = { transports: ["polling"] };
const websocket = { transports: ["websocket"] };

async function three(t, first, second) {
  const all = {};
  for (const [name, options] of [["a", first], ["b", second], ["c", second]]) {
    all[name] = t.client(name, { ...options, query: { x: `x of ${name}` } });
    await Promise.all([t.wait(name, all[name], "connect"), t.wait(name, all[name], "hello")]);
    await t.ask(name, all[name], "set-data", name);
  }
  return all;
}

/** settled lets whatever a step has sent come in before the next one begins. */
async function settled(t, all) {
  for (const [name, each] of Object.entries(all)) if (each.connected) await t.ask(name, each, "echo");
}

async function joinAndLeave(t, first, second) {
  const all = await three(t, first, second);
  const { a, b, c } = all;
  await t.ask("a", a, "join", "r1");
  await t.ask("b", b, "join", "r1");
  for (const step of [
    ["fetch", ["r1"]],
    ["sockets-join", ["r1"], "r2"],
    ["sockets-join", ["r1", "r2", c.id], "r3"],
    ["fetch", ["r3"]],
    ["to", ["r3"], "to r3", 1],
    ["sockets-leave", ["r1"], "r3"],
    ["to", ["r3"], "only c", 1],
    ["sockets-leave", ["r1"], "never joined"],
    ["sockets-join", ["empty"], "r4"],
    ["fetch", ["r4"]],
    ["sockets-leave", [b.id], "r1"],
    ["to", ["r1", "r2", "r3"], "each once", 1],
    ["fetch", ["r1", "r2", "r3"]],
  ]) {
    await t.ask("a", a, ...step);
    await settled(t, all);
  }
  for (const [name, each] of Object.entries(all)) await t.ask(name, each, "rooms");
}

async function remote(t, first, second) {
  const all = await three(t, first, second);
  const { a, b, c } = all;
  for (const step of [
    ["remote", b.id, "far", "hello", { n: [1] }],
    ["fetch", ["far"]],
    ["to", ["far"], "in the room", 1],
    ["remote-leave", b.id, "far"],
    ["fetch", ["far"]],
    ["remote", "AAAAAAAAAAAAAAAAAAAA", "far", "hello"],
    ["remote", a.id, "far", "itself"],
  ]) {
    await t.ask("a", a, ...step);
    await settled(t, all);
  }
  const gone = t.wait("c", c, "disconnect");
  const told = t.left("a is told", a, c.id);
  await t.ask("a", a, "remote-disconnect", c.id, false);
  await Promise.all([gone, told]);
  await t.ask("a", a, "remote", c.id, "far", "too late");
}

// The two share no room: in Node one leaves after the other, in Doze both at once, so that either may hear of the other.
async function disconnect(t, first, second) {
  for (const close of [false, true]) {
    const all = await three(t, first, second);
    const { a, b, c } = all;
    await t.ask("b", b, "join", "go");
    const gone = [t.wait("b", b, "disconnect"), t.wait("c", c, "disconnect")];
    const told = [t.left("a is told of b", a, b.id), t.left("a is told of c", a, c.id)];
    await t.ask("a", a, "disconnect-sockets", ["go", c.id], close);
    await Promise.all([...gone, ...told]);
    await t.ask("a", a, "fetch", ["go"]);
    await t.ask("a", a, "disconnect-sockets", ["nobody"], close);
    a.disconnect();
  }
}

export const scenarios = {
  async "socketsJoin and socketsLeave over WebSocket"(t) {
    await joinAndLeave(t, websocket, websocket);
  },

  async "socketsJoin and socketsLeave over both"(t) {
    await joinAndLeave(t, websocket, polling);
  },

  async "fetched sockets over WebSocket"(t) {
    await remote(t, websocket, websocket);
  },

  async "fetched sockets over polling"(t) {
    await remote(t, polling, polling);
  },

  async "disconnectSockets over WebSocket"(t) {
    await disconnect(t, websocket, websocket);
  },

  async "disconnectSockets over both"(t) {
    await disconnect(t, polling, websocket);
  },

  async "disconnectSockets of clients that poll"(t) {
    await disconnect(t, websocket, polling);
  },

  // Of clients that poll, a volatile event may or may not come: it depends on whether a GET waits.
  async "volatile over WebSocket"(t) {
    const all = await three(t, websocket, websocket);
    const { a, b, c } = all;
    await t.ask("a", a, "join", "r1");
    await t.ask("b", b, "join", "r1");
    for (const step of [
      ["volatile", ["r1"], "to the room", 1],
      ["volatile", ["r1", c.id], "to others", { deep: [1] }],
      ["volatile-all", "to all", 1],
      ["volatile-me", "to me", 1],
    ]) {
      await t.ask("a", a, ...step);
      await settled(t, all);
    }
  },
};
