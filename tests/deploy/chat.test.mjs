// The stock client on a deployed chat, whatever its addresses: DOZE_URL is where the page is, and client.json beside it
// says how clients connect, as the page itself reads it.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { io } from "socket.io-client";
import { next, record, request, unique, until } from "../client/support.mjs";

const base = new URL(process.env.DOZE_URL);
let deployment;
const opened = [];

before(async () => {
  const answer = await fetch(new URL("client.json", base));
  assert.equal(answer.status, 200);
  deployment = await answer.json();
});

after(() => opened.forEach((socket) => socket.disconnect()));

const ways = {
  polling: { transports: ["polling"] },
  websocket: { transports: ["websocket"] },
  upgraded: {},
};

/** enter connects somebody, the way they are called, and resolves when the server has greeted them. */
async function enter(way) {
  const path = new URL("socket.io/", base).pathname;
  const socket = io(base.origin, { ...deployment, path, forceNew: true, auth: { nickname: way }, ...ways[way] });
  opened.push(socket);
  record(socket);
  const upgraded = way === "upgraded" && new Promise((resolve) => socket.io.once("open", () => socket.io.engine.once("upgrade", resolve)));
  await next(socket, "connect");
  await until(socket, ([event]) => event === "welcome");
  await upgraded;
  assert.equal(socket.io.engine.transport.name, way === "polling" ? "polling" : "websocket");
  return socket;
}

test("clients of every transport meet in one room, through both APIs", async () => {
  const room = unique("tea");
  const people = await Promise.all(Object.keys(ways).map(enter));
  for (const [before, socket] of people.entries()) {
    assert.deepEqual(await request(socket, "join", room), [{ room, members: before + 1 }]);
  }
  const [rooms] = await request(people[0], "rooms");
  assert.ok(rooms.some(({ name, members }) => name === room && members === people.length), JSON.stringify(rooms));
  for (const socket of people) {
    const text = `from ${socket.auth.nickname}`;
    const [receipt] = await request(socket, "say", { room, text });
    assert.ok(receipt.id, JSON.stringify(receipt));
    await Promise.all(people.filter((other) => other !== socket).map((other) =>
      until(other, ([event, message]) => event === "said" && message.id === receipt.id && message.text === text)));
  }
  await request(people[1], "whisper", { to: people[0].id, text: "psst" });
  await until(people[0], ([event, message]) => event === "whispered" && message.text === "psst");
  people[2].disconnect();
  for (const socket of people.slice(0, 2)) await until(socket, ([event, { nickname } = {}]) => event === "left" && nickname === "upgraded");
});

test("a client whose nickname is refused learns why", async () => {
  const path = new URL("socket.io/", base).pathname;
  const socket = io(base.origin, { ...deployment, path, forceNew: true });
  opened.push(socket);
  await assert.rejects(next(socket, "connect"), { data: { code: "nickname_required", hint: "Choose a nickname." } });
});

test("the page brings the client along", async () => {
  const page = await fetch(base);
  assert.match(await page.text(), /<script src="socket.io\/socket.io.js"/);
  const client = await fetch(new URL("socket.io/socket.io.js", base));
  assert.equal(client.status, 200);
  assert.match(await client.text(), /Socket\.IO v4/);
});
