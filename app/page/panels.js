// What opens and closes: the drawer of rooms on narrow screens, the list of people; and where the focus goes.

import { part } from "./view.js";

const narrow = matchMedia("(max-width: 720px)");
narrow.addEventListener("change", closeDrawer);
const cramped = matchMedia("(max-width: 1000px)"); // for the list of people beside the conversation
cramped.addEventListener("change", () => showPeoplePanel(!cramped.matches));
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

// ---- people

let wanted = !cramped.matches; // whether the list stands beside the rooms that are shown

// Where there is no room for both, the list covers the conversation, and goes when another one is shown.
export function fitPeople(conversation) {
  if (cramped.matches) wanted = false;
  showPeoplePanel(wanted, conversation);
}

export function togglePeople() {
  showPeoplePanel(part("people").hidden);
  if (!part("people").hidden && cramped.matches) part("people").focus();
}

export function peopleCover() {
  return cramped.matches && !part("people").hidden;
}

// Closed by Escape: the focus returns to where it came from.
export function leavePeople() {
  showPeoplePanel(false);
  part("here").focus();
}

let shown; // the conversation

function showPeoplePanel(open, conversation = shown) {
  wanted = open;
  shown = conversation;
  part("people").hidden = !open || !conversation?.room;
  part("here").setAttribute("aria-expanded", String(!part("people").hidden));
}

// ---- focus

// The message box, but a heading where focus would raise an on-screen keyboard.
export function focusConversation({ peer }) {
  part(!touch.matches ? "text" : peer ? "private-with" : "room-heading").focus();
}
