// Where things belong. No gateway promises that they arrive in order, so each comes with the server's time and number.

let seen = 0;

// Notes the time of what the server has sent. What we send then says what we had seen, so that it comes after that.
export function noteTime({ time }) {
  if (time > seen) seen = time;
}

export const seenUntil = () => seen;

// Whether a belongs after b.
export const isLater = (a, b) => a.time > b.time || (a.time === b.time && a.seq > b.seq);

// Puts an entry where it belongs, and returns the entry that it stands before, if any. What waits for the server's
// answer has no place yet: it stays at the end. What the page says by itself comes after what is there.
export function place(entries, entry) {
  const settled = entries.findLast(({ waiting }) => !waiting);
  if (entry.time === undefined) Object.assign(entry, { time: settled?.time ?? seen, seq: settled?.seq ?? 0 });
  let i = entries.length;
  while (i > 0 && belongsAfter(entries[i - 1], entry)) i--;
  entries.splice(i, 0, entry);
  return entries[i + 1];
}

function belongsAfter(a, b) {
  if (a.waiting || b.waiting) return Boolean(a.waiting) && !b.waiting;
  return isLater(a, b);
}
