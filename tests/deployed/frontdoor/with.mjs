// Runs a command behind the front door of the template, which lives as long as the command:
//
//   node tests/deployed/frontdoor/with.mjs --code FILE --gateway http://127.0.0.1:PORT [--port N] -- command [args]
//
// The front door stands where CloudFront does: FILE is the code of its function, and the local gateway's two APIs are its
// two origins. What the function sends to the wrong one fails, as on AWS: the HTTP API upgrades nothing, and the WebSocket
// API answers nothing else. The command finds the address in DOZE_URL.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import http from "node:http";
import { parseArgs } from "node:util";
import { eventOf, load } from "./function.mjs";

const split = process.argv.indexOf("--");
const { values: options } = parseArgs({ args: process.argv.slice(2, split), options: { code: { type: "string" }, gateway: { type: "string" }, port: { type: "string", default: "0" } } });
const [command, ...rest] = process.argv.slice(split + 1);
const decide = await load(await readFile(options.code, "utf8"));
const gateway = new URL(options.gateway);
const stage = "/local"; // OriginPath
const counts = { http: 0, websocket: 0 };

/** forwarded returns the options of the request to the origin that the function chooses. */
function forwarded(request) {
  const { method, url, headers } = request;
  const decision = decide(eventOf({ method, url, headers }));
  const origin = decision.origin ?? "http";
  counts[origin]++;
  const query = url.includes("?") ? url.slice(url.indexOf("?")) : "";
  const path = (origin === "websocket" ? stage : "") + decision.request.uri + query;
  const { host, ...others } = headers; // AllViewerExceptHostHeader
  return { origin, host: gateway.hostname, port: gateway.port, method, path, headers: others };
}

const server = http.createServer((request, response) => {
  const onward = http.request(forwarded(request), (answer) => {
    response.writeHead(answer.statusCode, answer.headers);
    answer.pipe(response);
  });
  onward.on("error", () => response.destroy());
  response.on("close", () => onward.destroy());
  request.pipe(onward);
});

server.on("upgrade", (request, socket, head) => {
  const to = forwarded(request);
  socket.on("error", () => socket.destroy());
  if (to.origin !== "websocket") return socket.end("HTTP/1.1 400 Bad Request\r\n\r\n");
  const onward = http.request(to);
  onward.on("upgrade", (answer, far, farHead) => {
    far.on("error", () => far.destroy());
    const lines = answer.rawHeaders.reduce((text, value, i) => text + value + (i % 2 ? "\r\n" : ": "), "");
    socket.write(`HTTP/1.1 101 Switching Protocols\r\n${lines}\r\n`);
    if (farHead.length) socket.write(farHead);
    if (head.length) far.write(head);
    far.on("close", () => socket.destroy());
    socket.on("close", () => far.destroy());
    far.pipe(socket).pipe(far);
  });
  onward.on("response", (answer) => {
    socket.write(`HTTP/1.1 ${answer.statusCode} ${answer.statusMessage}\r\nConnection: close\r\n\r\n`);
    answer.pipe(socket);
  });
  onward.on("error", () => socket.destroy());
  onward.end();
});

await once(server.listen(Number(options.port), "127.0.0.1"), "listening");
const env = { ...process.env, DOZE_URL: `http://127.0.0.1:${server.address().port}` };
const [code] = await once(spawn(command, rest, { stdio: "inherit", env }), "exit");
console.log(`through the front door: ${counts.http} requests to the HTTP API, ${counts.websocket} to the WebSocket API`);
process.exit(code ?? 1);
