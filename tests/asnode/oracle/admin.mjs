// What an Admin UI is told by Node's instrument() and by Doze, for the same clients: SerializedSocket, server_stats and the
// aggregated events have to be equal.
//
//   node tests/asnode/oracle/admin.mjs --development URL --production URL
//
// The URLs are of servers that run the test app (../../kit/reference/app.mjs), which have the Admin UI in that mode, without
// a password, in the namespace /admin. Exits with 1 when a row differs.

import { deepStrictEqual } from "node:assert";
import { createServer } from "node:http";
import { parseArgs } from "node:util";
import { instrument } from "@socket.io/admin-ui";
import { Server } from "socket.io";
import { io } from "socket.io-client";
import { install } from "../../kit/reference/app.mjs";

const { values: urls } = parseArgs({ options: { development: { type: "string" }, production: { type: "string" } } });
if (!urls.development || !urls.production) throw new Error("give two addresses: --development URL --production URL");

/** reference is Node's server in a mode. */
async function reference(mode) {
  const http = createServer((_, res) => res.writeHead(404).end());
  const server = new Server(http);
  install(server, new Set());
  instrument(server, { auth: false, mode, serverId: "doze" });
  await new Promise((resolve) => http.listen(0, "127.0.0.1", resolve));
  return { url: `http://127.0.0.1:${http.address().port}`, stop: () => server.close() };
}

const once = (emitter, event) => new Promise((resolve) => emitter.once(event, (...args) => resolve(args)));

/** client is a stock client of the test app, which has got its hello. */
async function client(url, transport, namespace = "/", manager) {
  const options = { forceNew: true, reconnection: false, transports: [transport], query: { x: `x of ${transport}` }, extraHeaders: { "x-who": transport } };
  const socket = manager ? manager.socket(namespace) : io(url + namespace, options);
  await Promise.all([once(socket, "connect"), once(socket, "hello")]);
  return socket;
}

const page = (url) => io(`${url}/admin`, { forceNew: true, reconnection: false, transports: ["websocket"] });

// What API Gateway adds to a request, and takes of it. Of the URL of a WebSocket it passes on the query alone.
const byGateway = ["x-forwarded-for", "x-forwarded-port", "x-forwarded-proto", "connection", "upgrade"];

/** rows are the SerializedSockets that a page gets, as far as they do not depend on the moment. */
async function rows(url) {
  const ada = await client(url, "websocket");
  const custom = await client(url, "websocket", "/custom", ada.io);
  const bob = await client(url, "polling");
  await ada.emitWithAck("join", "r1");
  await bob.emitWithAck("join", "r2");
  await bob.emitWithAck("set-data", { n: [1, { deep: true }] });
  const names = new Map([[ada.id, "ada"], [custom.id, "custom"], [bob.id, "bob"]]);
  const admin = page(url);
  const [all] = await once(admin, "all_sockets");
  const clientIds = new Map();
  const mine = all.filter(({ id }) => names.has(id)).sort((a, b) => names.get(a.id).localeCompare(names.get(b.id)));
  const seen = mine.map((row) => {
    const { handshake } = row;
    if (typeof row.clientId !== "string" || row.clientId.length !== 12) throw new Error(`clientId ${row.clientId}`);
    if (!clientIds.has(row.clientId)) clientIds.set(row.clientId, `client ${clientIds.size}`);
    const late = Math.abs(Date.now() - handshake.issued);
    if (late > 60_000 || Math.abs(new Date(handshake.time) - handshake.issued) > 1100) throw new Error(`${handshake.issued} ${handshake.time}`);
    if (!/^\w{3} \w{3} \d\d \d{4} \d\d:\d\d:\d\d GMT[+-]\d{4} \(.+\)$/.test(handshake.time)) throw new Error(handshake.time);
    const { "sec-websocket-key": key, host, ...headers } = handshake.headers;
    for (const name of byGateway) delete headers[name];
    return {
      ...row, id: names.get(row.id), clientId: clientIds.get(row.clientId), rooms: row.rooms.map((room) => names.get(room) ?? room),
      handshake: {
        ...handshake, issued: "number", time: "text", url: row.transport === "polling" ? handshake.url.replace(/([?&]t)=[^&]*/, "$1=T") : "a query",
        query: { ...handshake.query, ...(handshake.query.t && { t: "T" }) }, headers: { ...headers, host: typeof host, key: typeof key },
      },
    };
  });
  for (const socket of [ada, bob, admin]) socket.disconnect();
  return { keys: Object.keys(mine[0]), handshake: Object.keys(mine[0].handshake), seen };
}

/** numbers are the last server_stats after some traffic, and the aggregated events of it, without the page's own. */
async function numbers(url) {
  const admin = page(url);
  const all = [];
  admin.on("server_stats", (stats) => all.push(stats));
  await once(admin, "server_stats");
  await once(admin, "server_stats"); // what there was before is told by now
  const from = all.length;
  const ada = await client(url, "websocket");
  const bob = await client(url, "polling");
  for (const socket of [ada, bob]) {
    await socket.emitWithAck("echo", "text", { n: 1 }, "ü");
    await socket.emitWithAck("join", "r1");
  }
  await bob.emitWithAck("echo", Buffer.from("three bytes"));
  await ada.emitWithAck("broadcast", "news", "rain");
  await once(admin, "server_stats");
  await once(admin, "server_stats");
  const { uptime, aggregatedEvents, ...stats } = all.at(-1);
  const keys = Object.keys(all.at(-1));
  if (typeof uptime !== "number" || typeof stats.pid !== "number" || typeof stats.hostname !== "string") throw new Error(JSON.stringify(stats));
  const gone = once(ada, "peer-left");
  bob.disconnect();
  await gone;
  ada.disconnect();
  await once(admin, "server_stats");
  await once(admin, "server_stats");
  const events = {};
  for (const { aggregatedEvents } of all.slice(from)) {
    for (const { timestamp, type, subType, count, ...more } of aggregatedEvents) {
      if (timestamp % 1000 !== 0 || Math.abs(Date.now() - timestamp) > 60_000 || Object.keys(more).length > 0) throw new Error(JSON.stringify([timestamp, more]));
      const key = subType === undefined ? type : `${type} ${subType}`;
      events[key] = (events[key] ?? 0) + count;
    }
  }
  for (const own of all.slice(from - 1, -1)) { // the packets of one server_stats are told with the next
    events.packetsOut--;
    events.bytesOut -= Buffer.byteLength(`2/admin,${JSON.stringify(["server_stats", own])}`);
  }
  admin.disconnect();
  stats.namespaces.sort((a, b) => a.name.localeCompare(b.name));
  return { keys, stats: { ...stats, hostname: "text", pid: "number" }, events };
}

let failed = 0;
for (const [mode, what] of [["development", rows], ["production", numbers]]) {
  const node = await reference(mode);
  try {
    const [expected, seen] = await Promise.all([what(node.url), what(urls[mode])]); // both at once, for they wait for ticks
    deepStrictEqual(seen, expected);
    console.log(`ok  ${mode}\n${JSON.stringify(expected, null, 1)}`);
  } catch (error) {
    failed++;
    console.log(`FAILED  ${mode}: ${error.message}`);
  } finally {
    node.stop();
  }
}
process.exit(failed > 0 ? 1 : 0);
