import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

/**
 * startReference runs server.mjs with the given arguments on a free port and resolves to its address and a function that
 * ends it. What the server says to stderr goes to ours.
 */
export async function startReference(...args) {
  const script = fileURLToPath(new URL("server.mjs", import.meta.url));
  const child = spawn(process.execPath, [script, ...args], { stdio: ["ignore", "pipe", "inherit"] });
  const exited = once(child, "exit");
  const orphan = () => child.kill();
  process.once("exit", orphan);
  const lines = createInterface({ input: child.stdout });
  const first = await Promise.race([once(lines, "line"), exited.then(([code]) => Promise.reject(new Error(`the reference server ended with ${code}`)))]);
  const port = /^listening (\d+)$/.exec(first[0])?.[1];
  if (!port) throw new Error(`the reference server said ${JSON.stringify(first[0])}`);
  return {
    url: `http://127.0.0.1:${port}`,
    async stop() {
      process.off("exit", orphan);
      child.kill("SIGTERM");
      await exited;
    },
  };
}
