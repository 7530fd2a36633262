// The chat: what the user does and what the server says.
// connection.js owns the socket's life, conversations.js what is open, view.js the elements.

import { openConnection, remark } from "./connection.js";
import {
  addNotice, close, conversations, markSeen, me, notePeople, notePerson, onShow, openPrivate, openRoom, put, rooms, select,
  showLists, updatePeer,
} from "./conversations.js";
import { whyNoClient } from "./client.js";
import { asked, forget, keep, recall } from "./kept.js";
import { LIMITS, characters } from "./limits.js";
import { noteTime, seenUntil } from "./order.js";
import * as panels from "./panels.js";
import * as people from "./people.js";
import { forgetTyping, hideTyping, noteTyping, showTypingOf, stopTyping } from "./typing.js";
import * as view from "./view.js";
import { part, privateKey, roomKey } from "./view.js";

const ROOMS_INTERVAL = 30_000; // ms between two looks at the list of rooms
const ROOMS_AGE = 5_000; // ms that the counts in the list may be old, and more

// ---- state

const kept = recall();
const identity = { nickname: kept.nickname, secret: kept.secret }; // what the server gets to know of us
let connection; // set by the first Enter
let socket;
let rejoining = Promise.resolve(); // until the rooms are joined again

let accepted = false; // the server has let us in under this nickname

const online = () => Boolean(socket?.connected);
const save = () => accepted && keep(identity, conversations.values());

// ---- entrance

function enter(event) {
  event?.preventDefault();
  const nickname = part("nickname").value.trim();
  part("entrance-error").textContent = "";
  if (characters(nickname) > LIMITS.nickname) return refuse(`A nickname has at most ${LIMITS.nickname} characters.`);
  identity.nickname = nickname;
  if (connection) return connection.retry();
  connection = openConnection(identity, {
    connected,
    refused: refuse,
    changed: () => view.showCompose(online()),
  });
  socket = connection.socket;
  listen();
}

function refuse(text) {
  showEntrance(true);
  if (part("entrance-error").textContent === text) return; // another attempt, nothing new to read out
  part("entrance-error").textContent = text;
  part("nickname").focus();
}

function showEntrance(shown) {
  part("entrance").hidden = !shown;
  part("chat").hidden = shown;
}

// After a refresh: as if one had not been away.
function resume() {
  if (!kept.nickname) return;
  part("nickname").value = kept.nickname;
  for (const { room, peer, draft, unread, entries } of kept.conversations) {
    if (peer) people.meet(peer);
    const conversation = room ? openRoom(room, { draft, unread, outside: true }) : openPrivate(peer, { draft, unread });
    for (const entry of entries) restore(conversation, entry);
  }
  showEntrance(false);
  const there = wanted();
  if (there) select(there, { replace: true });
  enter();
}

// Shows an entry that was kept. What waited for an answer then will not get one.
function restore(conversation, entry) {
  for (const person of [entry.from, entry.who]) if (person) people.meet(person, entry);
  if (!entry.waiting) noteTime(entry);
  else Object.assign(entry, { waiting: false, state: "failed", reason: "the page was loaded again before the answer came" });
  entry.node = view.nodeOf(entry, () => retry(conversation, entry));
  put(conversation, entry);
  if (entry.kind === "own") view.showDelivery(entry);
}

function leaveChat() {
  forget();
  socket?.disconnect();
  history.replaceState(null, "", location.pathname + location.search);
  location.reload();
}

async function connected({ again, recovered }) {
  const first = part("chat").hidden || !again;
  showEntrance(false);
  part("entrance-error").textContent = part("room-error").textContent = "";
  hideTyping();
  accepted = true;
  save();
  if (conversations.size > 0) rejoining = joinAgain(recovered);
  refreshRooms();
  await rejoining;
  if (first && online()) await goTo();
}

