// The socket and the bar that tells how it is doing: status, transport, upgrade.
//
// The page connects with the client's defaults: long-polling first, then an
// upgrade to WebSocket. Where the deployment has another address for WebSocket,
// client.json says so. For demonstrations the page's own address may choose:
//
//   /?transports=polling            stay on long-polling
//   /?transports=websocket          WebSocket from the first byte
//   /?transports=polling,websocket  the default, spelled out

import { part } from "./view.js";

const KNOWN_TRANSPORTS = ["polling", "websocket", "webtransport"];

// What the deployment says about itself; nothing, where it has nothing to say.
const deployment = await fetch("client.json").then((answer) => (answer.ok ? answer.json() : {})).catch(() => ({}));

// The client sends one event at a time and waits for its ack before it sends the next, for API Gateway does not keep
// the order of messages: https://socket.io/docs/v4/client-options/#retries. Without an ack it tries once more.
const IN_ORDER = { retries: 1, ackTimeout: 10_000 }; // ms

// Opens the one socket of this page, as somebody with a nickname and a secret. The callbacks:
//   connected({ again, recovered })  on every "connect" event
//   refused(text)                    the server, or the network, says no before the first "connect"
//   changed()                        the status changed; socket.connected is up to date
export function openConnection(identity, { connected, refused, changed }) {
  const socket = io(options(identity));
  let before = false; // has this page been connected before?

  const show = (status, text) => {
    showStatus(status, text);
    part("reconnect").hidden = !(before && status === "disconnected");
    changed();
  };

  socket.on("connect", () => {
    const again = before;
    before = true;
    show("connected", !again ? "connected" : socket.recovered ? "connection recovered" : "reconnected");
    connected({ again, recovered: socket.recovered });
  });

  socket.on("connect_error", (error) => {
    // An inactive socket was refused by middleware and will not try again by
    // itself; an active one could not reach the server and will.
    if (!before) refused(socket.active ? "The server cannot be reached; trying again." : refusal(error));
    if (!socket.active) show("disconnected", before ? refusal(error) : "not connected");
  });

  socket.on("disconnect", (reason) => {
    if (socket.active) show("reconnecting", `connection lost (${reason}), reconnecting`);
    else show("disconnected", `disconnected (${reason})`);
  });

  socket.io.on("reconnect_attempt", (attempt) => show("reconnecting", `reconnecting, attempt ${attempt}`));
  part("reconnect").addEventListener("click", () => reopen(socket, show));
  watchTransport(socket.io);
  show("connecting", "connecting");
  return {
    socket,
    // After a refusal, and a change of the identity: the same socket tries again.
    retry() {
      reopen(socket, show);
    },
  };
}

// Connecting a socket that is still trying would send its CONNECT packet twice.
function reopen(socket, show) {
  if (socket.active) return;
  show("connecting", "connecting");
  socket.connect();
}

function options(identity) {
  const asked = new URLSearchParams(location.search).get("transports") ?? "";
  const transports = asked.split(",").filter((name) => KNOWN_TRANSPORTS.includes(name));
  // The server is where the page is, which may be below a path.
  const path = new URL("socket.io/", document.baseURI).pathname;
  return { ...deployment, ...IN_ORDER, path, auth: identity, ...(transports.length > 0 && { transports }) };
}

function refusal(error) {
  const hint = error.data?.hint;
  return hint && hint !== error.message ? `${error.message}: ${hint}` : error.message;
}

// Every (re)connection has an engine of its own, hence the listener on "open".
function watchTransport(manager) {
  manager.on("open", () => {
    const { engine } = manager;
    const opened = performance.now();
    showTransport(engine.transport.name, "");
    engine.on("upgrade", (transport) => {
      showTransport(transport.name, `upgraded after ${Math.round(performance.now() - opened)} ms`);
    });
    engine.on("upgradeError", () => showTransport(engine.transport.name, "upgrade failed, polling goes on"));
  });
  manager.on("close", () => showTransport("", ""));
}

// Adds to the status line without changing the status.
export function remark(text) {
  part("status").textContent += `, ${text}`;
}

function showStatus(status, text) {
  part("status").dataset.status = status;
  part("status").textContent = text;
}

function showTransport(name, upgraded) {
  part("transport").dataset.transport = name;
  part("transport").textContent = name;
  part("upgraded").textContent = upgraded;
}
