// Proves that the oracle can pass and can fail: a second reference server must be found equal, and a reference server with
// a deliberate mistake must not. Needs no server.
//
//   node tests/asnode/oracle/selftest.mjs

import { faults } from "../../kit/reference/app.mjs";
import { startReference } from "../../kit/reference/start.mjs";
import { compare, scenarios, transcribe } from "./compare.mjs";

async function withReference(options, f) {
  const server = await startReference("--suite", "client", ...options);
  try {
    return await f(server.url);
  } finally {
    await server.stop();
  }
}

// What is right, a promise for each scenario: they run one after the other, and meanwhile what has run is compared.
const reference = await startReference("--suite", "client");
const expected = {};
let last = Promise.resolve();
for (const name of Object.keys(scenarios)) {
  expected[name] = last = last.then(() => transcribe(reference.url, [name])).then((seen) => seen[name]);
}

/** differing finds the scenarios in which a reference with these options differs: all of them, or the first. */
async function differing(options, all) {
  return withReference(options, async (url) => {
    const found = [];
    for (const name of Object.keys(expected)) {
      const [{ passed }] = compare({ [name]: await expected[name] }, await transcribe(url, [name]));
      if (!passed) found.push(name);
      if (!passed && !all) break;
    }
    return found;
  });
}

async function check(what, wanted, ...options) {
  const found = await differing(options, wanted === "equal");
  const right = (found.length === 0) === (wanted === "equal");
  return { right, line: `${right ? "ok" : "FAILED"}  ${what}: ${found.length === 0 ? "equal" : `differs in ${found.join(", ")}`}` };
}

const checks = [
  ["a second reference", "equal"],
  ["a gateway without binary frames, which is allowed", "equal", "--no-binary-frames"],
  ...Object.entries(faults).map(([name, mistake]) => [`${name} (${mistake})`, "different", "--break", name]),
];
// Some at a time: each has a server of its own, and most of its time waits for what a mistake has taken away.
const atOnce = 8;
const results = [];
const queue = checks.entries(); // shared
await Promise.all(Array.from({ length: atOnce }, async () => {
  for (const [i, one] of queue) results[i] = await check(...one);
}));
await last;
await reference.stop();
for (const { line } of results) console.log(line);
const failed = results.filter(({ right }) => !right).length;
console.log(`${results.length - failed} passed, ${failed} failed`);
process.exit(failed > 0 ? 1 : 0);