// A new connection has a new id and no rooms. A recovered one has both, yet the
// others have been told that we left: joining again tells them that we are back.
async function joinAgain(recovered) {
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

// ---- asking the server

// Emits and resolves to the ack. The client sends one such event at a time, waits for its ack, and sends it again when
// none comes, for no gateway keeps the order: see connection.js. Rejects with a text for the user when there is no
// connection (nothing is queued then), no answer in time, or {error} as the answer.
async function ask(event, ...args) {
  if (!online()) throw new Error("no connection");
  const answer = await socket.emitWithAck(event, ...args).catch(() => {
    throw new Error(online() ? "no answer in time" : "no connection");
  });
  if (answer?.error) throw new Error(answer.error);
  return answer;
}

// ---- rooms

let roomsTimer;

// The list is asked for, and only while somebody can see it; a new room is told to everybody. The list may be some
// seconds old: what notices have said since goes first.
const counted = new Map(); // room -> when a notice or an ack counted its members

async function refreshRooms(next = ROOMS_INTERVAL) {
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
  for (const { room } of conversations.values()) if (room && !rooms.has(room)) rooms.set(room, before.get(room) ?? 1);
  showLists();
}

function countMembers(room, members) {
  rooms.set(room, members);
  counted.set(room, performance.now());
  showLists();
}

function noteReceipt(conversation, receipt) {
  noteTime(receipt);
  for (const person of receipt.people) meet(person, receipt);
  notePeople(conversation, receipt);
  countMembers(conversation.room, receipt.members);
}

// Notes somebody whom the server has named, wherever they show.
function meet(person, stamp) {
  if (people.meet(person, stamp)) {
    view.tellApart();
    if (onShow()) view.showHeading(onShow());
    showMe();
    showLists();
  }
  updatePeer(person);
}

const joining = new Set(); // rooms whose join has no answer yet

async function join(room) {
  part("room-error").textContent = "";
  const known = conversations.get(roomKey(room));
  if (known && !known.outside) return select(known);
  joining.add(room);
  try {
    const receipt = await ask("join", room);
    const conversation = openRoom(receipt.room ?? room);
    conversation.outside = false;
    addNotice(conversation, "you joined", undefined, receipt);
    noteReceipt(conversation, receipt);
    select(conversation);
    save();
  } catch (error) {
    part("room-error").textContent = `Could not join: ${error.message}`;
    panels.openDrawer();
  } finally {
    joining.delete(room);
  }
}

async function leave(conversation) {
  if (conversation.peer || conversation.outside) return finish(conversation);
  stopTyping(socket);
  try {
    await ask("leave", conversation.room);
    counted.delete(conversation.room);
    finish(conversation);
    refreshRooms(ROOMS_AGE); // the list may still count us
  } catch (error) {
    addNotice(conversation, `could not leave: ${error.message}`);
  }
}

function finish(conversation) {
  close(conversation);
  save();
}

// The conversation that a server event is about. News of a room may overtake the
// answer to our join; news of a room that we have left has nowhere to go.
function about(room) {
  return joining.has(room) ? openRoom(room) : conversations.get(roomKey(room));
}

// ---- the address: Back, Forward, links

// The conversation that the address asks for, if it is open.
function wanted() {
  const { room, tag } = asked();
  return conversations.get(room ? roomKey(room) : privateKey(tag));
}

// Goes where the address says: a room that one is not in is joined.
async function goTo() {
  const there = wanted();
  const { room } = asked();
  if (there === onShow() && there) return;
  stopTyping(socket);
  if (there || !room) select(there, { replace: true });
  else await join(room);
  if (!onShow()) panels.openDrawer();
}

// ---- messages

function send(event) {
  event.preventDefault();
  const text = part("text").value.trim();
  if (!text || !online() || characters(text) > LIMITS.text) return; // the text stays in the box
  part("text").value = "";
  view.showCompose();
  forgetTyping(); // the message itself ends the indicator at the others
  const conversation = onShow();
  const entry = { kind: "own", text, id: newID() };
  entry.node = view.nodeOf(entry, () => retry(conversation, entry));
  deliver(conversation, entry);
}

// The name of a message stays the same when it is sent again, so that nobody is shown it twice.
const newID = () => Array.from(crypto.getRandomValues(new Uint32Array(4)), (n) => n.toString(36)).join("-");

function retry(conversation, entry) {
  panels.focusConversation(conversation); // the button that had the focus goes away
  deliver(conversation, entry);
}

// Shows the message as on its way, then as delivered or not.
async function deliver(conversation, entry) {
  settle(conversation, entry, { state: "sending", waiting: true }, { own: true });
  const { id, text } = entry;
  const { id: sender } = socket;
  try {
    const { room, peer } = conversation;
    const receipt = await (peer ? ask("whisper", { id, to: peer.id, text, seen: seenUntil() })
      : ask("say", { id, room, text, seen: seenUntil() }));
    noteTime(receipt);
    settle(conversation, entry, { state: "delivered", waiting: false, time: receipt.time, seq: receipt.seq });
  } catch (error) {
    if (online() && socket.id !== sender && conversation.room) { // it may have come before its room was joined again
      await rejoining;
      if (!conversation.outside) return deliver(conversation, entry);
    }
    settle(conversation, entry, { state: "failed", waiting: false, reason: error.message, time: undefined });
  }
}

// Says how a message is doing, and moves it to where it belongs.
function settle(conversation, entry, change, options) {
  put(conversation, Object.assign(entry, change), options);
  view.showDelivery(entry);
}

function receive(conversation, message) {
  const { id, from, text, time, seq } = message;
  showTypingOf(conversation, from, false, message);
  if (conversation.entries.some((entry) => entry.id === id && entry.from?.tag === from.tag)) return; // it was sent again
  const entry = { kind: "received", id, from, text, time, seq };
  entry.node = view.nodeOf(entry);
  if (conversation !== onShow() || document.hidden) conversation.unread += 1;
  put(conversation, entry);
  showLists();
}

// ---- what the server says

function listen() {
  socket.on("welcome", (person) => {
    Object.assign(me, person);
    meet(person);
    showMe();
    showLists();
  });
  socket.on("room", ({ name, members }) => {
    if (!conversations.has(roomKey(name))) countMembers(name, members);
  });
  hear("said", (message) => message.from, about, receive);
  hear("whispered", (message) => message.from, (_, from) => openPrivate(from), receive);
  hear("typing", ({ from }) => from, (room, from) => (room ? about(room) : conversations.get(privateKey(from.tag))),
    (conversation, event) => showTypingOf(conversation, event.from, event.typing, event));
  hear("joined", personOf, about, (conversation, event) => noteMember(conversation, event, "joined", 1));
  hear("left", personOf, about, (conversation, event) => noteMember(conversation, event, "left", -1));
}

const personOf = ({ id, nickname, tag }) => ({ id, nickname, tag });

// Registers what happens when the server tells of somebody, in a conversation that is open.
function hear(event, whom, where, happens) {
  socket.on(event, (said) => {
    const person = whom(said);
    noteTime(said);
    const conversation = where(said.room, person);
    if (!conversation) return;
    meet(person, event === "left" ? undefined : said);
    happens(conversation, said);
  });
}

function noteMember(conversation, event, verb, change) {
  const person = personOf(event);
  if (change < 0) showTypingOf(conversation, person, false, event);
  if (!notePerson(conversation, person, change > 0, event)) return;
  addNotice(conversation, verb, person, event);
  const { room } = conversation;
  const here = [...conversation.people.values()].filter((each) => each.here).length;
  countMembers(room, conversation.complete ? 1 + here : Math.max(1, (rooms.get(room) ?? 1) + change));
}

// ---- the page

function showMe() {
  part("me").textContent = me.nickname + people.mark(me);
  part("leave-chat").hidden = false;
}

function submitRoom(event) {
  event.preventDefault();
  const room = part("room-name").value.trim();
  if (!room || !online()) return;
  if (characters(room) > LIMITS.room) {
    part("room-error").textContent = `A room's name has at most ${LIMITS.room} characters.`;
    return;
  }
  part("room-name").value = "";
  stopTyping(socket);
  join(room);
}

function typed() {
  view.showCompose();
  noteTyping(socket);
}

function keyInText(event) {
  if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  part("compose").requestSubmit();
}

function clicked({ target }) {
  const entry = target.closest("li");
  const person = target.closest("[data-user]")?.person ?? entry?.person;
  if (person) {
    if (person.tag !== me.tag) show(openPrivate(person));
  } else if (entry?.dataset.room) {
    stopTyping(socket);
    join(entry.dataset.room);
  } else if (entry?.dataset.key) show(conversations.get(entry.dataset.key));
}

function show(conversation) {
  stopTyping(socket);
  part("room-error").textContent = "";
  select(conversation);
}

function escaped({ key }) {
  if (key !== "Escape") return;
  if (panels.drawerIsOpen()) panels.leaveDrawer();
  else if (panels.peopleCover()) panels.leavePeople();
}

function cameOrWent() {
  if (document.hidden) return rememberDraft();
  markSeen();
  refreshRooms();
}

function rememberDraft() {
  if (onShow()) onShow().draft = part("text").value;
  save();
}

// An error goes when what it is about is changed.
function clearedBy(input, error) {
  part(input).addEventListener("input", () => {
    part(error).textContent = "";
  });
}

async function start() {
  if (typeof io === "undefined") {
    part("entrance-error").textContent = "The Socket.IO client could not be loaded.";
    part("entrance-error").textContent = await whyNoClient();
    return;
  }
  part("entrance-form").addEventListener("submit", enter);
  part("join-form").addEventListener("submit", submitRoom);
  part("compose").addEventListener("submit", send);
  part("text").addEventListener("keydown", keyInText);
  part("text").addEventListener("input", typed);
  part("leave-room").addEventListener("click", () => leave(onShow()));
  part("leave-chat").addEventListener("click", leaveChat);
  part("open-rooms").addEventListener("click", panels.openDrawer);
  part("backdrop").addEventListener("click", panels.leaveDrawer);
  part("here").addEventListener("click", panels.togglePeople);
  clearedBy("nickname", "entrance-error");
  clearedBy("room-name", "room-error");
  document.addEventListener("keydown", escaped);
  document.addEventListener("click", clicked);
  document.addEventListener("visibilitychange", cameOrWent);
  addEventListener("pagehide", rememberDraft);
  addEventListener("popstate", () => part("chat").hidden || goTo());
  view.watchLog();
  part("enter").disabled = false;
  part("nickname").focus();
  resume();
}

start();
