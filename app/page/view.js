// Everything that builds or changes elements, except the connection bar.
// Whatever a user wrote reaches the document as text, or as the address of a link: see links.js.

import { LIMITS, characters } from "./limits.js";
import { withLinks } from "./links.js";
import { mark } from "./people.js";

const HUES = 6; // colours for nicknames in chat.css

// The parts of the page are found by the names that the browser tests use, so
// that the two cannot drift apart.
export function part(name) {
  return document.querySelector(`[data-testid="${name}"]`);
}

export const roomKey = (name) => `room ${name}`;
export const privateKey = (tag) => `private ${tag}`;

export function element(tag, className, text = "") {
  const node = document.createElement(tag);
  node.className = className;
  node.textContent = text;
  return node;
}

// Text that somebody wrote, in whichever direction it is read.
export function written(tag, className, text = "") {
  const node = element(tag, className, text);
  node.dir = "auto";
  return node;
}

// ---- nicknames, messages, notices

// A click on it opens a private conversation: chat.js listens on the document.
function nicknameButton(person) {
  const button = element("button", "nickname");
  button.type = "button";
  button.dataset.user = person.id;
  button.dataset.hue = hue(person.nickname);
  button.title = `Write privately to ${person.nickname}`;
  button.person = person;
  button.append(written("span", "", person.nickname), element("span", "tag", mark(person)));
  return button;
}

// Once there is another person of a nickname, it needs its mark wherever it stands.
export function tellApart(root = document) {
  for (const button of root.querySelectorAll(".nickname")) button.lastChild.textContent = mark(button.person);
}

function hue(nickname) {
  let sum = 0;
  for (const char of nickname) sum = (sum * 31 + char.codePointAt(0)) % 9973;
  return sum % HUES;
}

export function showMe(me) {
  part("me").textContent = labelOf(me);
  part("leave-chat").hidden = false;
}

// A person's nickname, with the mark if there is another of it.
const labelOf = (person) => `${person.nickname} ${mark(person)}`.trim();

// Time is in milliseconds.
function timeOf(time) {
  const node = element("time", "");
  const date = new Date(time);
  if (Number.isNaN(date.getTime())) return node;
  node.dateTime = date.toISOString();
  node.textContent = date.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
  return node;
}

// Builds the node of an entry: a message that was received, one's own, or a notice.
export function nodeOf(entry, retry) {
  if (entry.kind === "received") return receivedMessage(entry);
  return entry.kind === "own" ? ownMessage(entry, retry) : notice(entry);
}

function receivedMessage({ id, from, text, time }) {
  const node = element("div", "message");
  node.dataset.id = id;
  const head = element("p", "head");
  head.append(nicknameButton(from), timeOf(time));
  node.append(head, messageText(text));
  return node;
}

function messageText(text) {
  const node = written("p", "text");
  node.append(withLinks(text));
  return node;
}

// One's own message: showDelivery says how it is doing.
function ownMessage({ text }, retry) {
  const node = element("div", "message own");
  const head = element("p", "head");
  const again = element("button", "retry", "Retry");
  again.type = "button";
  again.addEventListener("click", retry);
  const failure = element("span", "failure");
  failure.setAttribute("role", "alert");
  const tick = element("span", "tick");
  tick.setAttribute("role", "img");
  head.append(element("span", "visually-hidden", "you"), timeOf(Date.now()), tick);
  const foot = element("p", "foot");
  foot.append(failure, again);
  node.append(head, messageText(text), foot);
  return node;
}

const TICKS = { sending: "◌", delivered: "✓", failed: "!" };

// state: "sending", "delivered" (at a time), or "failed" (for a reason).
export function showDelivery({ node, state, reason, id, time }) {
  node.dataset.state = state;
  node.dataset.id = id;
  const tick = node.querySelector(".tick");
  tick.textContent = TICKS[state];
  tick.setAttribute("aria-label", state);
  tick.title = state;
  node.querySelector(".failure").textContent = state === "failed" ? `not delivered: ${reason}` : "";
  if (state === "delivered") node.querySelector("time").replaceWith(timeOf(time));
  stayAtEnd(); // a failed message is taller
}

