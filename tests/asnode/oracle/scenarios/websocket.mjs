// Raw WebSockets: refusals, malformed packets, namespaces by hand, the upgrade step by step.

import { queries } from "./http.mjs";

const joined = async (t, actor) => {
  const ws = await t.socket(actor);
  await ws.read(1);
  ws.send("40");
  await ws.read(2);
  return ws;
};

export const scenarios = {
  async "WebSocket refusals"(t) {
    for (const [what, query] of [
      ["no transport", "EIO=4"],
      ["unknown transport", "EIO=4&transport=abc"],
      ["unknown sid", "EIO=4&transport=websocket&sid=unknown"],
    ]) {
      await t.socket(what, query);
    }
  },

  async "WebSocket handshakes that allowRequest decides on"(t) {
    for (const query of ["deny=1", "deny=2"]) await t.socket(query, `EIO=4&transport=websocket&${query}`);
    const ws = await t.socket("deny=3", "EIO=4&transport=websocket&deny=3");
    await ws.read(1);
  },

  // The reference finds out when the WebSocket is open already: a refusal and a close are the same here.
  async "WebSocket of another protocol version"(t) {
    for (const [what, query] of [
      ["no EIO", "transport=websocket"],
      ["EIO 3", "EIO=3&transport=websocket"],
      ["EIO abc", "EIO=abc&transport=websocket"],
    ]) {
      const ws = await t.socket(what, query, { quiet: true });
      await ws.toEnd();
    }
  },

  async "WebSocket queries"(t) {
    for (const query of queries.map((each) => each.replace("polling", "websocket"))) {
      const ws = await t.socket(query, `EIO=4&transport=websocket&${query}`, { quiet: true });
      const [frame] = await ws.read(1);
      if (!frame.startsWith("0")) continue; // refused, or closed when it is open
      ws.send("40");
      await ws.read(2); // hello tells x
    }
  },

  async "WebSocket with two transports"(t) {
    const ws = await t.socket("raw", "EIO=4&transport=polling&transport=websocket");
    await ws.read(1);
    await t.socket("the other way round", "EIO=4&transport=websocket&transport=polling", { quiet: true });
  },

  async "WebSocket subprotocols"(t) {
    for (const protocols of [["chat.v1"], ["auth", "token123"], ["token123", "auth"]]) {
      const ws = await t.socket(protocols.join(), "EIO=4&transport=websocket", { protocols });
      await ws.read(1);
      ws.send("40");
      await ws.read(2);
    }
  },

  async "WebSocket subprotocols that are none"(t) {
    for (const [what, offer] of Object.entries({ empty: "", "with a space": "a b", doubled: "a, a", "with nothing behind a comma": "a,", quoted: '"a"' })) {
      await t.socket(what, "EIO=4&transport=websocket", { headers: { "Sec-WebSocket-Protocol": offer } });
    }
  },

  async "WebSocket namespaces by hand"(t) {
    const ws = await t.socket("raw", "EIO=4&transport=websocket&x=1");
    await ws.read(1);
    ws.send('40{"a":[1]}');
    await ws.read(2);
    ws.send("40/custom");
    await ws.read(2);
    ws.send('42/custom,5["echo","with comma"]');
    await ws.read(1);
    ws.send("41/custom");
    ws.send('4212["echo","main"]');
    await ws.read(1);
    ws.send("40/custom,{}");
    await ws.read(2);
    ws.send("40/unknown");
    await ws.read(1);
    ws.send("40/secret,");
    await ws.read(1);
    ws.send('4213["echo"]');
    await ws.read(1);
  },

  async "WebSocket refused by the middleware"(t) {
    const ws = await t.socket("raw");
    await ws.read(1);
    ws.send('40{"refuse":true}');
    await ws.read(1);
    ws.send('40{"refuse":false}');
    await ws.read(2);
  },

  // What other clients than the stock one may write for the same values.
  async "WebSocket numbers"(t) {
    const ws = await joined(t, "raw");
    for (const [i, count] of ["2.0", "2e0", "0.2E+1", "20e-1"].entries()) {
      ws.send(`42["burst",${count}]`);
      ws.send(`42${i}["echo",${count},{"a":[${count}]}]`);
      await ws.read(3);
    }
    for (const [i, name] of ["7", "7.0", "70e-1", '"7"', '"7.0"'].entries()) {
      ws.send(`421${i}[${name},"x"]`);
      if (i < 4) await ws.read(1);
    }
    for (const [i, number] of ["-0.5", "1e21", "123456789012345678901", "9007199254740993", "1e-7"].entries()) {
      ws.send(`422${i}["echo",${number}]`);
      await ws.read(1);
    }
  },

  async "WebSocket halves of surrogate pairs"(t) {
    const ws = await joined(t, "raw");
    const other = await joined(t, "other");
    for (const [i, args] of ['"\\ud83d"', '"\\ude00\\ud83d"', '"a\\ud83db",["\\ude00"]', '{"\\ud83d":1,"\\ud83e":"\\ud83e"}', '"\\ud83d\\ude00"'].entries()) {
      ws.send(`42${i}["echo",${args}]`);
      await ws.read(1);
      ws.send(`42["echo-event",${args}]`);
      await ws.read(1);
      ws.send(`421${i}["set-data",${args.replace(/,\[.*/, "")}]`);
      await ws.read(1);
      ws.send(`422${i}["get-data"]`);
      await ws.read(1);
    }
    ws.send('4230["join","\\ud83d"]');
    await ws.read(1);
    ws.send('4231["join","\\ud83e"]');
    await ws.read(1);
    ws.send('4232["rooms"]');
    await ws.read(1);
    other.send('4233["join","\\ud83e"]');
    await other.read(1);
    ws.send('4234["to",["\\ud83d"],"to \\ud83d","wrong"]');
    await ws.read(1);
    ws.send('4235["to",["\\ud83e"],"to \\ud83e","right"]');
    await ws.read(1);
    await other.read(1);
  },

  async "WebSocket deep arguments"(t) {
    const ws = await joined(t, "raw");
    for (const [i, depth] of [127, 128, 1000].entries()) {
      ws.send(`42${i}["echo",${"[".repeat(depth)}${"]".repeat(depth)}]`);
      await ws.read(1);
      ws.send(`421${i}["echo",${'{"a":'.repeat(depth)}1${"}".repeat(depth)}]`);
      await ws.read(1);
    }
  },

  async "WebSocket malformed packets"(t) {
    const placeholder = '{"_placeholder":true,"num":0}';
    for (const [what, ...packets] of [
      ["unknown engine packet", "abc"],
      ["unknown engine type", "9"],
      ["a ping from the client", "2"],
      ["unknown packet type", "4abc"],
      ["unknown packet type 7", "47"],
      ["payload that is no JSON", '42["echo"'],
      ["payload that is no array", "42{}"],
      ["payload that is a string", '42"echo"'],
      ["empty array", "42[]"],
      ["event name that is an object", "42[{}]"],
      ["ack id that is no number", '42abc["echo"]'],
      ["reserved event connect", '42["connect"]'],
      ["reserved event disconnecting", '42["disconnecting"]'],
      ["ack that is no array", "431{}"],
      ["CONNECT a second time", "40"],
      ["CONNECT with an array", "40/custom,[]"],
      ["CONNECT_ERROR from a client", '44{"message":"x"}'],
      ["DISCONNECT with a payload", '41{"a":1}'],
      ["event for a namespace not joined", '42/custom,["echo"]'],
      ["DISCONNECT of a namespace not joined", "41/custom"],
      ["eleven attachments", `4511-["echo"]`],
      ["attachments that are no number", `45x-["echo",${placeholder}]`],
      ["binary event without attachments", `45["echo",${placeholder}]`],
      ["text where an attachment is due", `451-["echo",${placeholder}]`, '42["echo"]'],
    ]) {
      const ws = await joined(t, what);
      ws.send(...packets);
      await ws.toEnd();
    }
  },

  async "WebSocket packets that are odd and legal"(t) {
    for (const [what, ...packets] of [
      ["unknown event", '42["nobody listens",1]'],
      ["event name that is a number", "42[5]"],
      ["ack of nothing", "437[1]"],
      ["stray pong", "3"],
      ["noop", "6"],
      ["white space in the payload", '42[ "nobody" , { "a" : 1 } ]'],
      ["ack id zero", '420["echo","zero"]'],
      ["large ack id", '429007199254740991["echo","large"]'],
    ]) {
      const ws = await joined(t, what);
      ws.send(...packets);
      if (what.includes("ack id")) await ws.read(1);
      ws.send('42999["echo","end"]');
      await ws.read(1);
    }
  },

  async "WebSocket event before CONNECT"(t) {
    const ws = await t.socket("raw");
    await ws.read(1);
    ws.send('42["echo",1]');
    await ws.toEnd();
  },

  async "WebSocket DISCONNECT leaves the connection open"(t) {
    const watcher = t.client("watcher");
    await t.wait("watcher", watcher, "hello");
    const ws = await t.socket("raw");
    await ws.read(1);
    ws.send("40");
    const [accepted] = await ws.read(2);
    const left = t.left("watcher", watcher, JSON.parse(accepted.slice(2)).sid);
    ws.send("41");
    await left;
    ws.send("40");
    await ws.read(2);
    ws.send('421["echo","again"]');
    await ws.read(1);
  },

  async "server disconnects by hand"(t) {
    const leave = await joined(t, "leave");
    leave.send('42["disconnect-me",false]');
    await leave.read(1);
    const close = await joined(t, "close");
    close.send('42["disconnect-me",true]');
    await close.toEnd();
  },

  async "upgrade by hand"(t) {
    const sid = await t.open("raw");
    await t.post(sid, "40");
    await t.poll("raw", sid, 2);
    const query = `EIO=4&transport=websocket&sid=${sid}`;
    const ws = await t.socket("raw websocket", query);
    ws.send("2probe");
    await ws.read(1);
    await t.http("raw", "poll while upgrading", `EIO=4&transport=polling&sid=${sid}`);
    await t.post(sid, '42["burst",3]'); // answers wait for the WebSocket
    ws.send("5");
    await ws.read(3);
    ws.send('421["echo","upgraded"]');
    await ws.read(1);
    await t.http("raw", "poll after the upgrade", `EIO=4&transport=polling&sid=${sid}`);
    await t.http("raw", "POST after the upgrade", `EIO=4&transport=polling&sid=${sid}`, { method: "POST", body: "4x", headers: { "content-type": "text/plain" } });
    const second = await t.socket("second websocket", query);
    await second.toEnd();
    ws.send('422["echo","still here"]');
    await ws.read(1);
  },

  async "upgrade that is no probe"(t) {
    const sid = await t.open("raw");
    const ws = await t.socket("raw websocket", `EIO=4&transport=websocket&sid=${sid}`);
    ws.send("2wrong");
    await ws.toEnd();
    await t.post(sid, "40");
    await t.poll("raw", sid, 2);
  },

  async "upgrade that is given up"(t) {
    const sid = await t.open("raw");
    const ws = await t.socket("raw websocket", `EIO=4&transport=websocket&sid=${sid}`);
    ws.send("2probe");
    await ws.read(1);
    ws.kill();
    await t.post(sid, "40");
    await t.poll("raw", sid, 2);
    await t.post(sid, '421["echo","over polling"]');
    await t.poll("raw", sid, 1);
  },
};
