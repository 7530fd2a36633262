// The chat: conversations, what the user does and what the server says.
// connection.js owns the socket's life, view.js the elements.

import { openConnection, remark } from "./connection.js";
import * as view from "./view.js";
import { part, privateKey, roomKey } from "./view.js";

const ACK_TIMEOUT = 10_000; // ms until an unanswered message counts as not delivered
const ROOMS_INTERVAL = 30_000; // ms between two looks at the list of rooms
const ROOMS_AGE = 5_000; // ms that the counts in the list may be old, and more
const TYPING_STOPS = 2_000; // ms without a key until "typing: false" is sent
const TYPING_REPEAT = 3_000; // ms between two "typing: true" of one long message
const TYPING_EXPIRES = 4_000; // ms until another's indicator disappears by itself
const LOG_LIMIT = 500; // entries kept per conversation

// ---- state

let connection; // set by the first Enter
let socket;
let current; // the conversation on show, if any
const rooms = new Map(); // room -> members, as far as we know
const conversations = new Map(); // key -> conversation, with either a room or a peer ({id, nickname})

const online = () => Boolean(socket?.connected);

// ---- entrance

function enter(event) {
  event.preventDefault();
  const nickname = part("nickname").value.trim();
  part("entrance-error").textContent = "";
  if (connection) return connection.retryAs(nickname);
  connection = openConnection(nickname, {
    connected,
    refused: refuse,
    changed: () => view.showCompose({ online: online() }),
  });
  socket = connection.socket;
  listen();
}

function refuse(text) {
  if (part("entrance-error").textContent === text) return; // another attempt, nothing new to read out
  part("entrance-error").textContent = text;
  part("nickname").focus();
}

function connected({ again, recovered }) {
  if (again) return backAgain(recovered);
  part("entrance").hidden = true;
  part("chat").hidden = false;
  view.openDrawer();
  refreshRooms();
}

// A new connection has a new id and no rooms. A recovered one has both, yet the
// others have been told that we left: joining again tells them that we are back.
async function backAgain(recovered) {
  const joined = [...conversations.values()].filter((conversation) => conversation.room);
  const missed = recovered ? "connection recovered" : "reconnected; what was sent meanwhile is not shown";
  for (const conversation of conversations.values()) addEntry(conversation, view.notice(missed));
  const results = await Promise.allSettled(joined.map((conversation) => ask("join", conversation.room)));
  if (!online()) return; // lost again: the next "connect" does it all over
  results.forEach((result, i) => rejoined(joined[i], result));
  if (joined.length > 0 && results.every(({ status }) => status === "fulfilled")) remark("rooms joined again");
  refreshRooms();
}

function rejoined(conversation, { value, reason }) {
  conversation.outside = Boolean(reason);
  if (value) countMembers(conversation.room, value.members);
  else addEntry(conversation, view.notice(`could not join again: ${reason.message}`));
}

// ---- asking the server

// Emits and resolves to the ack. Rejects with a text for the user when there is
// no connection (nothing is queued then), no answer in time, or {error} as the answer.
async function ask(event, ...args) {
  if (!online()) throw new Error("no connection");
  const answer = await socket.timeout(ACK_TIMEOUT).emitWithAck(event, ...args).catch((error) => {
    throw new Error(online() ? `no answer within ${ACK_TIMEOUT / 1000} s` : error.message);
  });
  if (answer?.error) throw new Error(answer.error);
  return answer;
}

// ---- rooms

let roomsTimer;

// The list is asked for, never pushed, and only while somebody can see it. It may
// be some seconds old: what the notices of our own rooms have said since goes first.
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
  for (const { room } of conversations.values()) {
    if (!room) continue;
    if (performance.now() - counted.get(room) < ROOMS_AGE) rooms.set(room, before.get(room));
    else if (!rooms.has(room)) rooms.set(room, 1);
  }
  showLists();
}