// A line between the messages; who, if given, comes first and can be clicked.
function notice({ text, who }) {
  const node = element("p", "notice");
  if (who) node.append(nicknameButton(who), " ");
  node.append(text);
  return node;
}

// ---- the conversation on show

// A conversation owns the nodes of its log, so a message sent in one room keeps
// getting its tick while another is on show.
export function showConversation(conversation) {
  part("empty").hidden = Boolean(conversation);
  part("current").hidden = !conversation;
  if (!conversation) return;
  const log = part("log");
  log.setAttribute("aria-live", "off"); // old messages are not news
  log.replaceChildren(...conversation.entries.map(({ node }) => node));
  tellApart(log);
  following = true;
  stayAtEnd();
  requestAnimationFrame(() => log.setAttribute("aria-live", "polite"));
  part("text").value = conversation.draft;
  part("text").placeholder = `Message to ${nameOf(conversation)}`;
  part("leave-room").textContent = conversation.peer ? "Close" : "Leave";
  showCompose();
  showHeading(conversation);
  showTyping(conversation);
}

// What a conversation is called: the room, or the other person.
export const nameOf = ({ room, peer }) => room ?? labelOf(peer);

export function showHeading(conversation) {
  const [shown, other] = conversation.peer ? ["private-with", "room-heading"] : ["room-heading", "private-with"];
  part(shown).hidden = false;
  part(shown).replaceChildren(conversation.peer ? "Private with " : "", written("span", "", nameOf(conversation)));
  part(other).hidden = true;
  part(other).textContent = "";
}

// Puts an entry into the log, before another or at its end.
export function putIntoLog({ node }, before, { follow }) {
  if (follow) following = true;
  if (node.nextSibling !== (before?.node ?? null) || !node.isConnected) part("log").insertBefore(node, before?.node ?? null);
  stayAtEnd();
}

// The log follows its newest entry unless the reader has scrolled up, also when
// the room for it shrinks (an on-screen keyboard, a line more below it).
let following = true;

export function watchLog() {
  const log = part("log");
  log.addEventListener("scroll", () => {
    following = log.scrollHeight - log.scrollTop - log.clientHeight < 60;
  });
  new ResizeObserver(stayAtEnd).observe(log);
}

function stayAtEnd() {
  if (following) part("log").scrollTop = part("log").scrollHeight;
}

// One typer, two, or a crowd.
export function showTyping({ typers }) {
  const people = [...typers.values()].map(({ user }) => user);
  const line = part("typing");
  line.replaceChildren();
  if (people.length === 0) return;
  if (people.length > 2) line.append("Several people are typing…");
  else people.forEach((user, i) => {
    if (i > 0) line.append(i === people.length - 1 ? " and " : ", ");
    line.append(nicknameButton(user));
    if (i === people.length - 1) line.append(i > 0 ? " are typing…" : " is typing…");
  });
}

let isOnline = false;

// Says what keeps the text in the box from being sent: no connection, or its length.
export function showCompose(online = isOnline) {
  isOnline = online;
  const length = characters(part("text").value.trim());
  const tooLong = length > LIMITS.text;
  part("send").disabled = !online || tooLong;
  part("leave-room").disabled = !online;
  part("join-room").disabled = !online;
  part("text").setAttribute("aria-invalid", String(tooLong));
  part("compose-help").classList.toggle("problem", tooLong);
  part("compose-help").textContent = tooLong ? `${count(length)} characters are ${count(length - LIMITS.text)} too many for one message.`
    : !online ? "No connection: your text stays here until you can send it."
      : length > 0.9 * LIMITS.text ? `${count(length)} of ${count(LIMITS.text)} characters` : "";
}

const count = (n) => n.toLocaleString("en");
