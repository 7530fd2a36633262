// Namespaces, refusals, and the ways a connection ends and begins again.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Manager } from "socket.io-client";
import { client, connect, next, of, parser, record, request, settled, transports, until, url } from "./support.mjs";

for (const [name, options] of Object.entries(transports)) {
  test(`${name}: several namespaces on one connection`, async (t) => {
    const { main, custom } = await both(t, options);
    assert.notEqual(main.id, custom.id);
    assert.deepEqual(of(main, "hello"), [[{ id: main.id, auth: {}, query: null }]]);
    assert.deepEqual(of(custom, "hello"), [[{ id: custom.id, auth: { who: "custom" }, query: null }]]);
    const [one, two] = await Promise.all([request(main, "echo", "main"), request(custom, "echo", "custom")]);
    assert.deepEqual([one, two], [["main"], ["custom"]]);
    await request(main, "server-emit", "only-main", 1);
    await settled(main, custom);
    assert.deepEqual([of(main, "only-main").length, of(custom, "only-main").length], [1, 0]);
  });

  test(`${name}: one namespace is left, the other continues`, async (t) => {
    const { main, custom } = await both(t, options);
    const engine = main.io.engine;
    const gone = next(main, "disconnect");
    main.disconnect();
    assert.equal((await gone)[0], "io client disconnect");
    assert.deepEqual(await request(custom, "echo", "still here"), ["still here"]);
    assert.equal(custom.io.engine, engine);
    assert.equal(engine.readyState, "open");

    // And back again, on the same connection, as a new socket.
    const before = of(main, "hello")[0][0].id;
    main.connect();
    await next(main, "connect");
    assert.notEqual(main.id, before);
    assert.deepEqual(await request(main, "echo", "back"), ["back"]);
    assert.equal(main.io.engine, engine);
  });

  test(`${name}: the server ends one namespace, the other continues`, async (t) => {
    const { main, custom } = await both(t, options);
    const gone = next(main, "disconnect");
    main.emit("disconnect-me", false);
    assert.equal((await gone)[0], "io server disconnect");
    assert.deepEqual(await request(custom, "echo", 1), [1]);
    assert.equal(main.connected, false);
  });

  test(`${name}: the server ends the connection, and the client stays away`, async (t) => {
    const { main, custom } = await both(t, { ...options, reconnection: true, reconnectionDelay: 1 });
    let attempts = 0;
    main.io.on("reconnect_attempt", () => attempts++);
    const engineClosed = next(main.io.engine, "close");
    const ends = [next(main, "disconnect"), next(custom, "disconnect")];
    main.emit("disconnect-me", true);
    const reasons = (await Promise.all(ends)).map(([reason]) => reason);
    assert.deepEqual(reasons, ["io server disconnect", "io server disconnect"]);
    await engineClosed;
    assert.equal(main.active, false);
    assert.equal(attempts, 0);
  });

  test(`${name}: a middleware refuses with message and data`, async () => {
    const socket = client({ ...options, auth: { refuse: true } });
    const [error] = await next(socket, "connect_error");
    assert.equal(error.message, "refused");
    assert.deepEqual(error.data, { code: "E_REFUSED", detail: 42 });
    assert.equal(socket.connected, false);
    assert.equal(socket.active, false, "a refused client does not try again by itself");

    record(socket);
    socket.auth = { refuse: false };
    socket.connect();
    await Promise.all([next(socket, "connect"), next(socket, "hello")]);
    assert.deepEqual(of(socket, "hello")[0][0].auth, { refuse: false });
  });

  test(`${name}: a middleware refuses with a message only`, async () => {
    const [error] = await next(client(options, "/secret"), "connect_error");
    assert.equal(error.message, "no entry");
    assert.equal(error.data, undefined);
  });

  test(`${name}: there is no such namespace`, async () => {
    const [error] = await next(client(options, "/unknown"), "connect_error");
    assert.equal(error.message, "Invalid namespace");
    assert.equal(error.data, undefined);
  });

  test(`${name}: one refused namespace leaves the others alone`, async (t) => {
    const { main } = await both(t, options);
    const refused = main.io.socket("/unknown");
    const [error] = await next(refused, "connect_error");
    assert.equal(error.message, "Invalid namespace");
    assert.deepEqual(await request(main, "echo", "alive"), ["alive"]);
  });

  test(`${name}: a client that goes is told about, with the reason`, async () => {
    const { socket: watcher } = await connect(transports.websocket);
    const { socket } = await connect(options);
    const id = socket.id;
    socket.disconnect();
    await until(watcher, ([event, about]) => event === "peer-left" && about.id === id);
    const reasons = of(watcher, "peer-left").flat().filter((about) => about.id === id).map((about) => about.reason);
    assert.deepEqual(reasons, ["client namespace disconnect"]);
  });

  test(`${name}: events from before the connection are sent, in order`, async () => {
    const socket = client({ ...options, autoConnect: false });
    const answers = [];
    const all = Array.from({ length: 5 }, (_, i) => request(socket, "echo", i).then(([got]) => answers.push(got)));
    socket.connect();
    await Promise.all(all);
    assert.deepEqual(answers.sort(), [0, 1, 2, 3, 4]);
  });
}

