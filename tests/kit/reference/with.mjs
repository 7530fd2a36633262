// Runs a command against a reference server that lives as long as the command:
//
//   node tests/kit/reference/with.mjs [server options] -- command [args]
//
// The command finds the address in DOZE_URL, and in BINARY_FRAMES whether binary frames are allowed (1 or 0).

import { spawn } from "node:child_process";
import { once } from "node:events";
import { startReference } from "./start.mjs";

const args = process.argv.slice(2);
const split = args.indexOf("--");
if (split < 0 || split === args.length - 1) throw new Error("usage: with.mjs [server options] -- command [args]");
const options = args.slice(0, split);
const [command, ...rest] = args.slice(split + 1);

for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => process.exit(1));
const server = await startReference(...options);
try {
  const env = { ...process.env, DOZE_URL: server.url, BINARY_FRAMES: options.includes("--no-binary-frames") ? "0" : "1" };
  const [code] = await once(spawn(command, rest, { stdio: "inherit", env }), "exit");
  process.exitCode = code ?? 1;
} finally {
  await server.stop();
}
