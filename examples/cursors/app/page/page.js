const part = (id) => document.getElementById(id);

if (typeof io === "undefined") {
  part("state").textContent = "The Socket.IO client cannot be loaded: npm install socket.io puts it on your machine.";
  throw new Error("there is no socket.io.js");
}

const board = decodeURIComponent(location.hash.slice(1)) || "tea"; // #cake is another board
const name = `guest ${Math.floor(Math.random() * 1000)}`;
const answer = (response) => (response.ok ? response.json() : {});
const options = await fetch("client.json").then(answer).catch(() => ({})); // where WebSocket has an address of its own
const path = new URL("socket.io/", document.baseURI).pathname; // beside the page
const socket = io({ path, ...options, auth: { board, name } });

// Others' cursors, by the ids of their sockets. Events may overtake each other: the highest n is the newest, and who
// has left stays away, for an id never comes again.
const cursors = new Map();
const left = new Set();

function show({ id, name, x, y, n }) {
  if (left.has(id) || n <= (cursors.get(id)?.n ?? 0)) return;
  const element = cursors.get(id)?.element ?? document.createElement("div");
  cursors.set(id, { n, element });
  element.className = "cursor";
  element.textContent = name;
  element.style.background = `hsl(${[...id].reduce((sum, letter) => sum + 31 * letter.charCodeAt(0), 0) % 360} 60% 40%)`;
  [element.style.left, element.style.top] = [`${x * 100}%`, `${y * 100}%`];
  part("board").append(element);
}

function remove(id) {
  left.add(id);
  cursors.get(id)?.element.remove();
  cursors.delete(id);
}

const between = 50; // ms between two positions: 20 a second are smooth, and each is an invocation
const resting = 200; // ms without a movement
let here = null; // the newest position
let n = 0;
let waiting = null; // the timer of the next position on its way
let stopped; // the timer of coming to rest

part("board").addEventListener("pointermove", (event) => {
  const { width, height } = part("board").getBoundingClientRect();
  const within = (value) => Math.min(1, Math.max(0, value));
  here = { x: within(event.clientX / width), y: within(event.clientY / height), n: ++n };
  waiting ??= setTimeout(() => {
    waiting = null;
    socket.volatile.emit("move", here);
  }, between);
  clearTimeout(stopped);
  stopped = setTimeout(rest, resting);
});

// rest says where the cursor is, again until the server has it or it moves on. It has an n of its own, above that of
// the same place on the way.
async function rest() {
  clearTimeout(waiting);
  waiting = null;
  const mine = (here = { ...here, n: ++n });
  while (here === mine && socket.connected) {
    try {
      const ack = await socket.timeout(5000).emitWithAck("rest", mine);
      if (ack?.error) part("state").textContent = ack.error;
      return;
    } catch { /* no answer in time */ }
  }
}

socket.on("connect", () => {
  part("state").textContent = `${name} at ${board}`;
  if (here) rest(); // this is a new socket: nobody knows where it is
});
socket.on("cursors", (all) => all.forEach(show));
socket.on("moved", show);
socket.on("left", remove);
socket.on("disconnect", (reason) => {
  for (const id of [...cursors.keys()]) remove(id); // they are told anew
  left.clear();
  part("state").textContent = socket.active ? `reconnecting (${reason})` : `disconnected (${reason})`;
});
socket.on("connect_error", (error) => { part("state").textContent = error.message; });
