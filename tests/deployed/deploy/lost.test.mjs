// The stock client on a deployed chat whose DisconnectFunction may do nothing, so that connections are lost: who posts to
// one finds out, and its session is closed all the same. DOZE_URL is where the page is.

import { test } from "node:test";
import { limit, request } from "../../asnode/client/support.mjs";
import { counted, left, meet, vanish } from "./people.mjs";

test("who is lost is found by a message", async () => {
  const { room, people: [lost, other] } = await meet("websocket", "polling");
  await vanish(lost);
  const late = AbortSignal.timeout(limit);
  while (!other.received.some(left(lost))) { // the first may be too early
    late.throwIfAborted();
    await request(other, "say", { room, text: "are you there?" });
  }
  await counted(other, room, 1);
});
