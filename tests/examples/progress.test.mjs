// Stock clients of examples/progress watch jobs of another program: the one at CHECKSUM, as somebody runs it on a laptop,
// and the same as a Lambda function, which a POST to INVOKE invokes.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";
import { after, test } from "node:test";
import { promisify } from "node:util";
import { client, of, record, request, transports, unique, until, url } from "../asnode/client/support.mjs";

const run = promisify(execFile);
const start = (job, place) => run(process.env.CHECKSUM, ["-job", job, place], { env: { ...process.env, DOZE_QUEUE: `${url}/_queue` } });
const ways = {
  "a program": start,
  "a function": async (job, place) => {
    const answer = await fetch(process.env.INVOKE, { method: "POST", body: JSON.stringify({ job, url: place }) });
    assert.equal(answer.status, 200, await answer.text());
  },
};

// A file of which the second half comes when somebody has asked for it.
const half = Buffer.alloc(100_000, "doze");
const sum = createHash("sha256").update(half).update(half).digest("hex");
const files = createServer((request, response) => {
  if (request.url === "/missing") return void response.writeHead(404).end();
  response.writeHead(200, { "content-length": 2 * half.length });
  response.write(half);
  release.set(request.url.slice(1), () => response.end(half));
});
const release = new Map();
files.listen(0, "127.0.0.1");
await once(files, "listening");
const file = (name) => `http://127.0.0.1:${files.address().port}/${name}`;
after(() => files.close());

async function watch(job, options) {
  const socket = record(client(options));
  assert.deepEqual(await request(socket, "watch", job), []);
  return socket;
}
const reported = (socket, found) => until(socket, ([event, report]) => event === "progress" && found(report));

for (const [way, begin] of Object.entries(ways)) {
  test(`${way} reports how far it is, and its result`, async () => {
    const job = unique("job");
    const [one, two, other] = [await watch(job, transports.websocket), await watch(job, transports.polling), await watch(unique("job"), {})];
    const ends = begin(job, file(job));
    for (const socket of [one, two]) await reported(socket, (report) => report.done === half.length && report.total === 2 * half.length);
    release.get(job)();
    const ended = await ends;
    if (way === "a program") assert.equal(ended.stdout, `${sum}  ${file(job)}\n`);
    const done = (report) => report.state === "done";
    for (const socket of [one, two]) {
      await reported(socket, done);
      const reports = of(socket, "progress").map(([report]) => report).sort((a, b) => a.at - b.at);
      const { at, ...last } = reports.at(-1);
      assert.deepEqual(last, { job, state: "done", done: 2 * half.length, total: 2 * half.length, result: sum });
      assert.ok(reports.every((report) => report.job === job && (done(report) || report.state === "running")));
      assert.ok(reports.every((report, i) => i === 0 || report.done >= reports[i - 1].done), "it went back");
    }
    const late = await watch(job, {}); // who was reconnecting when it ended: the last report comes again
    await reported(late, (report) => done(report) && report.result === sum);
    assert.deepEqual(of(other, "progress"), []);
  });

  test(`${way} reports that it has failed`, async () => {
    const job = unique("job");
    const socket = await watch(job, {});
    const ends = begin(job, file("missing")).then(() => "", (error) => error.stderr);
    await reported(socket, (report) => report.state === "failed" && report.error === "the file could not be read");
    assert.match(await ends, way === "a program" ? /404/ : /^$/); // the program says why to whoever has started it
  });
}

test("a program that is interrupted reports that, too", async () => {
  const job = unique("job");
  const socket = await watch(job, {});
  const ends = start(job, file(job));
  await reported(socket, (report) => report.done === half.length);
  ends.child.kill("SIGINT");
  await assert.rejects(ends, { code: 1 });
  await reported(socket, (report) => report.state === "failed" && report.error === "the job was ended early");
  release.get(job)();
});

test("what cannot be the name of a job is refused", async () => {
  const socket = client();
  const [ack] = await request(socket, "watch", "../secret");
  assert.match(ack.error, /^A job's name/);
});
