// Acks from clients: what the server asks, stock clients answer.

import assert from "node:assert/strict";
import { test } from "node:test";
import { binaryFrames, connect, next, of, request, slowest, transports, unique } from "./support.mjs";

/** answers has a client answer a question with what answer makes of its arguments. */
const answers = (socket, answer, delay = 0) =>
  socket.on("question", (...all) => setTimeout(() => all.at(-1)(...answer(...all.slice(0, -1))), delay));

// Over all transports at once, for each waits.
test("the server gets what has come when the time is over", async () => {
  await Promise.all(Object.values(transports).map(async (options) => {
    const [a, b, c] = await Promise.all([connect(options), connect(options), connect(options)]);
    const room = unique("asked");
    for (const { socket } of [b, c]) await request(socket, "join", room);
    answers(b.socket, () => ["b"]);
    assert.deepEqual(await request(a.socket, "ask", [room], 5000, "question"), [{ answers: ["b"], late: true }]);
  }));
});

for (const [name, options] of Object.entries(transports)) {
  test(`${name}: the server asks a room, and gets the answers in their order`, async () => {
    const [a, b, c] = await Promise.all([connect(options), connect(options), connect(options)]);
    const room = unique("asked");
    for (const { socket } of [a, b, c]) await request(socket, "join", room);
    answers(b.socket, (n) => [["b", n]], 600 + 2 * slowest); // so that the other's comes first, whatever call is slow
    answers(c.socket, (n) => [["c", n]]);
    assert.deepEqual(await request(a.socket, "ask", [room], 20_000, "question", 7), [{ answers: [["c", 7], ["b", 7]], late: false }]);
    assert.equal(of(a.socket, "question").length, 0);
  });

  test(`${name}: nobody to ask, and one who leaves, keep nobody waiting`, async () => {
    const [a, b] = await Promise.all([connect(options), connect(options)]);
    const room = unique("asked");
    assert.deepEqual(await request(a.socket, "ask", [room], 20_000, "question"), [{ answers: [], late: false }]);
    await request(b.socket, "join", room);
    b.socket.on("question", () => b.socket.disconnect());
    assert.deepEqual(await request(a.socket, "ask", [room], 20_000, "question"), [{ answers: [], late: false }]);
  });

  test(`${name}: the server asks the client whose event it handles`, async () => {
    const { socket } = await connect(options);
    answers(socket, (...args) => [...args, "and more"]);
    let told = next(socket, "asked");
    await request(socket, "ask-me", 20_000, "question", 1, { two: ["ü"] });
    assert.deepEqual(await told, [{ answer: [1, { two: ["ü"] }, "and more"], late: false }]);
    told = next(socket, "asked");
    await request(socket, "ask-me", 1000, "unheard");
    assert.deepEqual(await told, [{ answer: [], late: true }]);
  });

  test(`${name}: answers are binary`, { skip: name === "websocket" && !binaryFrames && "API Gateway takes no binary frames" }, async () => {
    const [a, b] = await Promise.all([connect(options), connect(options)]);
    const room = unique("asked");
    await request(b.socket, "join", room);
    answers(b.socket, (bytes) => [{ back: bytes }]);
    const [{ answers: got }] = await request(a.socket, "ask", [room], 20_000, "question", Buffer.from([1, 2, 255]));
    assert.deepEqual([...got[0].back], [1, 2, 255]);
  });
}
