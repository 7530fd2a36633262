// People on a deployed chat, whatever its addresses: DOZE_URL is where the page is, and client.json beside it says how clients
// connect, as the page itself reads it.

import assert from "node:assert/strict";
import { after } from "node:test";
import { io } from "socket.io-client";
import { limit, next, record, request, unique, until } from "../../asnode/client/support.mjs";

export const base = new URL(process.env.DOZE_URL);
const opened = [];
after(() => opened.forEach((socket) => socket.disconnect()));

const answer = await fetch(new URL("client.json", base));
assert.equal(answer.status, 200);
const deployment = await answer.json();
const path = new URL("socket.io/", base).pathname;

const ways = {
  polling: { transports: ["polling"] },
  websocket: { transports: ["websocket"] },
  upgraded: {},
};

/** person returns a client who is about to connect. */
export function person(way, auth) {
  const socket = record(io(base.origin, { ...deployment, path, forceNew: true, timeout: limit, auth, ...ways[way] }));
  opened.push(socket);
  return socket;
}

/** late rejects when the time that tests have is over. */
const late = (message) => new Promise((_, reject) => {
  AbortSignal.timeout(limit).addEventListener("abort", () => reject(new Error(message)));
});

/** enter connects somebody, called like the way they connect, and resolves when the server has greeted them. */
async function enter(way) {
  const socket = person(way, { nickname: way });
  const upgraded = way === "upgraded" && new Promise((resolve) => socket.io.once("open", () => socket.io.engine.once("upgrade", resolve)));
  await next(socket, "connect");
  await until(socket, ([event]) => event === "welcome");
  if (upgraded) await Promise.race([upgraded, late(`no upgrade within ${limit} ms`)]);
  assert.equal(socket.io.engine.transport.name, way === "polling" ? "polling" : "websocket");
  return socket;
}

/** meet lets people join a room of their own, one after the other. */
export async function meet(...wanted) {
  const room = unique("tea");
  const people = await Promise.all(wanted.map(enter));
  for (const [before, socket] of people.entries()) {
    const [{ members, people: there }] = await request(socket, "join", room);
    assert.equal(members, before + 1);
    assert.deepEqual(there.map(({ nickname }) => nickname).sort(), wanted.slice(0, before).sort());
  }
  return { room, people };
}

/** counted resolves when the list of rooms tells so many members: 0 for a room that is not there. */
export async function counted(socket, room, members) {
  for (const late = AbortSignal.timeout(limit); !late.aborted; ) {
    const [rooms] = await request(socket, "rooms");
    if ((rooms.find(({ name }) => name === room)?.members ?? 0) === members) return;
  }
  throw new Error(`${room} has not ${members} members after ${limit} ms`);
}

/** vanish closes somebody's WebSocket, says nothing to the server, and resolves when the gateway knows. */
export async function vanish(socket) {
  socket.io.reconnection(false);
  const { ws } = socket.io.engine.transport;
  const closed = new Promise((resolve) => ws.addEventListener("close", resolve));
  ws.close();
  await closed;
}

/** left finds the notice that somebody has gone. */
export const left = (gone) => ([event, { nickname } = {}]) => event === "left" && nickname === gone.auth.nickname;

/** pollAgain polls in the place of a client that is polling, which ends its session. */
export const pollAgain = (socket) => fetch(`${new URL("socket.io/", base)}?EIO=4&transport=polling&sid=${socket.io.engine.id}`);
