// What the server takes, so that more is refused before it is sent. The tests of package app compare these with it.

export const LIMITS = { nickname: 24, room: 40, text: 4000 }; // characters

// Code points, as the server counts them: a text's length counts UTF-16 units.
export function characters(text) {
  let count = 0;
  for (const _ of text) count += 1;
  return count;
}
