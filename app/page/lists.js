// The lists: of rooms, of the conversations that are open, of the people in a room.

import { mark } from "./people.js";
import { element, nameOf, part, roomKey, written } from "./view.js";

export function showRooms(rooms, conversations, current) {
  const names = [...rooms.keys()].sort((a, b) => a.localeCompare(b));
  update(part("room-list"), names, "room", (name) => name, (item, name) => {
    const members = rooms.get(name);
    item.dataset.members = members;
    item.classList.toggle("joined", conversations.has(roomKey(name)));
    fillEntry(item, { name, count: members, counted: members === 1 ? "person" : "people", current: current?.room === name });
  });
  const here = rooms.get(current?.room) ?? 1;
  part("here").hidden = !current?.room;
  part("here").textContent = `${here} here`;
  part("here").setAttribute("aria-label", here === 1 ? "1 person here" : `${here} people here`);
}

export function showTabs(conversations, current) {
  const open = [...conversations.values()];
  update(part("tabs"), open, "key", (conversation) => conversation.key, (item, conversation) => {
    if (conversation.room) item.dataset.joined = conversation.room;
    else item.dataset.private = conversation.peer.nickname;
    item.dataset.unread = conversation.unread;
    fillEntry(item, { name: nameOf(conversation), count: conversation.unread || "", counted: "unread", current: conversation === current });
  });
  const unread = open.reduce((sum, conversation) => sum + conversation.unread, 0);
  document.title = unread > 0 ? `(${unread}) Doze chat` : "Doze chat";
}

// On a phone the tabs scroll sideways.
export function revealTab() {
  part("tabs").querySelector("[aria-current]")?.scrollIntoView({ block: "nearest", inline: "nearest" });
}

// Who is in the room on show, with oneself first. Not everybody is listed where there are many.
export function showPeople(people, me, { complete }) {
  const others = people.toSorted((a, b) => a.nickname.localeCompare(b.nickname));
  const list = part("people-list");
  update(list, others, "person", ({ id }) => id, (item, person) => {
    item.person = person;
    fillEntry(item, { name: person.nickname, count: mark(person), counted: "write privately" });
  });
  part("people-me").replaceChildren(written("span", "name", me.nickname), element("span", "count", `${mark(me)} you`));
  part("people-more").hidden = complete;
  part("people-hint").hidden = others.length === 0;
}

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
  button.append(written("span", "name"), element("span", "count"), element("span", "visually-hidden"));
  entry.append(button);
  return entry;
}

function fillEntry(entry, { name, count, counted, current }) {
  const [label, number, unit] = entry.firstChild.children;
  label.textContent = name;
  number.textContent = count;
  unit.textContent = count === "" && counted === "unread" ? "" : ` ${counted}`;
  if (current) entry.firstChild.setAttribute("aria-current", "true");
  else entry.firstChild.removeAttribute("aria-current");
}
