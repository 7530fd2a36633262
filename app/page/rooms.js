// Rooms: the list of them, joining and leaving, and who is in them.

import { ask, online } from "./asking.js";
import {
  addNotice, close, conversations, isHereTwice, me, membersOf, notePeople, notePerson, onShow, openRoom, rooms, select, showLists, updatePeer,
} from "./conversations.js";
import { remark } from "./connection.js";
import { LIMITS, characters } from "./limits.js";
import { noteTime } from "./order.js";
import { openDrawer } from "./panels.js";
import * as people from "./people.js";
import { showTypingOf, stopTyping } from "./typing.js";
import * as view from "./view.js";
import { part, roomKey } from "./view.js";

const ROOMS_INTERVAL = 30_000; // ms between two looks at the list of rooms
const ROOMS_AGE = 5_000; // ms that the counts in the list may be old, and more

// ---- the list

let roomsTimer;

// The list is asked for, and only while somebody can see it; a new room is told to everybody. The list may be some
// seconds old: what notices have said since goes first.
const counted = new Map(); // room -> when a notice or an ack counted its members

export async function refreshRooms(next = ROOMS_INTERVAL) {
  clearTimeout(roomsTimer);
  if (!online() || document.hidden) return;
  roomsTimer = setTimeout(refreshRooms, next);
  const list = await ask("rooms").catch(() => null); // a stale list is no reason to alarm anybody
  if (!list) return;
  const before = new Map(rooms);
  rooms.clear();
  for (const { name, members } of list) rooms.set(name, members);
  for (const [room, at] of counted) {
    if (performance.now() - at > ROOMS_AGE) counted.delete(room);
    else if (before.has(room)) rooms.set(room, before.get(room));
  }
  for (const conversation of conversations.values()) compare(conversation, before);
  showLists();
}

// A room's people are looked at again when the list of rooms has counted others: who goes while we come may be missed.
function compare(conversation, before) {
  const { room, complete, outside } = conversation;
  if (!room || outside) return;
  if (!rooms.has(room)) rooms.set(room, before.get(room) ?? 1);
  else if (complete && !counted.has(room) && rooms.get(room) !== membersOf(conversation)) look(conversation);
}

const look = (conversation) => ask("join", conversation.room).then((receipt) => noteReceipt(conversation, receipt), () => {});

export function countMembers(room, members) {
  rooms.set(room, members);
  counted.set(room, performance.now());
  showLists();
}

function noteReceipt(conversation, receipt) {
  noteTime(receipt);
  for (const person of receipt.people) meet(person, receipt);
  notePeople(conversation, receipt);
  countMembers(conversation.room, conversation.complete ? membersOf(conversation) : receipt.members);
}

// Notes somebody whom the server has named, wherever they show.
export function meet(person, stamp) {
  if (people.meet(person, stamp)) {
    view.tellApart();
    view.showMe(me);
    if (onShow()) view.showHeading(onShow());
    showLists();
  }
  updatePeer(person);
}

// ---- joining and leaving

const joining = new Set(); // rooms whose join has no answer yet

export async function join(room) {
  part("room-error").textContent = "";
  const known = conversations.get(roomKey(room));
  if (known && !known.outside) return select(known);
  if (characters(room) > LIMITS.room) return refuse(`A room's name has at most ${LIMITS.room} characters.`);
  joining.add(room);
  try {
    const receipt = await ask("join", room);
    const conversation = openRoom(receipt.room ?? room);
    conversation.outside = false;
    addNotice(conversation, "you joined", undefined, receipt);
    noteReceipt(conversation, receipt);
    select(conversation);
  } catch (error) {
    refuse(`Could not join: ${error.message}`);
  } finally {
    joining.delete(room);
  }
}

function refuse(text) {
  part("room-error").textContent = text;
  openDrawer();
}

export async function leave(conversation) {
  if (conversation.peer || conversation.outside) return close(conversation);
  stopTyping();
  try {
    await ask("leave", conversation.room);
    counted.delete(conversation.room);
    close(conversation);
    refreshRooms(ROOMS_AGE); // the list may still count us
  } catch (error) {
    addNotice(conversation, `could not leave: ${error.message}`);
  }
}

// The conversation that a server event is about. News of a room may overtake the
// answer to our join; news of a room that we have left has nowhere to go.
export function about(room) {
  return joining.has(room) ? openRoom(room, { outside: true }) : conversations.get(roomKey(room));
}

// ---- who is there

export const personOf = ({ id, nickname, tag }) => ({ id, nickname, tag });

export function noteMember(conversation, event, verb, change) {
  const person = personOf(event);
  if (change < 0) showTypingOf(conversation, person, false, event);
  if (!notePerson(conversation, person, change > 0, event)) return;
  if (!isHereTwice(conversation, person)) addNotice(conversation, verb, person, event);
  const { room, complete } = conversation;
  countMembers(room, complete ? membersOf(conversation) : Math.max(1, (rooms.get(room) ?? 1) + change));
}

// ---- coming back

// A new connection has a new id and no rooms. A recovered one has both, yet the
// others have been told that we left: joining again tells them that we are back.
export async function joinAgain(recovered) {
  const joined = [...conversations.values()].filter((conversation) => conversation.room);
  const missed = recovered ? "connection recovered" : "you are back; what was sent meanwhile is not shown";
  for (const conversation of conversations.values()) addNotice(conversation, missed);
  const results = await Promise.allSettled(joined.map((conversation) => ask("join", conversation.room)));
  if (!online()) return; // lost again: the next "connect" does it all over
  results.forEach((result, i) => joinedAgain(joined[i], result));
  if (joined.length > 0 && results.every(({ status }) => status === "fulfilled")) remark("rooms joined again");
}

function joinedAgain(conversation, { value, reason }) {
  conversation.outside = Boolean(reason);
  if (value) noteReceipt(conversation, value);
  else addNotice(conversation, `could not join again: ${reason.message}`);
}
