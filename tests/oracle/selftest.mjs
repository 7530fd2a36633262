// Proves that the oracle can pass and can fail: a second reference server must be found equal, and a reference server with
// a deliberate mistake must not. Needs no server.
//
//   node tests/oracle/selftest.mjs

import { faults } from "../reference/app.mjs";
import { startReference } from "../reference/start.mjs";
import { compare, transcribe } from "./compare.mjs";

async function transcript(...options) {
  const server = await startReference("--suite", "client", ...options);
  try {
    return await transcribe(server.url);
  } finally {
    await server.stop();
  }
}

const expected = await transcript();
let passed = 0;
let failed = 0;
async function check(what, wanted, ...options) {
  const differing = compare(expected, await transcript(...options)).filter((result) => !result.passed);
  const right = (differing.length === 0) === (wanted === "equal");
  right ? passed++ : failed++;
  const found = differing.length === 0 ? "equal" : `differs in ${differing.map(({ name }) => name).join(", ")}`;
  console.log(`${right ? "ok" : "FAILED"}  ${what}: ${found}`);
}

await check("a second reference", "equal");
await check("a gateway without binary frames, which is allowed", "equal", "--no-binary-frames");
for (const [name, mistake] of Object.entries(faults)) await check(`${name} (${mistake})`, "different", "--break", name);
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed > 0 ? 1 : 0);
