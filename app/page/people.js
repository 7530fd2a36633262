// Who there is, as far as this page has heard. People are {id, nickname, tag}: the id changes with each connection, the
// tag is the same for who comes back, and differs between people of one nickname.

import { isLater } from "./order.js";

const latest = new Map(); // tag -> {person, stamp}
const tags = new Map(); // nickname as it looks -> tags

// Notes a person. Returns whether somebody else of that nickname was known, and nobody more.
export function meet(person, stamp = { time: 0, seq: 0 }) {
  const known = latest.get(person.tag);
  if (!known || isLater(stamp, known.stamp)) latest.set(person.tag, { person, stamp });
  const same = tags.get(look(person.nickname)) ?? new Set();
  tags.set(look(person.nickname), same);
  const before = same.size;
  same.add(person.tag);
  return before === 1 && same.size === 2;
}

// The person as they were last heard of: what is written to an old id reaches nobody.
export const present = (person) => latest.get(person.tag)?.person ?? person;

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
