// The CloudFront function of the template, whose code is the file that FRONTDOOR names.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { eventOf, load } from "./function.mjs";

const decide = await load(await readFile(process.env.FRONTDOOR, "utf8"));
const sid = "lv_VI97HAXpY6yYWAAAB";

const toWebSocket = [
  "/socket.io/?EIO=4&transport=websocket",
  `/socket.io/?EIO=4&transport=websocket&sid=${sid}`, // an upgrade
  "/socket.io/?token=a%3Db&EIO=4&transport=websocket&t=PqR1", // with a query of one's own, and timestampRequests
  "/socket.io?EIO=4&transport=websocket", // addTrailingSlash: false
  "/socket.io/?transport=polling&transport=websocket", // of two the last counts
  "/socket.io/?transport=&transport=polling&EIO=4&transport=websocket",
];
const toHTTP = [
  "/",
  "/chat.js",
  "/client.json",
  "/socket.io/socket.io.js",
  "/socket.io/socket.io.js?transport=websocket",
  "/?transport=websocket",
  "/socket.io/?EIO=4&transport=polling&t=PqR1",
  `/socket.io/?EIO=4&transport=polling&sid=${sid}`,
  "/socket.io/",
  "/socket.io/?transport=",
  "/socket.io/?transport=websockets",
  "/socket.io/?transport=websocket&transport=polling",
  "/socket.io/?transport=websocket&transport=",
  "/socket.io/?x=transport=websocket",
  "/socket.io/more/?transport=websocket",
];

for (const url of toWebSocket) {
  test(`to the WebSocket API: ${url}`, () => {
    const event = eventOf({ url });
    const { request, origin } = decide(event);
    assert.equal(origin, "websocket");
    assert.equal(request.uri, "/"); // its only path is its stage
    assert.deepEqual(request.querystring, eventOf({ url }).request.querystring);
  });
}

for (const url of toHTTP) {
  test(`to the HTTP API: ${url}`, () => {
    const { request, origin } = decide(eventOf({ url }));
    assert.equal(origin, undefined);
    assert.deepEqual(request, eventOf({ url }).request);
  });
}

test("a POST keeps its method and headers", () => {
  const post = { method: "POST", url: `/socket.io/?EIO=4&transport=polling&sid=${sid}`, headers: { Origin: "https://example.com" } };
  assert.deepEqual(decide(eventOf(post)).request, eventOf(post).request);
});
