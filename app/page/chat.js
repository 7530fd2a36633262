// The chat: what the user does and what the server says.
// connection.js owns the socket's life, conversations.js what is open, view.js the elements.

import { link, online } from "./asking.js";
import { whyNoClient } from "./client.js";
import { openConnection } from "./connection.js";
import { conversations, markSeen, me, onShow, openPrivate, openRoom, put, select, showLists } from "./conversations.js";
import { asked, forget, keep, recall } from "./kept.js";
import { LIMITS, characters } from "./limits.js";
import { receive, retry, send } from "./messages.js";
import { noteTime } from "./order.js";
import * as panels from "./panels.js";
import * as people from "./people.js";
import { about, countMembers, join, joinAgain, leave, meet, noteMember, personOf, refreshRooms } from "./rooms.js";
import { hideTyping, noteTyping, showTypingOf, stopTyping } from "./typing.js";
import * as view from "./view.js";
import { part, privateKey, roomKey } from "./view.js";

const kept = recall();
const identity = { nickname: kept.nickname, secret: kept.secret }; // what the server gets to know of us
let connection; // set by the first Enter
let accepted = false; // the server has let us in under this nickname

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
  link.socket = connection.socket;
  listen(link.socket);
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
  try {
    restoreAll();
  } catch { // what was kept is of another version of this page
    forget();
    location.reload();
    return;
  }
  showEntrance(false);
  const there = wanted();
  if (there) select(there, { replace: true });
  enter();
}

function restoreAll() {
  part("nickname").value = kept.nickname;
  for (const { room, peer, draft, unread, entries } of kept.conversations) {
    if (peer) people.meet(peer);
    const conversation = room ? openRoom(room, { draft, unread, outside: true }) : openPrivate(peer, { draft, unread });
    for (const entry of entries) restore(conversation, entry);
  }
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
  link.socket?.disconnect();
  history.replaceState(null, "", location.pathname + location.search);
  location.reload();
}

async function connected({ again, recovered }) {
  const first = part("chat").hidden || !again;
  showEntrance(false);
  part("entrance-error").textContent = part("room-error").textContent = "";
  hideTyping();
  accepted = true;
  if (conversations.size > 0) link.rejoining = joinAgain(recovered);
  refreshRooms();
  await link.rejoining;
  if (first && online()) await goTo();
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
  stopTyping();
  if (there || !room) select(there, { replace: true });
  else await join(room);
  if (!onShow()) panels.openDrawer();
}

// ---- what the server says

function listen(socket) {
  socket.on("welcome", (person) => {
    Object.assign(me, person);
    meet(person);
    view.showMe(me);
    showLists();
  });
  socket.on("room", ({ name, members }) => {
    if (!conversations.has(roomKey(name))) countMembers(name, members);
  });
  hear(socket, "said", (message) => message.from, about, receive);
  hear(socket, "whispered", (message) => message.from, (_, from) => openPrivate(from), receive);
  hear(socket, "typing", ({ from }) => from, (room, from) => (room ? about(room) : conversations.get(privateKey(from.tag))),
    (conversation, event) => showTypingOf(conversation, event.from, event.typing, event));
  hear(socket, "joined", personOf, about, (conversation, event) => noteMember(conversation, event, "joined", 1));
  hear(socket, "left", personOf, about, (conversation, event) => noteMember(conversation, event, "left", -1));
}

// Registers what happens when the server tells of somebody, in a conversation that is open.
function hear(socket, event, whom, where, happens) {
  socket.on(event, (said) => {
    const person = whom(said);
    noteTime(said);
    const conversation = where(said.room, person);
    if (!conversation) return;
    meet(person, event === "left" ? undefined : said);
    happens(conversation, said);
  });
}

// ---- the page

function submitRoom(event) {
  event.preventDefault();
  const room = part("room-name").value.trim();
  if (!room || !online()) return;
  if (characters(room) <= LIMITS.room) part("room-name").value = "";
  stopTyping();
  join(room);
}

function typed() {
  view.showCompose();
  noteTyping();
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
    stopTyping();
    join(entry.dataset.room);
  } else if (entry?.dataset.key) show(conversations.get(entry.dataset.key));
}

function show(conversation) {
  stopTyping();
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
  if (accepted) keep(identity, conversations.values());
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
