// What a refresh keeps: who one is, the conversations and what was said in them, in the sessionStorage of this tab. The
// conversation on show is in the address, so that Back and links work.

const KEY = "doze chat";
const ENTRIES = 100; // kept of each conversation

let forgotten = false;

// Returns what was kept: {nickname, secret, conversations}. The secret is made up once, and tells the server that it is
// still us who come back.
export function recall() {
  try {
    const { nickname, secret, conversations } = JSON.parse(sessionStorage.getItem(KEY)) ?? {};
    return { nickname: nickname ?? "", secret: secret ?? newSecret(), conversations: conversations ?? [] };
  } catch { // storage may be forbidden, or hold something else
    return { nickname: "", secret: newSecret(), conversations: [] };
  }
}

// Keeps as much as there is room for.
export function keep({ nickname, secret }, conversations) {
  if (forgotten) return;
  for (const entries of [ENTRIES, 10, 0]) {
    const kept = [...conversations].map((conversation) => shortened(conversation, entries));
    try {
      return sessionStorage.setItem(KEY, JSON.stringify({ nickname, secret, conversations: kept }));
    } catch { /* too much, or forbidden */ }
  }
}

export function forget() {
  forgotten = true;
  try {
    sessionStorage.removeItem(KEY);
  } catch { /* then nothing was kept */ }
}

function shortened({ room, peer, draft, unread, entries }, last) {
  const kept = last === 0 ? [] : entries.slice(-last);
  return { room, peer, draft, unread, entries: kept.map(({ node, ...entry }) => entry) };
}

function newSecret() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

// ---- the address

// What the address asks for: {room}, {tag} of a person, or neither.
export function asked() {
  const fields = new URLSearchParams(location.hash.slice(1));
  return { room: fields.get("room") || undefined, tag: fields.get("with") || undefined };
}

// Puts a conversation into the address, as a step that Back goes back from, or in place of the present one.
export function point(conversation, { replace = false } = {}) {
  const { room, tag } = asked();
  if (room === conversation?.room && tag === conversation?.peer?.tag) return;
  const to = location.pathname + location.search + hashOf(conversation);
  if (replace) history.replaceState(null, "", to);
  else history.pushState(null, "", to);
}

function hashOf(conversation) {
  if (!conversation) return "";
  const { room, peer } = conversation;
  return `#${new URLSearchParams(room ? { room } : { with: peer.tag })}`;
}
