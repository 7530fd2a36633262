// How a client gets through: polling, WebSocket, the upgrade from one to the other, and what the handshake carries.

import assert from "node:assert/strict";
import { Agent } from "node:http";
import { connect as connectTCP } from "node:net";
import { test } from "node:test";
import { connect, next, of, request, settled, transports, until } from "./support.mjs";

const engineOf = (socket) => socket.io.engine;

for (const [name, options] of Object.entries(transports)) {
  test(`${name} only`, async () => {
    const { socket, hello } = await connect(options);
    assert.equal(engineOf(socket).transport.name, name);
    assert.equal(hello.id, socket.id);
    assert.notEqual(socket.id, engineOf(socket).id, "the socket's id must not be the secret id of the session");
    assert.deepEqual(await request(socket, "echo", "a"), ["a"]);
    assert.equal(engineOf(socket).transport.name, name, "no upgrade was asked for");
  });

  test(`${name}: the handshake carries auth and query`, async () => {
    const auth = { token: "s3cret", nested: { list: [1, null, true], text: "ü" } };
    const { hello } = await connect({ ...options, auth, query: { x: "a b&c=ü/?" } });
    assert.deepEqual(hello.auth, auth);
    assert.equal(hello.query, "a b&c=ü/?");
  });

  test(`${name}: without auth and query there is an empty object and nothing`, async () => {
    const { hello } = await connect(options);
    assert.deepEqual(hello.auth, {});
    assert.equal(hello.query, null);
  });
}

test("WebSocket only, with a subprotocol: the server chooses it", async () => {
  const { socket } = await connect({ transports: ["websocket"], protocols: ["chat.v1"] });
  assert.equal(engineOf(socket).transport.ws.protocol, "chat.v1");
  assert.deepEqual(await request(socket, "echo", "a"), ["a"]);
});

test("with several subprotocols, the upgrade chooses the first", async () => {
  const { socket } = await connect({ protocols: ["auth", "token123"] });
  const engine = engineOf(socket);
  if (engine.transport.name !== "websocket") await next(engine, "upgrade");
  assert.equal(engine.transport.ws.protocol, "auth");
  assert.deepEqual(await request(socket, "echo", "a"), ["a"]);
});

test("the auth function of the client is asked", async () => {
  const { hello } = await connect({ auth: (give) => give({ from: "function" }) });
  assert.deepEqual(hello.auth, { from: "function" });
});

test("default options upgrade to WebSocket", async () => {
  const gate = new Gate();
  const { socket, hello } = await connect(gate.clientOptions);
  const engine = engineOf(socket);
  assert.equal(engine.transport.name, "polling");
  const session = engine.id;
  const upgraded = next(engine, "upgrade");
  gate.open();
  assert.equal((await upgraded)[0].name, "websocket");
  assert.equal(engine.transport.name, "websocket");
  assert.equal(engine.id, session, "an upgrade keeps the session");
  assert.equal(socket.id, hello.id, "an upgrade keeps the socket");
  assert.deepEqual(await request(socket, "echo", "over websocket"), ["over websocket"]);
});

test("without a gate the upgrade happens by itself", async () => {
  const { socket } = await connect();
  const engine = engineOf(socket);
  if (engine.transport.name !== "websocket") await next(engine, "upgrade");
  assert.equal(engine.transport.name, "websocket");
  assert.deepEqual(await request(socket, "echo", 1), [1]);
});

test("messages in both directions during the upgrade: none lost, none doubled", async () => {
  const numbers = Array.from({ length: 20 }, (_, i) => i);
  const gate = new Gate();
  const { socket } = await connect(gate.clientOptions);
  const { socket: peer } = await connect(transports.polling);
  const engine = engineOf(socket);
  assert.equal(engine.transport.name, "polling");
  const upgraded = next(engine, "upgrade");

  // All of it is under way before the probe may begin, and the answers come while it runs.
  for (const i of numbers) socket.emit("echo-event", i);
  socket.emit("burst", numbers.length);
  for (const i of numbers) peer.emit("private", socket.id, "from-peer", i);
  assert.equal(engine.transport.name, "polling");
  gate.open();
  await upgraded;
  assert.equal(engine.transport.name, "websocket");

  for (const [event, last] of [["echo-event", 20], ["burst", 20], ["from-peer", 20]]) {
    await until(socket, () => of(socket, event).length >= last);
  }
  await settled(peer, socket);
  const got = (event) => of(socket, event).map(([i]) => i);
  assert.deepEqual(got("burst"), numbers, "what one handler emits arrives in order");
  assert.deepEqual(got("from-peer"), numbers, "what a polling client sends is handled in order");
  assert.deepEqual(got("echo-event").sort((a, b) => a - b), numbers);
});

test("messages keep flowing during the upgrade, one request after the other", async () => {
  const gate = new Gate();
  const { socket } = await connect(gate.clientOptions);
  const upgraded = next(engineOf(socket), "upgrade");
  let asked = 0;
  let after = 0;
  for (; after < 5; asked++) {
    if (asked === 5) gate.open();
    assert.deepEqual(await request(socket, "counter"), [asked + 1]);
    if (engineOf(socket).transport.name === "websocket") after++;
  }
  await upgraded;
});

/** A Gate holds back the client's WebSocket until it is opened, so that a test decides when the upgrade begins. */
class Gate extends Agent {
  #opened = Promise.withResolvers?.() ?? deferred();

  get clientOptions() {
    return { transportOptions: { websocket: { agent: this } } };
  }

  open() {
    this.#opened.resolve();
  }

  createConnection(options, done) {
    this.#opened.promise.then(() => done(null, connectTCP(options)));
  }
}

function deferred() {
  const parts = {};
  parts.promise = new Promise((resolve) => (parts.resolve = resolve));
  return parts;
}
