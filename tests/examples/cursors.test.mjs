// Stock clients of examples/cursors, as its page is one: positions on the way may be lost, where a cursor rests may not.

import assert from "node:assert/strict";
import { test } from "node:test";
import { client, next, of, record, request, transports, unique, until } from "../asnode/client/support.mjs";

for (const [transport, options] of Object.entries(transports)) {
  async function sit(board, name) {
    const socket = record(client({ ...options, auth: { board, name } }));
    await until(socket, ([event]) => event === "cursors");
    return socket;
  }
  const at = (n) => ({ x: n / 1000, y: 1 - n / 1000, n });

  test(`${transport}: others see a cursor move, and where it rests`, async () => {
    const board = unique("board");
    const [ada, bob, eve] = [await sit(board, "ada"), await sit(board, "bob"), await sit(unique("board"), "eve")];
    let n = 0;
    const seen = () => of(bob, "moved").map(([cursor]) => cursor);
    while (seen().length === 0) await request(ada, "move", at(++n)); // one may be lost, and so may the next
    for (let i = 0; i < 40; i++) ada.volatile.emit("move", at(++n)); // as the page does it, without an ack
    const resting = ++n;
    assert.deepEqual(await request(ada, "rest", at(resting)), []);
    await until(bob, ([event, cursor]) => event === "moved" && cursor.n === resting);
    assert.deepEqual(seen(), seen().map((cursor) => ({ id: ada.id, name: "ada", ...at(cursor.n) })));
    assert.equal(Math.max(...seen().map((cursor) => cursor.n)), resting);
    assert.equal(new Set(seen().map((cursor) => cursor.n)).size, seen().length, "one came twice");
    assert.deepEqual([of(eve, "moved"), of(ada, "moved")], [[], []]);
  });

  test(`${transport}: who comes later sees where cursors rest, and hears who leaves`, async () => {
    const board = unique("board");
    const [ada, bob] = [await sit(board, "ada"), await sit(board, "bob")];
    await Promise.all([3, 1, 2].map((n) => request(ada, "rest", at(n)))); // in whatever order the gateway has it
    const eve = await sit(board, "eve");
    assert.deepEqual(of(eve, "cursors"), [[[{ id: ada.id, name: "ada", ...at(3) }]]]); // bob's has not moved
    const id = ada.id;
    ada.disconnect();
    for (const socket of [bob, eve]) await until(socket, ([event, who]) => event === "left" && who === id);
    assert.deepEqual(of(await sit(board, "dan"), "cursors"), [[[]]]);
  });

  test(`${transport}: what is no position, and who has no board, is refused`, async () => {
    const ada = await sit(unique("board"), "ada");
    const [ack] = await request(ada, "rest", { x: 2, y: 0, n: 1 });
    assert.match(ack.error, /^A position has/);
    const [refused] = await next(client({ ...options, auth: { name: "ada" } }), "connect_error");
    assert.match(refused.message, /^A board/);
  });
}
