const part = (id) => document.getElementById(id);

if (typeof io === "undefined") {
  part("state").textContent = "The Socket.IO client cannot be loaded: npm install socket.io puts it on your machine.";
  throw new Error("there is no socket.io.js");
}

const answer = (response) => (response.ok ? response.json() : {});
const options = await fetch("client.json").then(answer).catch(() => ({})); // where WebSocket has an address of its own
const path = new URL("socket.io/", document.baseURI).pathname; // beside the page
const socket = io({ path, ...options, autoConnect: false, auth: (give) => give({ name: part("name").value }) });

let me = "";
let to = ""; // whom the next message is for
const online = new Set();
const heard = new Map(); // name to whether they are online: what came on this connection, which the list may not have
const typists = new Map(); // name to the timer that forgets them

function show(text) {
  const item = document.createElement("li");
  item.dir = "auto";
  item.textContent = text;
  part("messages").append(item);
  return item;
}

function draw() {
  part("people").replaceChildren(...[...online].filter((name) => name !== me).sort().map((name) => {
    const button = document.createElement("button");
    button.textContent = name;
    button.ariaPressed = String(name === to);
    button.onclick = () => {
      stopTyping();
      to = name;
      draw();
      part("text").focus();
    };
    const item = document.createElement("li");
    item.append(button);
    return item;
  }));
  part("write").hidden = to === "";
  part("text").placeholder = `To ${to}`;
  part("typing").textContent = [...typists.keys()].map((name) => `${name} is typing`).join(", ");
}

function presence(name, isOnline) {
  heard.set(name, isOnline);
  if (isOnline) online.add(name);
  else online.delete(name);
  draw();
}

socket.on("connect", () => { part("enter").hidden = true; });
socket.on("people", (people) => {
  me = people.you;
  for (const name of people.online) if (heard.get(name) !== false) online.add(name);
  part("state").textContent = people.more ? `${me}, among too many to list` : me;
  draw();
});
socket.on("online", (name) => presence(name, true));
socket.on("offline", (name) => presence(name, false));
socket.on("message", (message, confirm) => {
  show(message.from === me ? `to ${message.to}: ${message.text}` : `${message.from}: ${message.text}`);
  confirm?.(); // those of one's own other tabs ask for no ack
  forget(message.from);
});
socket.on("typing", ({ from, typing }) => {
  forget(from);
  if (typing) typists.set(from, setTimeout(() => forget(from), 6000)); // "no longer" is volatile, and may not come
  draw();
});
socket.on("disconnect", (reason) => {
  online.clear();
  heard.clear();
  draw();
  part("state").textContent = socket.active ? `reconnecting (${reason})` : `disconnected (${reason})`;
});
socket.on("connect_error", (error) => {
  part("state").textContent = error.message;
  part("enter").hidden = socket.active;
});

function forget(name) {
  clearTimeout(typists.get(name));
  typists.delete(name);
  draw();
}

let typing = null; // the timer that ends it
let said = 0; // when the other page was told last

function stopTyping() {
  if (typing === null) return;
  clearTimeout(typing);
  typing = null;
  said = 0;
  socket.volatile.emit("typing", { to, typing: false });
}

part("text").addEventListener("input", () => {
  clearTimeout(typing);
  typing = setTimeout(stopTyping, 3000);
  if (Date.now() - said < 3000) return; // each costs an invocation
  said = Date.now();
  socket.volatile.emit("typing", { to, typing: true });
});

part("enter").addEventListener("submit", (event) => {
  event.preventDefault();
  socket.connect();
});

part("write").addEventListener("submit", async (event) => {
  event.preventDefault();
  const text = part("text").value;
  part("text").value = "";
  stopTyping();
  const line = show(`to ${to}: ${text} …`);
  const words = `to ${to}: ${text}`;
  try {
    const ack = await socket.timeout(10_000).emitWithAck("message", { to, text });
    line.textContent = ack.error ? `${words} (not sent: ${ack.error})` : ack.delivered ? `${words} ✓` : `${words} (not confirmed)`;
  } catch {
    line.textContent = `${words} (no answer: it may not have been sent)`;
  }
});

part("enter").hidden = false; // from now on, so that nobody sends the form before it is listened to
