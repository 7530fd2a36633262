// Rooms and broadcasts: who gets a message and, as much, who does not.

import assert from "node:assert/strict";
import { test } from "node:test";
import { connect, of, request, settled, transports, unique, until } from "./support.mjs";

const ways = {
  polling: [transports.polling, transports.polling, transports.polling, transports.polling],
  websocket: [transports.websocket, transports.websocket, transports.websocket, transports.websocket],
  mixed: [transports.websocket, transports.polling, transports.websocket, transports.polling],
};

/** four connects four clients. */
const four = async (options) => Promise.all(options.map(async (each) => (await connect(each)).socket));

/** got expects each of the sockets to have received the event as often as counts says. */
async function got(sockets, event, counts) {
  await settled(...sockets);
  assert.deepEqual(sockets.map((socket) => of(socket, event).length), counts);
}

for (const [name, options] of Object.entries(ways)) {
  test(`${name}: join, rooms, leave`, async () => {
    const [socket] = await four(options.slice(0, 1));
    const [one, two] = [unique("room"), unique("room")].sort();
    assert.deepEqual(await request(socket, "rooms"), [[]]);
    assert.deepEqual(await request(socket, "join", two), ["ok"]);
    assert.deepEqual(await request(socket, "join", one), ["ok"]);
    assert.deepEqual(await request(socket, "join", one), ["ok"]);
    assert.deepEqual(await request(socket, "rooms"), [[one, two]]);
    assert.deepEqual(await request(socket, "leave", two), ["ok"]);
    assert.deepEqual(await request(socket, "leave", unique("never joined")), ["ok"]);
    assert.deepEqual(await request(socket, "rooms"), [[one]]);
  });

  test(`${name}: to a room reaches its members, not the sender, not the others`, async () => {
    const sockets = await four(options);
    const [sender, member, , outsider] = sockets;
    const room = unique("room ü/,1");
    await Promise.all([sender, member, sockets[2]].map((socket) => request(socket, "join", room)));
    await request(sender, "to", [room], "said", { text: "hello" }, 2);
    await got(sockets, "said", [0, 1, 1, 0]);
    assert.deepEqual(of(member, "said"), [[{ text: "hello" }, 2]]);

    await request(outsider, "to", [room], "from outside", 1);
    await got(sockets, "from outside", [1, 1, 1, 0]);
  });

  test(`${name}: to several rooms reaches each member once`, async () => {
    const sockets = await four(options);
    const [a, b] = [unique("room"), unique("room")];
    await request(sockets[1], "join", a);
    await request(sockets[1], "join", b);
    await request(sockets[2], "join", b);
    await request(sockets[0], "to", [a, b, unique("empty")], "once", 1);
    await got(sockets, "once", [0, 1, 1, 0]);
  });

  test(`${name}: except leaves out rooms and single sockets`, async () => {
    const sockets = await four(options);
    const [a, b] = [unique("room"), unique("room")];
    await Promise.all(sockets.map((socket) => request(socket, "join", a)));
    await request(sockets[1], "join", b);
    await request(sockets[0], "to-except", [a], [b], "not b", 1);
    await got(sockets, "not b", [0, 0, 1, 1]);
    await request(sockets[0], "to-except", [a], [b, sockets[3].id], "not b nor the last", 1);
    await got(sockets, "not b nor the last", [0, 0, 1, 0]);
  });

  test(`${name}: nothing reaches a room that was left`, async () => {
    const sockets = await four(options);
    const room = unique("room");
    await request(sockets[1], "join", room);
    await request(sockets[2], "join", room);
    await request(sockets[1], "leave", room);
    await request(sockets[0], "to", [room], "late", 1);
    await got(sockets, "late", [0, 0, 1, 0]);
  });

  test(`${name}: a broadcast leaves the sender out, an emit of the server does not`, async () => {
    const sockets = await four(options);
    const [others, all] = [unique("others"), unique("all")];
    await request(sockets[0], "broadcast", others, "x");
    await got(sockets, others, [0, 1, 1, 1]);
    await request(sockets[0], "server-emit", all, "y");
    await got(sockets, all, [1, 1, 1, 1]);
  });

  test(`${name}: a socket's id is its own room`, async () => {
    const sockets = await four(options);
    await request(sockets[0], "private", sockets[2].id, "for you", [1]);
    await got(sockets, "for you", [0, 0, 1, 0]);
    await request(sockets[0], "private", sockets[0].id, "for me", [2]);
    await got(sockets, "for me", [1, 0, 0, 0]);
    await request(sockets[0], "private", unique("nobody"), "for nobody", [3]);
    await got(sockets, "for nobody", [0, 0, 0, 0]);
  });

  test(`${name}: messages of one sender to a room arrive in order`, async () => {
    const sockets = await four(options);
    const room = unique("room");
    await Promise.all(sockets.slice(1).map((socket) => request(socket, "join", room)));
    for (let i = 0; i < 15; i++) await request(sockets[0], "to", [room], "nth", i);
    await settled(...sockets);
    for (const socket of sockets.slice(1)) {
      assert.deepEqual(of(socket, "nth").map(([i]) => i), Array.from({ length: 15 }, (_, i) => i));
    }
  });

  test(`${name}: who leaves tells its rooms and everybody`, async () => {
    const sockets = await four(options);
    const [leaver, mate, other] = sockets;
    const id = leaver.id;
    const rooms = [unique("room"), unique("room")].sort();
    for (const room of rooms) await request(leaver, "join", room);
    await request(mate, "join", rooms[1]);
    leaver.disconnect();
    const left = ([event, about]) => event === "peer-left" && about.id === id;
    await Promise.all([until(mate, left), until(other, left)]);
    await settled(mate, other);
    const about = (socket, event) => of(socket, event).flat().filter((each) => each.id === id);
    const reason = "client namespace disconnect";
    assert.deepEqual(about(mate, "peer-leaving"), [{ id, rooms, reason }]);
    assert.deepEqual(about(other, "peer-leaving"), []);
    assert.deepEqual(about(mate, "peer-left"), [{ id, reason }]);
    assert.deepEqual(about(other, "peer-left"), [{ id, reason }]);
    await request(mate, "to", rooms, "to nobody", 1);
    await request(mate, "private", id, "to nobody", 1);
    await got([mate, other], "to nobody", [0, 0]);
  });
}
