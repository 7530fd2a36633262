// Packets as Node's two parsers write them, for a comparison with Doze's: node tests/kit/reference/packets.mjs COUNT SEED
//
// Each line is one packet: {text, attachments, msgpack, browser, same}. Text is what socket.io-parser sends; attachments
// and msgpack, what socket.io-msgpack-parser sends, are base64; browser is what it sends from a page, where binary is an
// ArrayBuffer and the code another. Same says that JSON has a form for all its values, so that
// the packet that was read from the text has to be written as that msgpack.

import { createRequire } from "node:module";
import msgpack from "socket.io-msgpack-parser";
import { Encoder } from "socket.io-parser";

const [count, seed] = process.argv.slice(2).map(Number);
let state = seed >>> 0;
/** random returns a number below n: mulberry32. */
function random(n) {
  state = (state + 0x6d2b79f5) | 0;
  let t = Math.imul(state ^ (state >>> 15), 1 | state);
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
  return ((t ^ (t >>> 14)) >>> 0) % n;
}
const pick = (list) => list[random(list.length)];
const times = (n, each) => Array.from({ length: n }, (_, i) => each(i));

const letters = ["a", "Z", " ", "\"", "\\", "/", "\n", "\u0000", "\u001e", "\u007f", "ü", "日", "\u2028", "\ufffd", "🙂", "_placeholder", "num"];
const text = () => times(pick([0, 1, 3, 8, 31, 32, 33, 255, 256, 257]), () => pick(letters)).join("");
const number = () => pick([
  () => random(300) - 150, () => random(2 ** 32), () => -random(2 ** 32), () => 2 ** random(53), () => -(2 ** random(53)), () => 2 ** random(53) - 1,
  () => random(1e9) / 1e3, () => random(1e9) * 1e-12, () => -random(1e9) / 7,
])();
const bytes = () => Buffer.from(times(pick([0, 1, 3, 255, 256]), () => random(256)));
// What JSON has no form for. NaN and the infinities become null, dates their text, undefined nothing.
const odd = () => pick([() => new Date(random(2 ** 32) * (random(2) ? 1000 : -1000)), () => undefined, () => NaN, () => Infinity, () => -Infinity])();

function value(depth, odds) {
  const kind = random(depth > 0 ? 10 : 7);
  if (odds && random(8) === 0) return odd();
  switch (kind) {
    case 0: return null;
    case 1: return random(2) === 0;
    case 2: case 3: return number();
    case 4: case 5: return text();
    case 6: return budget-- > 0 ? bytes() : "no more binary";
    case 7: case 8: return times(pick([0, 1, 2, 15, 16, 17]), () => value(depth - 1, odds));
    default: return Object.fromEntries(times(pick([0, 1, 2, 15, 16, 17]), (i) => [`k${i}${random(3) ? "" : [...text()].slice(0, 3).join("")}`, value(depth - 1, odds)]));
  }
}

let budget; // of a packet's attachments
const payload = (odds) => Object.fromEntries(times(random(4), (i) => [`k${i}`, value(2, odds)]));
function packet(odds) {
  budget = random(11);
  const nsp = pick(["/", "/admin", "/a/b", "/ü"]);
  const id = pick([0, 1, 127, 128, 4294967296, 9007199254740991]);
  switch (random(6)) {
    case 0: budget = 0; return random(2) ? { type: 0, nsp, data: payload(odds) } : { type: 0, nsp };
    case 1: return { type: 1, nsp };
    case 2: return { type: 3, nsp, data: times(random(4), () => value(3, odds)), id };
    case 3: budget = 0; return { type: 4, nsp, data: random(2) ? payload(odds) : text() };
    default: {
      const data = [pick(["e", "message", "ü", "", 7, 1.5]), ...times(random(4), () => value(3, odds))];
      return random(2) ? { type: 2, nsp, data, id } : { type: 2, nsp, data };
    }
  }
}

const inBrowser = createRequire(import.meta.url)("notepack.io/browser/encode.js");
/** asInBrowser has an ArrayBuffer for each Buffer of a value. */
function asInBrowser(v) {
  if (Buffer.isBuffer(v)) return new Uint8Array(v).buffer;
  if (Array.isArray(v)) return v.map(asInBrowser);
  if (v === null || typeof v !== "object" || v instanceof Date) return v;
  return Object.fromEntries(Object.entries(v).map(([key, each]) => [key, asInBrowser(each)]));
}

const encoder = new Encoder();
for (let i = 0; i < count; i++) {
  const odds = random(2) === 0;
  const p = packet(odds);
  const [binary] = new msgpack.Encoder().encode(p);
  const [head, ...attachments] = encoder.encode({ ...p });
  console.log(JSON.stringify({
    text: head, attachments: attachments.map((a) => Buffer.from(a).toString("base64")), msgpack: binary.toString("base64"),
    browser: Buffer.from(inBrowser(asInBrowser(p))).toString("base64"), same: !odds,
  }));
}
