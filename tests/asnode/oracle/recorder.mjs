// What a scenario talks with. Everything that a client sees is written down, by the client's name, as one JSON line;
// ids become names, and what is no part of the protocol's promise (timings, key order, pings) is left out.

import { once } from "node:events";
import { io } from "socket.io-client";
import msgpack from "socket.io-msgpack-parser";
import { WebSocket } from "ws";

/** What all stock clients have besides their scenario's options: PARSER=msgpack is for servers that have that parser. */
export const parser = process.env.PARSER === "msgpack" ? { parser: msgpack } : {};

// How long a scenario waits for something before it writes down that nothing came.
const limit = 5000;

export class Recorder {
  #lines = new Map(); // actor -> what it saw
  #names = new Map(); // id -> name
  #ends = [];

  constructor(url) {
    this.url = url.replace(/\/$/, "");
  }

  /** saw writes a line for the actor. */
  saw(actor, ...what) {
    if (!this.#lines.has(actor)) this.#lines.set(actor, []);
    this.#lines.get(actor).push(sorted(what));
  }

  /** name makes an id appear under this name wherever it occurs in the transcript. */
  name(id, name) {
    if (id && !this.#names.has(id)) this.#names.set(id, `<${name}>`);
  }

  /**
   * late tells a farewell of a client that this scenario has not named: of an earlier scenario, whose connection has ended
   * before all that its end is cause of. Where every function is a process of its own that may take a while.
   */
  late(packet) {
    const [, id] = /^42\["peer-(?:left|leaving)",\{"id":"([^"]*)"/.exec(packet) ?? [];
    return id !== undefined && !this.#names.has(id);
  }

  /** transcript is what was seen: the lines of one actor in their order, actor after actor. */
  transcript() {
    const lines = [];
    for (const actor of [...this.#lines.keys()].sort()) {
      for (const what of this.#lines.get(actor)) {
        let line = JSON.stringify({ [actor]: what });
        for (const [id, name] of this.#names) line = line.replaceAll(id, name);
        lines.push(line);
      }
    }
    return lines;
  }

  /** end closes whatever the scenario left open. */
  async end() {
    for (const end of this.#ends.reverse()) await end();
  }

  /**
   * client runs a stock client on a connection of its own and writes down its events: its life, its packets, the
   * transport they came by.
   */
  client(actor, options = {}, namespace = "/", manager = undefined) {
    const socket = manager
      ? manager.socket(namespace, options)
      : io(this.url + namespace, { forceNew: true, reconnection: false, transports: ["polling"], ...parser, ...options });
    socket.on("connect", () => {
      this.name(socket.id, `${actor}.id`);
      this.name(socket.io.engine.id, `${actor}.sid`);
      this.saw(actor, "connect", socket.recovered);
    });
    socket.on("connect_error", (error) => this.saw(actor, "connect_error", error.message, error.data ?? null, error.type ?? null));
    socket.on("disconnect", (reason) => this.saw(actor, "disconnect", reason, { active: socket.active }));
    socket.onAny((event, ...args) => {
      if (event === "hello") this.name(args[0].id, `${actor}.id`);
      // What other clients of this server do is seen by everybody: a scenario asks for it by name.
      if (event !== "peer-left") this.saw(actor, "event", event, ...args.map(plain));
    });
    this.#ends.push(() => socket.disconnect());
    return socket;
  }

  /** ask emits an event and writes down its ack. */
  async ask(actor, socket, event, ...args) {
    await this.#askFor(limit, actor, socket, event, ...args);
  }

  /** askInVain asks what gets no ack: one that comes after all comes within a second. */
  async askInVain(actor, socket, event, ...args) {
    await this.#askFor(1000, actor, socket, event, ...args);
  }

  async #askFor(limit, actor, socket, event, ...args) {
    try {
      const answer = await new Promise((resolve, reject) =>
        socket.timeout(limit).emit(event, ...args, (error, ...all) => (error ? reject(error) : resolve(all))));
      this.saw(actor, "ack", event, ...answer.map(plain));
    } catch (error) {
      this.saw(actor, "no ack", event, error.message);
    }
  }

  /** wait waits for an event of an emitter; if it does not come in time, the actor saw nothing. */
  async wait(actor, emitter, event) {
    try {
      return await once(emitter, event, { signal: AbortSignal.timeout(limit) });
    } catch {
      this.saw(actor, "waited in vain", event);
      return [];
    }
  }

  /** left waits for the watcher to be told that a socket left, and writes down what it was told. */
  async left(actor, watcher, id) {
    const told = await new Promise((resolve) => {
      const timer = setTimeout(() => resolve("waited in vain"), limit);
      watcher.on("peer-left", (about) => {
        if (about.id !== id) return;
        clearTimeout(timer);
        resolve(about);
      });
    });
    this.saw(actor, "peer-left", told);
  }

  /** http sends a request and writes down the answer's status, its telling headers and its packets or JSON. */
  async http(actor, what, query, { method = "GET", body, headers = {}, secret = false } = {}) {
    let answer;
    try {
      const response = await fetch(`${this.url}/socket.io/?${query}`, { method, body, headers, signal: AbortSignal.timeout(limit) });
      answer = { status: response.status, type: response.headers.get("content-type"), body: await response.text(), headers: response.headers };
    } catch (error) {
      answer = { status: 0, body: "", type: error.name === "TimeoutError" ? "no answer in time" : "connection cut", headers: new Headers() };
    }
    if (secret) {
      this.saw(actor, what, "sent");
      return answer;
    }
    const telling = ["cache-control", "set-cookie", "access-control-allow-origin", "x-each"];
    const shown = Object.fromEntries(telling.filter((name) => answer.headers.has(name)).map((name) => [name, answer.headers.get(name)]));
    this.saw(actor, what, answer.status, answer.type?.toLowerCase() ?? null, this.body(actor, answer), shown);
    return answer;
  }

  /** body makes an answer's body comparable. */
  body(actor, { status, type, body }) {
    if (type?.startsWith("application/json")) return parsed(body);
    if (status === 200 && body !== "ok" && body !== "") return body.split("\x1e").map((packet) => this.packet(actor, packet));
    return body;
  }

  /** packet makes a packet comparable: its head and its JSON, ids named, figures of the configuration left out. */
  packet(actor, packet) {
    const [, head, content] = /^([^[{]*)(.*)$/s.exec(packet);
    const value = parsed(content);
    if (head === "0" && value?.sid) {
      this.name(value.sid, `${actor}.sid`);
      for (const figure of ["pingInterval", "pingTimeout", "maxPayload"]) value[figure] = typeof value[figure];
    }
    if (/^40(\/.*,)?$/.test(head) && value?.sid) this.name(value.sid, `${actor}.id`);
    return content === "" ? head : [head, value];
  }

  /** poll polls a session until it has delivered count packets, and writes them down one by one. */
  async poll(actor, sid, count) {
    for (let got = 0; got < count; ) {
      const { status, body } = await this.#get(sid);
      if (status !== 200) {
        this.saw(actor, "poll", status, parsed(body));
        return;
      }
      for (const packet of body.split("\x1e").filter((each) => each !== "2")) {
        this.saw(actor, "packet", this.packet(actor, packet));
        if (packet !== "6") got++;
      }
    }
  }

  /** pollToEnd polls a session until it is refused and writes down what came. */
  async pollToEnd(actor, sid) {
    for (let i = 0; i < 10; i++) {
      const { status, body } = await this.#get(sid);
      if (status !== 200) {
        this.saw(actor, "poll", status, parsed(body));
        return;
      }
      for (const packet of body.split("\x1e").filter((each) => each !== "2")) this.saw(actor, "packet", this.packet(actor, packet));
    }
    this.saw(actor, "still open after ten polls");
  }

  async #get(sid) {
    try {
      const response = await fetch(`${this.url}/socket.io/?EIO=4&transport=polling&sid=${sid}`, { signal: AbortSignal.timeout(limit) });
      return { status: response.status, body: await response.text() };
    } catch {
      return { status: 0, body: '"no answer"' };
    }
  }

  /** open opens a polling session and returns its id; nothing is written down. */
  async open(actor) {
    const response = await fetch(`${this.url}/socket.io/?EIO=4&transport=polling`);
    const { sid } = JSON.parse((await response.text()).slice(1));
    this.name(sid, `${actor}.sid`);
    return sid;
  }

  /** post sends a payload that the server is expected to accept. */
  async post(sid, ...packets) {
    const response = await fetch(`${this.url}/socket.io/?EIO=4&transport=polling&sid=${sid}`, { method: "POST", body: packets.join("\x1e") });
    if (response.status !== 200) throw new Error(`POST ${packets}: ${response.status}`);
  }

  /**
   * socket opens a raw WebSocket. A refusal is written down, unless quiet, and then is as good as a close; so is the
   * subprotocol that was chosen, if any were offered.
   */
  async socket(actor, query = "EIO=4&transport=websocket", { quiet = false, protocols = [], headers = {} } = {}) {
    const ws = new RawSocket(this, actor, `${this.url.replace("http", "ws")}/socket.io/?${query}`, quiet, protocols, headers);
    this.#ends.push(() => ws.kill());
    await ws.opened;
    if (protocols.length > 0) this.saw(actor, "subprotocol", ws.ws.protocol);
    return ws;
  }
}

class RawSocket {
  #frames = [];
  #wake = () => {};

  constructor(recorder, actor, address, quiet, protocols, headers) {
    Object.assign(this, { recorder, actor });
    const ws = (this.ws = new WebSocket(address, protocols, { headers }));
    this.opened = new Promise((resolve) => {
      ws.on("open", resolve);
      ws.on("unexpected-response", (_, response) => {
        const chunks = [];
        response.on("data", (chunk) => chunks.push(chunk));
        response.on("end", () => {
          if (!quiet) {
            recorder.saw(actor, "refused", response.statusCode);
            recorder.saw(actor, "refusal says", parsed(String(Buffer.concat(chunks))));
          }
          this.#take("closed");
          resolve();
        });
      });
      ws.on("error", resolve);
    });
    ws.on("message", (data, binary) => {
      const packet = binary ? { binary: data.toString("base64") } : String(data);
      if (packet === "2") ws.send("3");
      else if (!recorder.late(packet)) this.#take(packet);
    });
    ws.on("close", () => this.#take("closed"));
  }

  #take(frame) {
    this.#frames.push(frame);
    this.#wake();
  }

  send(...packets) {
    for (const packet of packets) this.ws.send(packet);
  }

  async #next() {
    const end = AbortSignal.timeout(limit);
    while (this.#frames.length === 0) {
      if (end.aborted) return "nothing in time";
      await new Promise((resolve) => {
        this.#wake = resolve;
        end.addEventListener("abort", resolve, { once: true });
      });
    }
    return this.#frames.shift();
  }

  /** read writes down the next frames and resolves to them. */
  async read(count) {
    const frames = [];
    while (frames.length < count) {
      const frame = await this.#next();
      frames.push(frame);
      this.recorder.saw(this.actor, "frame", typeof frame === "string" ? this.recorder.packet(this.actor, frame) : frame);
      if (frame === "closed" || frame === "nothing in time") break;
    }
    return frames;
  }

  /** toEnd writes down what comes until the server closes the connection. */
  async toEnd() {
    for (let frame; frame !== "closed" && frame !== "nothing in time"; ) {
      frame = await this.#next();
      this.recorder.saw(this.actor, "frame", typeof frame === "string" ? this.recorder.packet(this.actor, frame) : frame);
    }
  }

  kill() {
    this.ws.terminate();
  }
}

/** plain makes binary arguments visible in JSON. */
function plain(value) {
  if (Buffer.isBuffer(value) || value instanceof Uint8Array) return { bytes: Buffer.from(value).toString("base64") };
  if (Array.isArray(value)) return value.map(plain);
  if (value && typeof value === "object") return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, plain(each)]));
  return value;
}

/** sorted orders the keys of all objects. */
function sorted(value) {
  if (Array.isArray(value)) return value.map(sorted);
  if (value && typeof value === "object") {
    return Object.fromEntries(Object.keys(value).sort().map((key) => [key, sorted(value[key])]));
  }
  return value;
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
