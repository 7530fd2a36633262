// Text with links in it, for an element: nodes, never markup, so that what somebody wrote stays text.

// No spaces, quotes or brackets that enclose a link; no characters that do not show or that turn the direction.
const LINK = /\bhttps?:\/\/[^\s<>"\p{C}]+/giu;

export function withLinks(text) {
  const nodes = new DocumentFragment();
  let end = 0;
  for (const { 0: found, index } of text.matchAll(LINK)) {
    const address = trimmed(found);
    const link = linkTo(address);
    if (!link) continue;
    nodes.append(text.slice(end, index), link);
    end = index + address.length;
  }
  nodes.append(text.slice(end));
  return nodes;
}

// What ends a sentence is not the link's, nor is a bracket that was not opened in it.
function trimmed(address) {
  for (;;) {
    const last = address.at(-1);
    const opening = { ")": "(", "]": "[", "}": "{" }[last];
    const ends = ".,;:!?'*_…".includes(last) || (opening && address.split(last).length > address.split(opening).length);
    if (!ends) return address;
    address = address.slice(0, -1);
  }
}

// The title shows the name of the server as the browser understands it. An address with a user's name is no link: it
// makes one server look like another.
function linkTo(address) {
  if (!URL.canParse(address)) return null;
  const url = new URL(address);
  if (url.username || url.password) return null;
  const link = document.createElement("a");
  link.href = url.href;
  link.title = url.href;
  link.target = "_blank";
  link.rel = "noopener noreferrer nofollow ugc";
  link.dir = "ltr";
  link.textContent = address;
  return link;
}