// Without a count it stays as it was until the list comes.
function countMembers(room, members) {
  rooms.set(room, Math.max(members ?? rooms.get(room) ?? 1, 1)); // whoever hears of a room is in it
  if (members !== undefined) counted.set(room, performance.now());
  showLists();
}

const joining = new Set(); // rooms whose join has no answer yet

async function join(room) {
  part("room-error").textContent = "";
  const known = conversations.get(roomKey(room));
  if (known && !known.outside) return select(known);
  joining.add(room);
  try {
    const { members } = await ask("join", room);
    const conversation = openRoom(room);
    conversation.outside = false;
    addEntry(conversation, view.notice("you joined"));
    countMembers(room, members);
    select(conversation);
    refreshRooms();
  } catch (error) {
    part("room-error").textContent = `Could not join: ${error.message}`;
  } finally {
    joining.delete(room);
  }
}

async function leave(conversation) {
  if (conversation.peer || conversation.outside) return close(conversation);
  try {
    await ask("leave", conversation.room);
    close(conversation);
    refreshRooms(ROOMS_AGE); // the list may still count us
  } catch (error) {
    addEntry(conversation, view.notice(`could not leave: ${error.message}`));
  }
}

// ---- conversations

function open(key, fields) {
  if (!conversations.has(key)) {
    conversations.set(key, { key, unread: 0, draft: "", nodes: [], typers: new Map(), ...fields });
    showLists();
  }
  return conversations.get(key);
}

const openRoom = (room) => open(roomKey(room), { room, name: room });
const openPrivate = (peer) => open(privateKey(peer.id), { peer, name: peer.nickname });

// The conversation that a server event is about. News of a room may overtake the
// answer to our join; news of a room that we have left has nowhere to go.
function about(room) {
  return joining.has(room) ? openRoom(room) : conversations.get(roomKey(room));
}

function select(conversation) {
  stopTyping();
  if (current) current.draft = part("text").value;
  current = conversation;
  view.showConversation(current);
  part("room-error").textContent = "";
  markSeen();
  view.revealTab();
  view.closeDrawer();
  if (current) view.focusConversation(current);
}

function close(conversation) {
  conversations.delete(conversation.key);
  for (const { timer } of conversation.typers.values()) clearTimeout(timer);
  if (conversation !== current) return showLists();
  select([...conversations.values()].at(-1));
  if (!current) view.openDrawer();
}

function markSeen() {
  if (current && !document.hidden) current.unread = 0;
  showLists();
}

function showLists() {
  view.showRooms(rooms, conversations, current);
  view.showTabs(conversations, current);
}

function addEntry(conversation, node, { own = false } = {}) {
  conversation.nodes.push(node);
  if (conversation === current) view.appendToLog(node, { follow: own });
  if (conversation.nodes.length > LOG_LIMIT) conversation.nodes.shift().remove();
}

// ---- messages

function send(event) {
  event.preventDefault();
  const text = part("text").value.trim();
  if (!text || !online()) return; // without a connection the text stays in the box
  part("text").value = "";
  forgetTyping(); // the message itself ends the indicator at the others
  const conversation = current;
  const node = view.ownMessage(text, () => {
    view.focusConversation(conversation); // the button that had the focus goes away
    deliver(conversation, text, node);
  });
  addEntry(conversation, node, { own: true });
  deliver(conversation, text, node);
}

// Shows the message as on its way, then as delivered or not. A retry after a
// lost answer may deliver it twice: the server cannot tell.
async function deliver(conversation, text, node) {
  view.setDelivery(node, "sending");
  try {
    const receipt = conversation.peer
      ? await ask("whisper", { to: conversation.peer.id, text })
      : await ask("say", { room: conversation.room, text });
    view.setDelivery(node, "delivered", { receipt });
  } catch (error) {
    view.setDelivery(node, "failed", { reason: error.message });
  }
}

function receive(conversation, message) {
  showTypingOf(conversation, message.from, false);
  if (conversation !== current || document.hidden) conversation.unread += 1;
  addEntry(conversation, view.receivedMessage(message));
  showLists();
}

