// Binary: from the server always, from the client over polling always, from the client over WebSocket where the gateway
// passes binary frames on. Where it does not, the connection is closed, and polling is the way out.

import assert from "node:assert/strict";
import { test } from "node:test";
import { binaryFrames, connect, msgpackParser, next, request, settled, transports } from "./support.mjs";

const bytes = (n) => Buffer.from(Array.from({ length: n }, (_, i) => i % 256));

for (const [name, options] of Object.entries(transports)) {
  for (const size of [4, 0, 1000]) {
    test(`${name}: ${size} bytes from the server`, async () => {
      const { socket } = await connect(options);
      const got = next(socket, "binary");
      socket.emit("binary", size);
      const [{ buf, list }] = await got;
      assert.deepEqual(Buffer.from(buf), bytes(size));
      assert.equal(list.length, 1);
      assert.deepEqual(Buffer.from(list[0]), bytes(size));
    });
  }

  test(`${name}: binary from another client`, async () => {
    const { socket: sender } = await connect(transports.polling);
    const { socket } = await connect(options);
    const got = next(socket, "sent");
    await request(sender, "private", socket.id, "sent", { a: bytes(300), b: "text" });
    const [{ a, b }] = await got;
    assert.deepEqual(Buffer.from(a), bytes(300));
    assert.equal(b, "text");
  });
}

// Clients with the msgpack parser send binary as text where no binary frames pass, by the option forceBase64.
const inbound = binaryFrames || msgpackParser ? transports : { polling: transports.polling };

for (const [name, options] of Object.entries(inbound)) {
  test(`${name}: binary to the server and back`, async () => {
    const { socket } = await connect(options);
    const [one, two, three] = await request(socket, "echo", bytes(4), { nested: [bytes(257)] }, "text");
    assert.deepEqual(Buffer.from(one), bytes(4));
    assert.deepEqual(Buffer.from(two.nested[0]), bytes(257));
    assert.equal(three, "text");

    const back = next(socket, "echo-event");
    socket.emit("echo-event", new Uint8Array([0, 30, 255]), new Uint8Array([1, 2]).buffer);
    const [first, second] = await back;
    assert.deepEqual(Buffer.from(first), Buffer.from([0, 30, 255]));
    assert.deepEqual(Buffer.from(second), Buffer.from([1, 2]));
  });

  test(`${name}: ten attachments`, async () => {
    const { socket } = await connect(options);
    const parts = Array.from({ length: 10 }, (_, i) => bytes(i + 1));
    const answer = await request(socket, "echo", ...parts);
    assert.deepEqual(answer.map((part) => Buffer.from(part)), parts);
  });

  test(`${name}: binary and text alternate in order`, async () => {
    const { socket } = await connect(options);
    const all = await Promise.all(Array.from({ length: 20 }, (_, i) => request(socket, "echo", i % 2 ? bytes(i) : i)));
    all.forEach(([value], i) => (i % 2 ? assert.deepEqual(Buffer.from(value), bytes(i)) : assert.equal(value, i)));
  });
}

if (!binaryFrames && !msgpackParser) {
  test("WebSocket: a binary emit closes the connection, and polling is the way out", async () => {
    const { socket } = await connect(transports.websocket);
    let acked = false;
    const gone = next(socket, "disconnect");
    socket.emit("echo", bytes(4), () => (acked = true));
    const [reason] = await gone;
    assert.ok(["transport close", "transport error", "io server disconnect"].includes(reason), reason);
    assert.equal(acked, false);

    const { socket: polling } = await connect(transports.polling);
    assert.deepEqual(Buffer.from((await request(polling, "echo", bytes(4)))[0]), bytes(4));
    await settled(polling);
  });

  test("WebSocket: a closed connection comes back by itself", async () => {
    const { socket } = await connect({ ...transports.websocket, reconnection: true, reconnectionDelay: 10 });
    const before = socket.id;
    const gone = next(socket, "disconnect");
    socket.emit("echo", bytes(4));
    const back = gone.then(() => next(socket, "connect"));
    await back;
    assert.notEqual(socket.id, before);
    assert.deepEqual(await request(socket, "echo", "text"), ["text"]);
  });
}
