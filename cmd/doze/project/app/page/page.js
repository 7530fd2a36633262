const part = (id) => document.getElementById(id);

function state(kind, text) {
  part("state").dataset.state = kind;
  part("state").textContent = text;
}

// show adds a line, and returns how to change what stands below it.
function show(kind, text, below = "") {
  const item = document.createElement("li");
  item.className = kind;
  if (kind === "note") {
    item.textContent = text;
  } else {
    const said = document.createElement("p");
    const small = document.createElement("small");
    [said.dir, said.textContent, small.textContent] = ["auto", text, below];
    item.append(said, small);
  }
  const log = part("said");
  const atEnd = log.scrollHeight - log.scrollTop - log.clientHeight < 60;
  log.append(item);
  if (atEnd || kind === "mine") log.scrollTop = log.scrollHeight;
  return (words, failed) => {
    item.classList.toggle("failed", failed);
    item.lastChild.textContent = words;
  };
}

// The first script of the page brings io.
if (typeof io === "undefined") {
  state("off", "no client");
  show("note", "The Socket.IO client cannot be loaded. make dev says where it comes from; npm install socket.io puts it on your machine.");
  throw new Error("there is no socket.io.js");
}

// Where WebSocket has an address of its own, client.json says so.
const options = await fetch("client.json").then((answer) => (answer.ok ? answer.json() : {})).catch(() => ({}));
const path = new URL("socket.io/", document.baseURI).pathname; // beside the page
const socket = io({ path, ...options });
let room = part("room").value;

// ask sends an event and returns its ack; what the server refuses is an error, and so is no answer.
async function ask(event, argument) {
  const ack = await socket.timeout(10_000).emitWithAck(event, argument).catch(() => ({ error: "no answer" }));
  if (ack?.error) throw new Error(ack.error);
  return ack;
}

// Every connection is a new socket without rooms, also after a broken one: join on "connect".
async function join() {
  room = part("room").value.trim();
  try {
    const others = await ask("join", room) - 1;
    show("note", `You are in ${room}, with ${others === 0 ? "nobody else yet" : others === 1 ? "1 other" : `${others} others`}.`);
  } catch (error) {
    show("note", `You are not in ${room}: ${error.message}`);
  }
}

socket.on("connect", () => {
  state("on", "connected");
  join();
});
socket.on("disconnect", (reason) => state("off", socket.active ? `reconnecting (${reason})` : `disconnected (${reason})`));
socket.on("connect_error", (error) => state("off", `${socket.active ? "trying again" : "refused"} (${error.message})`));
socket.on("said", (message) => show("theirs", message.text, message.room === room ? "" : `in ${message.room}`));

part("enter").addEventListener("submit", (event) => {
  event.preventDefault();
  part("text").focus();
});
part("room").addEventListener("change", () => { if (socket.connected && part("room").reportValidity()) join(); });
part("say").addEventListener("submit", async (event) => {
  event.preventDefault();
  const text = part("text").value.trim();
  part("text").value = "";
  part("text").focus();
  if (!text) return;
  const below = show("mine", text, "sending");
  try {
    below(await ask("say", { room, text }), false);
  } catch (error) {
    below(`not delivered: ${error.message}`, true);
  }
});
