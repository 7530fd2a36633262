// Stock clients of examples/presence, as its page is one: who is online, private messages, who is typing.

import assert from "node:assert/strict";
import { test } from "node:test";
import { client, next, of, record, request, transports, unique, until } from "../asnode/client/support.mjs";

for (const [transport, options] of Object.entries(transports)) {
  /** tab opens a tab of somebody, which confirms the messages that it gets unless it is told not to. */
  async function tab(name, confirms = true) {
    const socket = record(client({ ...options, auth: { name } }));
    if (confirms) socket.on("message", (message, confirm) => confirm?.());
    await until(socket, ([event]) => event === "people");
    socket.people = of(socket, "people")[0][0];
    return socket;
  }
  const saw = (socket, event, name) => until(socket, ([is, who]) => is === event && who === name);

  test(`${transport}: somebody is online from the first tab to the last`, async () => {
    const [ada, bob] = [unique("ada"), unique("bob")];
    const one = await tab(ada);
    const first = await tab(bob);
    assert.equal(first.people.you, bob);
    assert.ok(first.people.online.includes(ada), "bob is not told of ada");
    await saw(one, "online", bob);
    const second = await tab(bob);
    first.disconnect();
    const third = await tab(unique("eve"));
    assert.ok(third.people.online.includes(bob), "bob has a tab left");
    second.disconnect();
    await saw(one, "offline", bob);
    await saw(third, "offline", bob);
    assert.equal(of(one, "offline").filter(([name]) => name === bob).length, 1);
    assert.deepEqual(await request(one, "message", { to: bob, text: "hello" }), [{ error: `${bob} is not online.` }]);
  });

  test(`${transport}: a message reaches all tabs of two people, and is confirmed`, async () => {
    const [ada, bob] = [unique("ada"), unique("bob")];
    const [one, desk, two, phone, eve] = [await tab(ada), await tab(ada), await tab(bob), await tab(bob), await tab(unique("eve"))];
    assert.deepEqual(await request(one, "message", { from: "somebody else", to: bob, text: "hello" }), [{ delivered: true }]);
    const want = [[{ from: ada, to: bob, text: "hello" }]];
    for (const socket of [desk, two, phone]) {
      await until(socket, ([event]) => event === "message");
      assert.deepEqual(of(socket, "message").map(([message]) => [message]), want);
    }
    assert.deepEqual([of(one, "message"), of(eve, "message")], [[], []]);
  });

  test(`${transport}: a message that no page confirms is acked as such`, async () => {
    const [ada, bob] = [unique("ada"), unique("bob")];
    const [one, two] = [await tab(ada), await tab(bob, false)];
    assert.deepEqual(await request(one, "message", { to: bob, text: "hello" }), [{ delivered: false }]);
    await until(two, ([event]) => event === "message");
  });

  // Typing is volatile: it is said until it is seen.
  test(`${transport}: one person sees who is typing`, async () => {
    const [ada, bob] = [unique("ada"), unique("bob")];
    const [one, two, eve] = [await tab(ada), await tab(bob), await tab(unique("eve"))];
    for (const typing of [true, false]) {
      while (!of(two, "typing").some(([notice]) => notice.typing === typing)) await request(one, "typing", { to: bob, typing });
    }
    assert.ok(of(two, "typing").every(([{ from, to }]) => from === ada && to === bob));
    assert.deepEqual(of(eve, "typing"), []);
  });

  test(`${transport}: who has no name is told so`, async () => {
    const [refused] = await next(client({ ...options, auth: { name: "@ada" } }), "connect_error");
    assert.match(refused.message, /^A name has/);
  });
}
