// Everything that builds or changes elements, except the connection bar.
// Whatever a user wrote reaches the document through textContent only.

const HUES = 6; // colours for nicknames in chat.css

// The parts of the page are found by the names that the browser tests use, so
// that the two cannot drift apart.
export function part(name) {
  return document.querySelector(`[data-testid="${name}"]`);
}

function element(tag, className, text = "") {
  const node = document.createElement(tag);
  node.className = className;
  node.textContent = text;
  return node;
}

// ---- nicknames, messages, notices

// A click on it opens a private conversation: chat.js listens on the document.
function nicknameButton({ id, nickname }) {
  const button = element("button", "nickname", nickname);
  button.type = "button";
  button.dataset.user = id;
  button.dataset.nickname = nickname;
  button.dataset.hue = hue(nickname);
  button.title = `Write privately to ${nickname}`;
  return button;
}

function hue(nickname) {
  let sum = 0;
  for (const char of nickname) sum = (sum * 31 + char.codePointAt(0)) % 9973;
  return sum % HUES;
}

// Time is what the server sent: milliseconds or an ISO string.
function timeOf(time) {
  const node = element("time", "");
  const date = new Date(time);
  if (Number.isNaN(date.getTime())) return node;
  node.dateTime = date.toISOString();
  node.textContent = date.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
  return node;
}

export function receivedMessage({ id, from, text, time }) {
  const node = element("div", "message");
  node.dataset.id = id;
  const head = element("p", "head");
  head.append(nicknameButton(from), timeOf(time));
  node.append(head, element("p", "text", text));
  return node;
}

// One's own message: its data-state is set by setDelivery.
export function ownMessage(text, retry) {
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
  node.append(head, element("p", "text", text), foot);
  return node;
}

const TICKS = { sending: "◌", delivered: "✓", failed: "!" };

// state: "sending", "delivered" (with the server's receipt) or "failed" (with a reason).
export function setDelivery(node, state, { receipt, reason } = {}) {
  node.dataset.state = state;
  const tick = node.querySelector(".tick");
  tick.textContent = TICKS[state];
  tick.setAttribute("aria-label", state);
  tick.title = state;
  node.querySelector(".failure").textContent = reason ? `not delivered: ${reason}` : "";
  if (receipt) {
    node.dataset.id = receipt.id;
    node.querySelector("time").replaceWith(timeOf(receipt.time));
  }
  stayAtEnd(); // a failed message is taller
}

// A line between the messages; who, if given, comes first and can be clicked.
export function notice(text, who) {
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
  log.replaceChildren(...conversation.nodes);
  following = true;
  stayAtEnd();
  requestAnimationFrame(() => log.setAttribute("aria-live", "polite"));
  part("text").value = conversation.draft;
  part("text").placeholder = `Message to ${conversation.name}`;
  part("leave-room").textContent = conversation.peer ? "Close" : "Leave";
  showHeading(conversation);
  showTyping(conversation);
}

function showHeading({ name, peer }) {
  const [shown, other] = peer ? ["private-with", "room-heading"] : ["room-heading", "private-with"];
  part(shown).hidden = false;
  part(shown).textContent = peer ? `Private with ${name}` : name;
  part(other).hidden = true;
  part(other).textContent = "";
}

