// Events and acks: what is sent arrives, as it was, once and in order.

import assert from "node:assert/strict";
import { test } from "node:test";
import { connect, largest, next, of, request, settled, transports, until, unique } from "./support.mjs";

const several = [1, -2.5, "text", "", null, true, false, [1, [2, []]], { a: { b: [null] }, "key with space": "ü" }];

for (const [name, options] of Object.entries(transports)) {
  test(`${name}: an ack has several arguments`, async () => {
    const { socket } = await connect(options);
    assert.deepEqual(await request(socket, "echo", ...several), several);
    assert.deepEqual(await request(socket, "echo"), []);
  });

  test(`${name}: an event comes back with several arguments`, async () => {
    const { socket } = await connect(options);
    const back = next(socket, "echo-event");
    socket.emit("echo-event", ...several);
    assert.deepEqual(await back, several);
  });

  // A frame from the client has at most 32 KiB on API Gateway: over WebSocket, large is 20 KB.
  test(`${name}: an ack has several large arguments`, async () => {
    const { socket } = await connect(options);
    const size = name === "polling" ? largest / 2 : 10_000;
    const large = [text(size, "abc"), { text: text(size, "xyz") }, 7];
    assert.deepEqual(await request(socket, "echo", ...large), large);
  });

  test(`${name}: text of every kind`, async () => {
    const { socket } = await connect(options);
    const texts = ["ASCII", "Grüße", "русский", "日本語", "🙂👩‍👩‍👧‍👦", "\u0000\u001e\u2028\\\"\n", "b64", "42[\"x\"]", "\uffff"];
    assert.deepEqual(await request(socket, "echo", ...texts), texts);
    const back = next(socket, "echo-event");
    socket.emit("echo-event", ...texts);
    assert.deepEqual(await back, texts);
  });

  test(`${name}: event names of every kind`, async () => {
    const { socket } = await connect(options);
    for (const event of ["", "mit Leerzeichen", "日本", "a,b/c:d[\"e\"]", "1"]) {
      const got = next(socket, event);
      await request(socket, "private", socket.id, event, "v");
      assert.deepEqual(await got, ["v"]);
    }
  });

  test(`${name}: a handler that fails sends no ack and the connection lives on`, async () => {
    const { socket } = await connect(options);
    let acked = 0;
    const failed = new Promise((resolve) => socket.timeout(300).emit("fail", (error) => resolve(error)));
    socket.emit("fail", () => acked++);
    assert.match(String((await failed)?.message), /timed out/);
    await settled(socket);
    assert.equal(acked, 0);
    assert.equal(socket.connected, true);
  });

  test(`${name}: acks find their request`, async () => {
    const { socket } = await connect(options);
    const requests = Array.from({ length: 20 }, (_, i) => request(socket, "echo", i));
    assert.deepEqual(await Promise.all(requests), Array.from({ length: 20 }, (_, i) => [i]));
  });

  test(`${name}: what one handler emits arrives in order`, async () => {
    const { socket } = await connect(options);
    socket.emit("burst", 50);
    await until(socket, ([event, i]) => event === "burst" && i === 49);
    await settled(socket);
    assert.deepEqual(of(socket, "burst").map(([i]) => i), Array.from({ length: 50 }, (_, i) => i));
  });

  test(`${name}: data stays with its socket`, async () => {
    const { socket } = await connect(options);
    const { socket: other } = await connect(options);
    assert.deepEqual(await request(socket, "get-data"), [null]);
    assert.deepEqual(await request(socket, "set-data", { deep: ["value", 1] }), ["ok"]);
    assert.deepEqual(await request(socket, "get-data"), [{ deep: ["value", 1] }]);
    assert.deepEqual(await request(other, "get-data"), [null]);
    assert.deepEqual(await request(socket, "counter"), [1]);
    assert.deepEqual(await request(socket, "counter"), [2]);
    assert.deepEqual(await request(other, "counter"), [1]);
  });

  // One packet at a time, the next one after the ack of the last: ordered whatever the gateway does with the order.
  test(`${name}: the option retries keeps the order`, async () => {
    const { socket: observer } = await connect(options);
    const room = unique("room");
    await request(observer, "join", room);
    const { socket } = await connect({ ...options, retries: 3, ackTimeout: 5000 });
    const acks = [];
    const done = Array.from({ length: 25 }, (_, i) => new Promise((resolve, reject) => {
      socket.emit("to", [room], "seq", i, (error, answer) => {
        acks.push(i);
        if (error) reject(error);
        else resolve(answer);
      });
    }));
    assert.deepEqual(await Promise.all(done), done.map(() => "ok"));
    assert.deepEqual(acks, done.map((_, i) => i));
    await until(observer, ([event, i]) => event === "seq" && i === 24);
    await settled(observer);
    // At least once: a repetition is allowed, a step back to something never seen before is not.
    const seen = [...new Set(of(observer, "seq").map(([i]) => i))];
    assert.deepEqual(seen, done.map((_, i) => i));
  });
}

test("polling: 100 KB in both directions", async () => {
  const { socket } = await connect(transports.polling);
  const large = text(largest, "0123456789");
  const utf8 = text(30_000, "äß日🙂");
  assert.deepEqual(await request(socket, "echo", large), [large]);
  const back = next(socket, "echo-event");
  socket.emit("echo-event", utf8, large.slice(0, 10));
  assert.deepEqual(await back, [utf8, large.slice(0, 10)]);
});

test("WebSocket: 100 KB from the server", async () => {
  const { socket: sender } = await connect(transports.polling);
  const { socket } = await connect(transports.websocket);
  const large = text(largest, "0123456789");
  const got = next(socket, "large");
  await request(sender, "private", socket.id, "large", large);
  assert.deepEqual(await got, [large]);
});

test("polling: many events in a row arrive in order", async () => {
  const { socket } = await connect(transports.polling);
  const numbers = Array.from({ length: 200 }, (_, i) => i);
  for (const i of numbers) socket.emit("echo-event", i);
  await until(socket, ([event, i]) => event === "echo-event" && i === 199);
  await settled(socket);
  assert.deepEqual(of(socket, "echo-event").map(([i]) => i), numbers);
});

test("polling: events and acks keep the order of the handlers", async () => {
  const { socket } = await connect(transports.polling);
  const answers = await Promise.all(Array.from({ length: 30 }, () => request(socket, "counter")));
  assert.deepEqual(answers.flat(), Array.from({ length: 30 }, (_, i) => i + 1));
});

/** text is a string of n UTF-16 units at most, made of repetitions of whole. */
function text(n, whole) {
  return whole.repeat(Math.floor(n / whole.length));
}