test("WebSocket: a killed connection comes back with a new id and without rooms", async () => {
  const { socket: watcher } = await connect(transports.websocket);
  const { socket } = await connect({ ...transports.websocket, reconnection: true, reconnectionDelay: 10 });
  const before = socket.id;
  await request(socket, "join", "room of a killed connection");
  const gone = next(socket, "disconnect");
  const back = gone.then(() => next(socket, "connect"));
  const { ws } = socket.io.engine.transport;
  ws.terminate();
  assert.equal((await gone)[0], "transport close");
  await back;
  await until(socket, ([event, hello]) => event === "hello" && hello.id === socket.id);
  assert.notEqual(socket.id, before);
  assert.deepEqual(await request(socket, "rooms"), [[]]);
  await until(watcher, ([event, about]) => event === "peer-left" && about.id === before);
  const told = of(watcher, "peer-left").flat().filter((about) => about.id === before);
  assert.deepEqual(told, [{ id: before, reason: "transport close" }]);
});

test("WebSocket: a connection killed after the upgrade comes back", async () => {
  const { socket } = await connect({ reconnection: true, reconnectionDelay: 10 });
  const engine = socket.io.engine;
  if (engine.transport.name !== "websocket") await next(engine, "upgrade");
  const before = socket.id;
  const back = next(socket, "disconnect").then(() => next(socket, "connect"));
  engine.transport.ws.terminate();
  await back;
  assert.notEqual(socket.id, before);
  assert.notEqual(socket.io.engine.id, engine.id);
  assert.deepEqual(await request(socket, "echo", "back"), ["back"]);
});

test("polling: a client whose session is unknown begins a new one", async () => {
  const { socket } = await connect({ ...transports.polling, reconnection: true, reconnectionDelay: 10 });
  const { id: before, io: { engine } } = socket;
  const back = next(socket, "disconnect").then(() => next(socket, "connect"));
  const end = await fetch(`${url}/socket.io/?EIO=4&transport=polling&sid=${engine.id}`, { method: "POST", body: "1" });
  assert.equal(end.status, 200);
  await back;
  assert.notEqual(socket.id, before);
  assert.deepEqual(await request(socket, "echo", "again"), ["again"]);
});

/** both connects "/" and "/custom" over one connection. */
async function both(t, options) {
  const manager = new Manager(url, { reconnection: false, autoConnect: true, ...parser, ...options });
  const main = record(manager.socket("/"));
  const custom = record(manager.socket("/custom", { auth: { who: "custom" } }));
  t.after(() => {
    main.disconnect();
    custom.disconnect();
  });
  await Promise.all([main, custom].flatMap((socket) => [next(socket, "connect"), next(socket, "hello")]));
  return { main, custom };
}