export function appendToLog(node, { follow }) {
  if (follow) following = true;
  part("log").append(node);
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

export function showTyping({ typers }) {
  const people = [...typers.values()].map(({ user }) => user);
  const line = part("typing");
  line.replaceChildren();
  if (people.length > 3) line.append("several people are typing…");
  else people.forEach((user, i) => {
    if (i > 0) line.append(i === people.length - 1 ? " and " : ", ");
    line.append(nicknameButton(user));
    if (i === people.length - 1) line.append(i > 0 ? " are typing…" : " is typing…");
  });
}

// Text written while there is no connection stays in the box.
export function showCompose({ online }) {
  part("send").disabled = !online;
  part("leave-room").disabled = !online;
  part("join-room").disabled = !online;
  part("compose-help").textContent = online ? "" : "No connection: your text stays here until you can send it.";
}

// ---- lists

export function showRooms(rooms, conversations, current) {
  const names = [...rooms.keys()].sort((a, b) => a.localeCompare(b));
  update(part("room-list"), names, "room", (name) => name, (item, name) => {
    const members = rooms.get(name);
    item.dataset.members = members;
    item.classList.toggle("joined", conversations.has(roomKey(name)));
    fillEntry(item, { name, count: members, counted: members === 1 ? "person" : "people", current: current?.room === name });
  });
  part("here").textContent = current?.room ? `${rooms.get(current.room) ?? 1} here` : "";
}

export function showTabs(conversations, current) {
  const open = [...conversations.values()];
  update(part("tabs"), open, "key", (conversation) => conversation.key, (item, conversation) => {
    if (conversation.room) item.dataset.joined = conversation.room;
    else item.dataset.private = conversation.peer.id;
    item.dataset.unread = conversation.unread;
    fillEntry(item, { name: conversation.name, count: conversation.unread || "", counted: "unread", current: conversation === current });
  });
  const unread = open.reduce((sum, conversation) => sum + conversation.unread, 0);
  document.title = unread > 0 ? `(${unread}) Doze chat` : "Doze chat";
}

// On a phone the tabs scroll sideways.
export function revealTab() {
  part("tabs").querySelector("[aria-current]")?.scrollIntoView({ block: "nearest", inline: "nearest" });
}

export const roomKey = (name) => `room ${name}`;
export const privateKey = (id) => `private ${id}`;

// Brings a list in line with the items. Entries that stay are kept, not built
// anew: the keyboard's focus may be on one of them.
function update(list, items, attribute, keyOf, fill) {
  const wanted = new Set(items.map(keyOf));
  for (const entry of [...list.children]) if (!wanted.has(entry.dataset[attribute])) entry.remove();
  const kept = new Map([...list.children].map((entry) => [entry.dataset[attribute], entry]));
  items.forEach((item, i) => {
    const entry = kept.get(keyOf(item)) ?? newEntry(attribute, keyOf(item));
    fill(entry, item);
    if (list.children[i] !== entry) list.insertBefore(entry, list.children[i] ?? null);
  });
}

function newEntry(attribute, key) {
  const entry = element("li", "");
  entry.dataset[attribute] = key;
  const button = element("button", "entry");
  button.type = "button";
  button.append(element("span", "name"), element("span", "count"), element("span", "visually-hidden"));
  entry.append(button);
  return entry;
}

function fillEntry(entry, { name, count, counted, current }) {
  const [label, number, unit] = entry.firstChild.children;
  label.textContent = name;
  number.textContent = count;
  unit.textContent = count === "" ? "" : ` ${counted}`;
  if (current) entry.firstChild.setAttribute("aria-current", "true");
  else entry.firstChild.removeAttribute("aria-current");
}

// ---- the drawer of rooms on narrow screens, and focus

const narrow = matchMedia("(max-width: 720px)");
narrow.addEventListener("change", closeDrawer);
const touch = matchMedia("(pointer: coarse)");

export function openDrawer() {
  if (narrow.matches) setDrawer(true);
  focusRooms();
}

// The name of a room, but the panel where focus would raise an on-screen keyboard.
export function focusRooms() {
  part(touch.matches ? "rooms" : "room-name").focus();
}

export function closeDrawer() {
  setDrawer(false);
}

// Closed by Escape or a click beside it: the focus returns to where it came from.
export function leaveDrawer() {
  setDrawer(false);
  part("open-rooms").focus();
}

export function drawerIsOpen() {
  return part("chat").classList.contains("drawer-open");
}

function setDrawer(open) {
  part("chat").classList.toggle("drawer-open", open);
  part("open-rooms").setAttribute("aria-expanded", String(open));
  part("conversation").inert = open; // nothing behind the drawer takes the focus
}

// The message box, but a heading where focus would raise an on-screen keyboard.
export function focusConversation({ peer }) {
  part(!touch.matches ? "text" : peer ? "private-with" : "room-heading").focus();
}
