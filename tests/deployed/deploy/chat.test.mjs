// The stock client on a deployed chat: DOZE_URL is where the page is.

import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import { limit, next, request, until } from "../../asnode/client/support.mjs";
import { base, counted, left, meet, person, pollAgain, vanish } from "./people.mjs";

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
  await vanish(gone);
  for (const socket of others) await until(socket, left(gone));
  await counted(others[0], room, 2);
});

test("who polls twice at once is sent away", async () => {
  const { room, people: [double, other] } = await meet("polling", "websocket");
  double.io.reconnection(false);
  const ended = once(double, "disconnect", { signal: AbortSignal.timeout(limit) });
  await pollAgain(double);
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
  await assert.rejects(next(person("upgraded"), "connect"), { data: { code: "nickname_required", hint: "Choose a nickname." } });
});

test("the page brings the client along", async () => {
  const page = await fetch(base);
  assert.match(await page.text(), /<script src="socket.io\/socket.io.js"/);
  const client = await fetch(new URL("socket.io/socket.io.js", base));
  assert.equal(client.status, 200);
  assert.match(await client.text(), /Socket\.IO v4/);
});
