// Transcripts of all scenarios, and what differs between two of them.

import { Recorder } from "./recorder.mjs";
import { allowed } from "./allowed.mjs";
import { scenarios as acks } from "./scenarios/acks.mjs";
import { scenarios as clients } from "./scenarios/clients.mjs";
import { scenarios as http } from "./scenarios/http.mjs";
import { scenarios as others } from "./scenarios/others.mjs";
import { scenarios as parsers } from "./scenarios/parsers.mjs";
import { scenarios as websocket } from "./scenarios/websocket.mjs";

export const scenarios = { ...acks, ...clients, ...others, ...parsers, ...http, ...websocket };

/** ofClients are the scenarios of stock clients, which run with any parser. */
export const ofClients = Object.keys({ ...acks, ...clients, ...others, ...parsers });

/** transcribe runs the scenarios one after the other against a server: name -> lines. */
export async function transcribe(url, names = Object.keys(scenarios)) {
  const transcripts = {};
  for (const name of names) {
    const recorder = new Recorder(url);
    try {
      await scenarios[name](recorder);
    } catch (error) {
      recorder.saw("scenario", "broke off", error.message);
    }
    await recorder.end();
    transcripts[name] = recorder.transcript();
  }
  return transcripts;
}

/** compare tells by scenario which lines differ, and which of these are allowed and why. */
export function compare(reference, target) {
  return Object.keys(reference).map((name) => {
    const rules = allowed.filter((rule) => rule.scenario === name);
    const lines = diff(reference[name], target[name]).map(({ side, line }) => {
      const rule = rules.find((each) => each[side]?.test(line));
      return { side, line, reason: rule?.reason };
    });
    return { name, lines, passed: lines.every(({ side, reason }) => side === "both" || reason) };
  });
}

/** diff is the longest common subsequence of two lists of lines, and what is beside it. */
function diff(a, b) {
  const longest = Array.from({ length: a.length + 1 }, () => new Array(b.length + 1).fill(0));
  for (let i = a.length - 1; i >= 0; i--) {
    for (let j = b.length - 1; j >= 0; j--) {
      longest[i][j] = a[i] === b[j] ? longest[i + 1][j + 1] + 1 : Math.max(longest[i + 1][j], longest[i][j + 1]);
    }
  }
  const out = [];
  for (let i = 0, j = 0; i < a.length || j < b.length; ) {
    if (i < a.length && j < b.length && a[i] === b[j]) {
      out.push({ side: "both", line: a[i++] });
      j++;
    } else if (j >= b.length || (i < a.length && longest[i + 1][j] >= longest[i][j + 1])) {
      out.push({ side: "reference", line: a[i++] });
    } else {
      out.push({ side: "target", line: b[j++] });
    }
  }
  return out;
}
