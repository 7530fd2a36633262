// Who is typing: what we tell the others, and what they tell us.

import { link, online } from "./asking.js";
import { conversations, onShow } from "./conversations.js";
import { isLater, seenUntil } from "./order.js";
import * as view from "./view.js";
import { part } from "./view.js";

const STOPS = 2_000; // ms without a key until "typing: false" is sent
const REPEAT = 3_000; // ms between two "typing: true" of one long message
const EXPIRES = 4_000; // ms until another's indicator disappears by itself

const told = { conversation: null, at: 0, timer: 0 };

export function noteTyping() {
  const current = onShow();
  if (!current || !online()) return;
  if (!part("text").value) return stopTyping();
  clearTimeout(told.timer);
  told.timer = setTimeout(stopTyping, STOPS);
  if (told.conversation && Date.now() - told.at < REPEAT) return;
  told.conversation = current;
  told.at = Date.now();
  tell(true);
}

export function stopTyping() {
  if (told.conversation && online()) tell(false);
  forgetTyping();
}

// A message says by itself that its sender does not type it any more.
export function forgetTyping() {
  clearTimeout(told.timer);
  told.conversation = null;
}

function tell(typing) {
  const { room, peer } = told.conversation;
  link.socket.emit("typing", { ...(peer ? { to: peer.id } : { room }), typing, seen: seenUntil() });
}

// Shows or hides somebody's indicator, unless what they did since is known already.
export function showTypingOf(conversation, user, isTyping, { time, seq }) {
  const { typers, heard } = conversation;
  if (heard.has(user.id) && !isLater({ time, seq }, heard.get(user.id))) return;
  heard.set(user.id, { time, seq });
  hideTypingOf(conversation, user);
  if (isTyping) typers.set(user.id, { user, timer: setTimeout(hideTypingOf, EXPIRES, conversation, user) });
  if (conversation === onShow()) view.showTyping(conversation);
}

function hideTypingOf(conversation, user) {
  clearTimeout(conversation.typers.get(user.id)?.timer);
  conversation.typers.delete(user.id);
  if (conversation === onShow()) view.showTyping(conversation);
}

// Nobody is heard any more.
export function hideTyping() {
  for (const conversation of conversations.values()) {
    for (const { user } of [...conversation.typers.values()]) hideTypingOf(conversation, user);
  }
}
