// Parsers: what msgpack carries that JSON does not, a client with another parser than the server's, and one of
// Socket.IO 2, which no parser helps.

import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import io2 from "socket.io-client-v2";
import * as json from "socket.io-parser";
import msgpack from "socket.io-msgpack-parser";
import { binaryFrames, client, connect, limit, msgpackParser, next, request, transports, url } from "./support.mjs";

const other = msgpackParser ? { parser: json } : { parser: msgpack, forceBase64: !binaryFrames };

for (const [name, options] of Object.entries(transports)) {
  test(`${name}: a client with another parser than the server's is disconnected before it is connected`, async () => {
    const socket = client({ ...options, ...other });
    socket.on("connect", () => assert.fail("connected"));
    const reason = await new Promise((resolve) => socket.io.on("close", resolve));
    assert.ok(["transport close", "transport error"].includes(reason), reason);
    assert.equal(socket.connected, false);
  });

  test(`${name}: a client of Socket.IO 2 is refused`, async () => {
    const socket = io2(url, { ...options, forceNew: true, reconnection: false });
    try {
      socket.on("connect", () => assert.fail("connected"));
      const error = await new Promise((resolve) => socket.on("connect_error", resolve));
      assert.equal(error.message, name === "polling" ? "xhr poll error" : "websocket error");
    } finally {
      socket.close();
    }
  });
}

test("the answer to a client of Socket.IO 2 says why", async () => {
  const response = await fetch(`${url}/socket.io/?EIO=3&transport=polling`);
  assert.equal(response.status, 400);
  assert.deepEqual(await response.json(), { code: 5, message: "Unsupported protocol version" });
});

if (msgpackParser) {
  for (const [name, options] of Object.entries(transports)) {
    test(`${name}: values that JSON has no form for arrive as JSON would have sent them`, async () => {
      const { socket } = await connect(options);
      const sent = [new Date(1700000000001), undefined, { a: undefined, b: 1 }, NaN, -Infinity, 2 ** 53, -(2 ** 53), 0.1, -33, 1e21 + 0.5];
      const got = await request(socket, "echo", ...sent);
      assert.deepEqual(got.slice(0, 5), ["2023-11-14T22:13:20.001Z", null, { b: 1 }, null, null]);
      assert.deepEqual(got.slice(5, 9), [2 ** 53, -(2 ** 53), 0.1, -33]);
    });

    test(`${name}: ArrayBuffers, and binary in auth, which is base64 there`, async () => {
      const { socket, hello } = await connect({ ...options, auth: { key: Buffer.from([1, 2]) } });
      assert.deepEqual(hello.auth, { key: "AQI=" });
      const [one, two] = await request(socket, "echo", new Uint8Array([0, 30, 255]), new Uint8Array([1, 2]).buffer);
      assert.deepEqual([Buffer.from(one), Buffer.from(two)], [Buffer.from([0, 30, 255]), Buffer.from([1, 2])]);
    });
  }
}

if (msgpackParser && !binaryFrames) {
  test("without forceBase64 a client goes on polling, and binary works", async () => {
    const socket = client({ forceBase64: false });
    const { engine } = socket.io;
    const [{ upgrades }] = await once(engine, "handshake", { signal: AbortSignal.timeout(limit) });
    assert.deepEqual(upgrades, []);
    assert.deepEqual(await request(socket, "echo", Buffer.from([1])), [Buffer.from([1])]);
    assert.equal(engine.transport.name, "polling");
  });

  test("without forceBase64 a client that wants nothing but WebSocket is refused", async () => {
    const socket = client({ transports: ["websocket"], forceBase64: false });
    const [error] = await next(socket, "connect_error");
    assert.equal(error.message, "websocket error");
  });
}