// ---- typing

const typing = { room: null, told: 0, timer: 0 }; // what we have told the others

function noteTyping() {
  if (!current?.room || !online()) return;
  if (!part("text").value) return stopTyping();
  clearTimeout(typing.timer);
  typing.timer = setTimeout(stopTyping, TYPING_STOPS);
  if (typing.room && Date.now() - typing.told < TYPING_REPEAT) return;
  typing.room = current.room;
  typing.told = Date.now();
  socket.emit("typing", { room: typing.room, typing: true });
}

function stopTyping() {
  if (typing.room && online()) socket.emit("typing", { room: typing.room, typing: false });
  forgetTyping();
}

function forgetTyping() {
  clearTimeout(typing.timer);
  typing.room = null;
}

function showTypingOf(conversation, user, isTyping) {
  const { typers } = conversation;
  clearTimeout(typers.get(user.id)?.timer);
  typers.delete(user.id);
  if (isTyping) {
    const timer = setTimeout(() => showTypingOf(conversation, user, false), TYPING_EXPIRES);
    typers.set(user.id, { user, timer });
  }
  if (conversation === current) view.showTyping(conversation);
}

// ---- what the server says

function listen() {
  socket.on("welcome", ({ nickname }) => {
    part("me").textContent = nickname;
  });
  socket.on("said", (message) => {
    const conversation = about(message.room);
    if (conversation) receive(conversation, message);
  });
  socket.on("whispered", (message) => receive(openPrivate(message.from), message));
  socket.on("typing", ({ room, from, typing }) => {
    const conversation = about(room);
    if (conversation) showTypingOf(conversation, from, typing);
  });
  socket.on("joined", (event) => noteMember(event, "joined", 1));
  socket.on("left", (event) => noteMember(event, "left", -1));
}

function noteMember({ room, id, nickname }, verb, change) {
  const conversation = about(room);
  if (!conversation) return;
  if (change < 0) showTypingOf(conversation, { id }, false);
  addEntry(conversation, view.notice(verb, { id, nickname }));
  countMembers(room, (rooms.get(room) ?? 1) + change);
}

// ---- the page

function submitRoom(event) {
  event.preventDefault();
  const room = part("room-name").value.trim();
  if (!room || !online()) return;
  part("room-name").value = "";
  join(room);
}

function keyInText(event) {
  if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  part("compose").requestSubmit();
}

function clicked({ target }) {
  const entry = target.closest("li");
  const person = target.closest("[data-user]");
  if (person && person.dataset.user !== socket?.id) {
    select(openPrivate({ id: person.dataset.user, nickname: person.dataset.nickname }));
  } else if (entry?.dataset.room) join(entry.dataset.room);
  else if (entry?.dataset.key) select(conversations.get(entry.dataset.key));
}

function cameBack() {
  if (document.hidden) return;
  markSeen();
  refreshRooms();
}

function start() {
  if (typeof io === "undefined") {
    part("entrance-error").textContent =
      "The Socket.IO client could not be loaded from /socket.io/socket.io.js. Is the server running? Reload to try again.";
    return;
  }
  part("entrance-form").addEventListener("submit", enter);
  part("join-form").addEventListener("submit", submitRoom);
  part("compose").addEventListener("submit", send);
  part("text").addEventListener("keydown", keyInText);
  part("text").addEventListener("input", noteTyping);
  part("leave-room").addEventListener("click", () => leave(current));
  part("open-rooms").addEventListener("click", view.openDrawer);
  part("backdrop").addEventListener("click", view.leaveDrawer);
  document.addEventListener("keydown", ({ key }) => key === "Escape" && view.drawerIsOpen() && view.leaveDrawer());
  document.addEventListener("click", clicked);
  document.addEventListener("visibilitychange", cameBack);
  view.watchLog();
  part("enter").disabled = false;
  part("nickname").focus();
}

start();
