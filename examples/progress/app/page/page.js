const part = (id) => document.getElementById(id);

if (typeof io === "undefined") {
  part("state").textContent = "The Socket.IO client cannot be loaded: npm install socket.io puts it on your machine.";
  throw new Error("there is no socket.io.js");
}

const answer = (response) => (response.ok ? response.json() : {});
const options = await fetch("client.json").then(answer).catch(() => ({})); // where WebSocket has an address of its own
const path = new URL("socket.io/", document.baseURI).pathname; // beside the page
const socket = io({ path, ...options });
let job = new URLSearchParams(location.search).get("job") || part("job").value; // ?job=NAME
let newest = 0;
part("job").value = job;

async function ask(event, name) {
  try {
    const ack = await socket.timeout(10_000).emitWithAck(event, name);
    part("state").textContent = ack?.error ?? `watching ${job}`;
  } catch {
    part("state").textContent = `no answer: ${job} is not watched`;
  }
}

// Reports may overtake each other and come twice. Each is whole, so that one which is not newer is left out.
socket.on("progress", (report) => {
  if (report.job !== job || report.at <= newest) return;
  newest = report.at;
  if (report.total > 0) part("bar").value = report.done / report.total;
  else if (report.state === "running") part("bar").removeAttribute("value"); // nobody knows how much there is
  if (report.state === "done") part("bar").value = 1;
  const bytes = report.total > 0 ? `${report.done} of ${report.total} bytes` : `${report.done} bytes`;
  part("said").textContent = { running: bytes, done: `${bytes}, SHA-256 ${report.result}`, failed: `failed: ${report.error}` }[report.state];
});

socket.on("connect", () => ask("watch", job)); // each connection is a new socket, without rooms
socket.on("disconnect", (reason) => { part("state").textContent = socket.active ? `reconnecting (${reason})` : `disconnected (${reason})`; });
socket.on("connect_error", (error) => { part("state").textContent = error.message; });

part("watch").addEventListener("submit", async (event) => {
  event.preventDefault();
  const before = job;
  job = part("job").value;
  newest = 0;
  part("bar").value = 0;
  part("said").textContent = "nothing yet";
  if (before !== job) await ask("unwatch", before);
  await ask("watch", job);
});

part("watch").hidden = false; // from now on, so that nobody sends the form before it is listened to
