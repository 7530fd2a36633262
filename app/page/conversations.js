// The conversations: rooms one is in, and people one writes to. Each has its entries in order, and who is there.

import { point } from "./kept.js";
import { isLater, place } from "./order.js";
import { present } from "./people.js";
import * as lists from "./lists.js";
import * as panels from "./panels.js";
import * as view from "./view.js";
import { part, privateKey, roomKey } from "./view.js";

const LOG_LIMIT = 500; // entries of one conversation

export const conversations = new Map(); // key -> conversation, with either a room or a peer ({id, nickname, tag})
export const rooms = new Map(); // room -> members, as far as we know
export const me = { id: "", nickname: "", tag: "" }; // as the server calls us

let current; // the conversation on show, if any

export const onShow = () => current;

function open(key, fields) {
  if (!conversations.has(key)) {
    conversations.set(key, {
      key, unread: 0, draft: "", entries: [], typers: new Map(), heard: new Map(),
      people: new Map(), complete: false, // who is there, id -> {person, here, time, seq}, and whether that is everybody
      ...fields,
    });
    showLists();
  }
  return conversations.get(key);
}

export const openRoom = (room, fields) => open(roomKey(room), { room, ...fields });
export const openPrivate = (peer, fields) => open(privateKey(peer.tag), { peer: present(peer), ...fields });

// A person who has come back has another id.
export function updatePeer({ tag }) {
  const conversation = conversations.get(privateKey(tag));
  if (conversation) conversation.peer = present(conversation.peer);
}

// Shows a conversation, or none. It is a step in the browser's history, unless it replaces the present one.
export function select(conversation, { replace = false, focus = true } = {}) {
  if (current) current.draft = part("text").value;
  current = conversation;
  view.showConversation(current);
  panels.fitPeople(current ?? null);
  point(current, { replace });
  markSeen();
  lists.revealTab();
  panels.closeDrawer();
  if (current && focus) panels.focusConversation(current);
}

export function close(conversation) {
  conversations.delete(conversation.key);
  for (const { timer } of conversation.typers.values()) clearTimeout(timer);
  if (conversation !== current) return showLists();
  select([...conversations.values()].at(-1), { replace: true });
  if (!current) panels.openDrawer();
}

export function markSeen() {
  if (current && !document.hidden) current.unread = 0;
  showLists();
}

export function showLists() {
  lists.showRooms(rooms, conversations, current);
  lists.showTabs(conversations, current);
  if (!current?.room) return;
  lists.showPeople(here(current), me, { complete: current.complete });
}

// ---- entries

// Adds an entry where it belongs, or moves it there. own says that the reader has just written it.
export function put(conversation, entry, { own = false } = {}) {
  const { entries } = conversation;
  if (entries.includes(entry)) entries.splice(entries.indexOf(entry), 1);
  const before = place(entries, entry);
  if (conversation === current) view.putIntoLog(entry, before, { follow: own });
  if (entries.length > LOG_LIMIT) entries.shift().node.remove();
}

// Says something between the messages: of the server, with its time, or of the page.
export function addNotice(conversation, text, who, { time, seq } = {}) {
  const entry = { kind: "notice", text, who, time, seq };
  entry.node = view.nodeOf(entry);
  put(conversation, entry);
}

// ---- people

const here = ({ people }) => [...people.values()].filter((each) => each.here).map(({ person }) => person);

// How many are in a room, as far as we know them, oneself included.
export const membersOf = (conversation) => 1 + here(conversation).length;

// Whether somebody is there under another id too: who comes back may do so before the server knows that they had gone.
export const isHereTwice = (conversation, { id, tag }) => here(conversation).some((person) => person.tag === tag && person.id !== id);

// Notes that somebody is there, or has gone. Returns false when something later is known already.
export function notePerson(conversation, person, here, { time, seq }) {
  const known = conversation.people.get(person.id);
  if (known && !isLater({ time, seq }, known)) return false;
  conversation.people.set(person.id, { person, here, time, seq });
  return true;
}

// Notes who the server says is there, except for what is known since.
export function notePeople(conversation, { people, members, time, seq }) {
  const listed = new Set(people.map(({ id }) => id));
  for (const person of people) notePerson(conversation, person, true, { time, seq });
  conversation.complete = people.length === members - 1;
  for (const known of conversation.people.values()) {
    if (known.here && !listed.has(known.person.id) && conversation.complete && !isLater(known, { time, seq })) known.here = false;
  }
}
