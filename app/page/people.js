// Who there is, as far as this page has heard. People are {id, nickname, tag}: the id changes with each connection, the
// tag is the same for who comes back, and differs between people of one nickname.

import { isLater } from "./order.js";

const AWAY = 5_000; // ms that somebody is given to come back

const known = new Map(); // tag -> id -> {person, stamp}
const tags = new Map(); // nickname as it looks -> tags

// Notes a person. Returns whether somebody else of that nickname was known, and nobody more.
export function meet(person, stamp = { time: 0, seq: 0 }) {
  const ids = known.get(person.tag) ?? new Map();
  known.set(person.tag, ids);
  if (!ids.has(person.id) || isLater(stamp, ids.get(person.id).stamp)) ids.set(person.id, { person, stamp });
  const same = tags.get(look(person.nickname)) ?? new Set();
  tags.set(look(person.nickname), same);
  const before = same.size;
  same.add(person.tag);
  return before === 1 && same.size === 2;
}

// The person as they were last heard of: what is written to an old id reaches nobody.
export function present(person) {
  const ids = [...(known.get(person.tag)?.values() ?? [])];
  return ids.reduce((a, b) => (a && isLater(a.stamp, b.stamp) ? a : b), undefined)?.person ?? person;
}

// Forgets an id that is not there any more. Resolves to whether the person is there under another, or comes back before
// long.
export async function isElsewhere({ id, tag }) {
  known.get(tag)?.delete(id);
  for (const end = performance.now() + AWAY; !known.get(tag)?.size; await new Promise((done) => setTimeout(done, 100))) {
    if (performance.now() > end) return false;
  }
  return true;
}

// What has to stand beside a nickname, "" where there is only one person of that nickname.
export function mark({ nickname, tag }) {
  const same = tags.get(look(nickname));
  if (!(same?.size > 1)) return "";
  let length = 4; // more where somebody has made a tag that begins alike
  while (length < tag.length && [...same].some((other) => other !== tag && other.startsWith(tag.slice(0, length)))) length += 4;
  return `·${tag.slice(0, length)}`;
}

// "ADA" and "ada" are easily taken for each other.
const look = (nickname) => nickname.normalize("NFKC").toLowerCase();
