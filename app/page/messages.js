// Messages: sending them, and how they are doing; receiving them.

import { ask, link, online } from "./asking.js";
import { onShow, put, showLists } from "./conversations.js";
import { LIMITS, characters } from "./limits.js";
import { noteTime, seenUntil } from "./order.js";
import { focusConversation } from "./panels.js";
import { isElsewhere, present } from "./people.js";
import { forgetTyping, showTypingOf } from "./typing.js";
import * as view from "./view.js";
import { part } from "./view.js";

export function send(event) {
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

export function retry(conversation, entry) {
  focusConversation(conversation); // the button that had the focus goes away
  deliver(conversation, entry);
}

// Shows the message as on its way, then as delivered or not.
async function deliver(conversation, entry) {
  settle(conversation, entry, { state: "sending", waiting: true }, { own: true });
  const { id, text } = entry;
  const { room, peer } = conversation;
  const sender = link.socket.id;
  const to = peer && present(peer);
  try {
    const receipt = await (to ? ask("whisper", { id, to: to.id, text, seen: seenUntil() })
      : ask("say", { id, room, text, seen: seenUntil() }));
    noteTime(receipt);
    settle(conversation, entry, { state: "delivered", waiting: false, time: receipt.time, seq: receipt.seq });
  } catch (error) {
    if (error.gone && (await isElsewhere(to))) return deliver(conversation, entry); // who reloads the page has another id
    if (online() && link.socket.id !== sender && room) { // it may have come before its room was joined again
      await link.rejoining;
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

export function receive(conversation, message) {
  const { id, from, text, time, seq } = message;
  showTypingOf(conversation, from, false, message);
  if (conversation.entries.some((entry) => entry.id === id && entry.from?.tag === from.tag)) return; // it was sent again
  const entry = { kind: "received", id, from, text, time, seq };
  entry.node = view.nodeOf(entry);
  if (conversation !== onShow() || document.hidden) conversation.unread += 1;
  put(conversation, entry);
  showLists();
}
