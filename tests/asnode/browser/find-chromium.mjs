// Which Chromium to drive, and how to start it.
//
//   node tests/asnode/browser/find-chromium.mjs    starts it once and prints what it is

import { spawnSync } from "node:child_process";
import { accessSync, constants, existsSync } from "node:fs";
import { mkdir, mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { delimiter, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";

const flags = [
  "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
  "--disable-component-update", "--disable-sync",
];

/** launch starts Chromium without a window and with a fresh profile, and with more flags, if any. */
export async function launch(...more) {
  const { path, env } = await find();
  try {
    return await chromium.launch({ executablePath: path, args: [...flags, ...more], env: { ...process.env, ...env }, timeout: 30_000 });
  } catch (error) {
    throw new Error(`${path} does not start: ${error.message}\n${missing(path, env)}Install one with "apt-get install -y chromium", or name one in CHROMIUM.`);
  }
}

/**
 * find resolves to the path of an executable and what it needs in its environment: the one named in CHROMIUM, else one
 * that is installed, else the one that the npm package ships. CHROMIUM=shipped asks for the latter.
 */
export async function find() {
  const named = process.env.CHROMIUM;
  if (named === "shipped") return shipped();
  if (named) {
    if (!executable(named)) throw new Error(`CHROMIUM=${named}: no such executable`);
    return { path: named, env: {} };
  }
  const folders = ["/usr/bin", ...(process.env.PATH ?? "").split(delimiter)];
  for (const name of ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"]) {
    const folder = folders.find((each) => each && executable(join(each, name)));
    if (folder) return { path: join(folder, name), env: {} };
  }
  return shipped();
}

/**
 * shipped unpacks the Chromium of @sparticuz/chromium, with its shared libraries and fonts, into node_modules/.cache,
 * once. The package would put it into the temporary folder under a fixed name, which two processes at a time break.
 */
async function shipped() {
  const require = createRequire(import.meta.url);
  const root = join(dirname(require.resolve("@sparticuz/chromium")), "..");
  const { version } = require(join(root, "package.json"));
  const folder = fileURLToPath(new URL(`../../node_modules/.cache/chromium-${version}`, import.meta.url));
  if (!existsSync(folder)) {
    const { inflate } = await import("@sparticuz/chromium");
    await mkdir(dirname(folder), { recursive: true });
    const fresh = await mkdtemp(`${folder}-`);
    const before = process.env.TMPDIR;
    process.env.TMPDIR = fresh; // where inflate puts things
    try {
      await Promise.all(["chromium.br", "fonts.tar.br", "swiftshader.tar.br", "al2023.tar.br"].map((name) => inflate(join(root, "bin", name))));
    } finally {
      if (before === undefined) delete process.env.TMPDIR;
      else process.env.TMPDIR = before;
    }
    await writeFile(join(fresh, "fonts.conf"), fontsConf(folder));
    // Whoever comes second finds the folder there and lets go of its own.
    await rename(fresh, folder).catch(() => rm(fresh, { recursive: true }));
  }
  const libraries = [join(folder, "al2023", "lib"), process.env.LD_LIBRARY_PATH].filter(Boolean).join(delimiter);
  return { path: join(folder, "chromium"), env: { LD_LIBRARY_PATH: libraries, FONTCONFIG_FILE: join(folder, "fonts.conf") } };
}

const fontsConf = (folder) => `<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig>
  <dir>${folder}/fonts</dir>
  <dir>/usr/share/fonts</dir>
  <cachedir>${folder}/fonts-cache</cachedir>
</fontconfig>
`;

function executable(path) {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** missing names the shared libraries that the machine lacks. */
function missing(path, env) {
  const { stdout } = spawnSync("ldd", [path], { env: { ...process.env, ...env }, encoding: "utf8" });
  const names = [...(stdout ?? "").matchAll(/^\s*(\S+) => not found/gm)].map(([, name]) => name);
  return names.length > 0 ? `It lacks ${names.join(", ")}. ` : "";
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const browser = await launch();
  console.log(`${(await find()).path}: Chromium ${browser.version()}`);
  await browser.close();
}
