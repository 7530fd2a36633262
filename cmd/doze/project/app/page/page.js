// Where WebSocket has an address of its own, client.json says so.
const options = await fetch("client.json").then((answer) => (answer.ok ? answer.json() : {})).catch(() => ({}));
const path = new URL("socket.io/", document.baseURI).pathname; // beside the page
const socket = io({ path, ...options });
const part = (id) => document.getElementById(id);

function show(line) {
  const item = document.createElement("li");
  item.textContent = line;
  part("said").prepend(item);
}

// Every connection is a new socket without rooms, also after a broken one: join on "connect".
async function join() {
  const members = await socket.emitWithAck("join", part("room").value);
  part("status").textContent = members.error ?? `connected, ${members} in the room`;
}

socket.on("connect", join);
socket.on("disconnect", (reason) => { part("status").textContent = `disconnected: ${reason}`; });
socket.on("connect_error", (error) => { part("status").textContent = error.message; });
socket.on("said", (message) => show(`${message.room}: ${message.text}`));
part("room").addEventListener("change", join);
document.forms[0].addEventListener("submit", async (event) => {
  event.preventDefault();
  const text = part("text").value;
  part("text").value = "";
  const ack = await socket.emitWithAck("say", { room: part("room").value, text });
  show(ack.error ?? `me: ${text} (${ack})`);
});
