// The same scenarios against Node's socket.io and against another server: what the clients see must be the same.
//
//   node tests/asnode/oracle/run.mjs --url http://127.0.0.1:PORT [--only SCENARIO] [--print]
//
// With PARSER=msgpack the stock clients and the reference have that parser, and the scenarios of clients.mjs and
// parsers.mjs alone are run: in the others, packets are text.
//
// The other server runs the test app (../../kit/reference/app.mjs). Its address may also stand in DOZE_URL. Exits with 1 when a
// transcript differs by more than allowed.mjs says; --print shows what the clients of the reference saw.

import { parseArgs } from "node:util";
import { startReference } from "../../kit/reference/start.mjs";
import { compare, ofClients, scenarios, transcribe } from "./compare.mjs";

const { values: flags } = parseArgs({
  options: { url: { type: "string" }, only: { type: "string", multiple: true }, print: { type: "boolean", default: false } },
});
const url = flags.url ?? process.env.DOZE_URL;
if (!url) throw new Error("give the address of the server under test: --url http://127.0.0.1:PORT, or DOZE_URL");
for (const name of flags.only ?? []) {
  if (!scenarios[name]) throw new Error(`--only ${name}: there is no such scenario; there are: ${Object.keys(scenarios).join(", ")}`);
}

const reference = await startReference("--suite", "client", ...(process.env.PARSER === "msgpack" ? ["--msgpack"] : []));
let results;
try {
  // Both at once, for most of a scenario is waiting; scenario after scenario, for they would only make each other slower.
  const names = flags.only ?? (process.env.PARSER === "msgpack" ? ofClients : undefined);
  const [expected, seen] = await Promise.all([transcribe(reference.url, names), transcribe(url, names)]);
  if (flags.print) for (const [name, lines] of Object.entries(expected)) console.log([`# ${name}`, ...lines].join("\n"));
  results = compare(expected, seen);
} finally {
  await reference.stop();
}

const marks = { both: " ", reference: "-", target: "+" };
for (const { name, lines, passed } of results) {
  const reasons = new Set(lines.map(({ reason }) => reason).filter(Boolean));
  console.log(`${passed ? "ok" : "FAILED"}  ${name}`);
  for (const reason of reasons) console.log(`    differs, as it should: ${reason}`);
  if (!passed) for (const { side, line, reason } of lines) console.log(`    ${reason ? "~" : marks[side]} ${line}`);
}
const failed = results.filter(({ passed }) => !passed).length;
if (failed > 0) console.log("- only the reference, + only the server under test, ~ allowed");
console.log(`${results.length - failed} passed, ${failed} failed`);
process.exit(failed > 0 ? 1 : 0);
