// The stock client on a deployed chat, whatever its addresses: DOZE_URL is where the page is, and client.json beside it
// says how clients connect, as the page itself reads it.

import assert from "node:assert/strict";
import { once } from "node:events";
import { after, before, test } from "node:test";
import { io } from "socket.io-client";
import { limit, next, record, request, unique, until } from "../client/support.mjs";

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

/** meet lets people join a room of their own, one after the other. */
async function meet(...wanted) {
  const room = unique("tea");
  const people = await Promise.all(wanted.map(enter));
  for (const [before, socket] of people.entries()) {
    assert.deepEqual(await request(socket, "join", room), [{ room, members: before + 1 }]);
  }
  return { room, people };
}

/** counted resolves when the list of rooms tells so many members: 0 for a room that is not there. */
async function counted(socket, room, members) {
  for (const late = AbortSignal.timeout(limit); !late.aborted; ) {
    const [rooms] = await request(socket, "rooms");
    if ((rooms.find(({ name }) => name === room)?.members ?? 0) === members) return;
  }
  throw new Error(`${room} has not ${members} members after ${limit} ms`);
}

const left = (gone) => ([event, { nickname } = {}]) => event === "left" && nickname === gone.auth.nickname;

test("clients of every transport meet in one room, through both APIs", async () => {
  const { room, people } = await meet("polling", "websocket", "upgraded");
  await counted(people[0], room, people.length);
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
  for (const socket of people.slice(0, 2)) await until(socket, left(people[2]));
  await counted(people[0], room, 2);
  await request(people[1], "leave", room);
  await until(people[0], left(people[1]));
  await counted(people[0], room, 1);
});

test("who vanishes has left", async () => {
  const { room, people: [gone, ...others] } = await meet("upgraded", "polling", "websocket");
  gone.io.reconnection(false);
  gone.io.engine.close(); // says nothing to the server
  for (const socket of others) await until(socket, left(gone));
  await counted(others[0], room, 2);
});

test("who polls twice at once is sent away", async () => {
  const { room, people: [double, other] } = await meet("polling", "websocket");
  double.io.reconnection(false);
  const ended = once(double, "disconnect", { signal: AbortSignal.timeout(limit) });
  const { uri, id } = { uri: new URL("socket.io/", base), id: double.io.engine.id };
  await fetch(`${uri}?EIO=4&transport=polling&sid=${id}`);
  await ended;
  await until(other, left(double));
  await counted(other, room, 1);
});

test("who sends nonsense is sent away", async () => {
  const { room, people: [odd, other] } = await meet("websocket", "polling");
  odd.io.reconnection(false);
  const ended = once(odd, "disconnect", { signal: AbortSignal.timeout(limit) });
  odd.io.engine.transport.ws.send("42[nonsense");
  await ended;
  await until(other, left(odd));
  await counted(other, room, 1);
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
