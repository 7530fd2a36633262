// Raw HTTP: the errors, and what a polling session does beside the path that a stock client takes.

const text = { "content-type": "text/plain;charset=UTF-8" };
const session = (sid) => `EIO=4&transport=polling&sid=${sid}`;

/** What has to be read alike over both transports. */
export const queries = [
  "x=a;b", "x=a;b&y=c", "x=a%3Bb", "x=%", "x=%4", "x=%zz", "x=100%", "x=a%25", "x=a+b%20c%2Bd", "x=1&x=2", "x=&x=2", "x=1&x=", "x", "x=a=b", "&&x=1&",
  "x=%ff", "x=%E2%82%AC", "x=a?b/c", "x[]=1", "%78=1", "EIO=3", "EIO=3&EIO=4", "EIO=", "transport=abc", "transport=abc&transport=polling", "transport",
];

export const scenarios = {
  async "HTTP handshake"(t) {
    await t.http("raw", "open", "EIO=4&transport=polling");
    await t.http("raw", "open with t and b64", "EIO=4&transport=polling&t=abc123&b64=1");
  },

  async "HTTP handshakes that allowRequest decides on"(t) {
    for (const query of ["deny=1", "deny=2", "deny=3", "deny=1&sid=unknown", "deny=1&EIO=3", "EIO=3&deny=3", "deny=1&transport=abc"]) {
      await t.http(query, "open", `EIO=4&transport=polling&${query}`);
      await t.http(query, "POST", `EIO=4&transport=polling&${query}`, { method: "POST", body: "4x", headers: text });
    }
    const sid = await t.open("raw");
    await t.http("raw", "a session is not asked again", `${session(sid)}&deny=1`, { method: "POST", body: "40", headers: text });
  },

  async "HTTP headers of the application"(t) {
    const who = { headers: { "x-who": "ada" } };
    const { body } = await t.http("raw", "open", "EIO=4&transport=polling", who);
    const { sid } = JSON.parse(body.slice(1));
    t.name(sid, "sid");
    await t.http("raw", "post", session(sid), { method: "POST", body: "40", headers: { ...text, "x-who": "bob" } });
    const { headers } = await t.http("raw", "get", session(sid), { ...who, secret: true });
    t.saw("raw", headers.get("x-each"), headers.get("set-cookie"));
    for (const query of ["EIO=3&transport=polling", "EIO=4&transport=abc", "EIO=4&transport=polling&deny=1"]) await t.http("raw", query, query, who);
  },

  async "HTTP queries"(t) {
    for (const query of queries) {
      const { body } = await t.http(query, "open", `EIO=4&transport=polling&${query}`);
      if (!body.startsWith("0")) continue;
      const { sid } = JSON.parse(body.slice(1));
      await t.post(sid, "40");
      await t.poll(query, sid, 2); // hello tells x
    }
  },

  async "HTTP doubled parameters of a session"(t) {
    const sid = await t.open("raw");
    await t.http("raw", "the first sid is unknown", `EIO=4&transport=polling&sid=unknown&sid=${sid}`, { method: "POST", body: "40", headers: text });
    await t.poll("raw", sid, 2);
    await t.http("raw", "the last sid is unknown", `EIO=4&transport=polling&sid=${sid}&sid=unknown`, { method: "POST", body: "4x", headers: text });
    await t.http("raw", "the last transport is another", `EIO=4&transport=polling&transport=websocket&sid=${sid}`, { method: "POST", body: "4x", headers: text });
    await t.http("raw", "the first transport is another", `EIO=4&transport=websocket&transport=polling&sid=${sid}`, { method: "POST", body: '420["echo",1]', headers: text });
    await t.poll("raw", sid, 1);
  },

  async "HTTP errors without a session"(t) {
    for (const [what, query, request] of [
      ["no transport", "EIO=4"],
      ["unknown transport", "EIO=4&transport=abc"],
      ["empty transport", "EIO=4&transport="],
      ["an object's own word as transport", "EIO=4&transport=constructor"],
      ["webtransport", "EIO=4&transport=webtransport"],
      ["no query at all", ""],
      ["no EIO", "transport=polling"],
      ["EIO 3", "EIO=3&transport=polling"],
      ["EIO 5", "EIO=5&transport=polling"],
      ["EIO abc", "EIO=abc&transport=polling"],
      ["unknown sid", "EIO=4&transport=polling&sid=unknown"],
      ["unknown sid, POST", "EIO=4&transport=polling&sid=unknown", { method: "POST", body: "4x", headers: text }],
      ["unknown sid, PUT", "EIO=4&transport=polling&sid=unknown", { method: "PUT", body: "4x" }],
      ["__proto__ as sid", "EIO=4&transport=polling&sid=__proto__"],
      ["empty sid", "EIO=4&transport=polling&sid="],
      ["POST without sid", "EIO=4&transport=polling", { method: "POST", body: "4x", headers: text }],
      ["PUT without sid", "EIO=4&transport=polling", { method: "PUT" }],
      ["DELETE without sid", "EIO=4&transport=polling", { method: "DELETE" }],
      ["websocket without upgrade", "EIO=4&transport=websocket"],
      ["websocket without upgrade, unknown sid", "EIO=4&transport=websocket&sid=unknown"],
      ["unknown transport comes before unknown sid", "EIO=4&transport=abc&sid=unknown"],
      ["unknown sid comes before EIO", "EIO=3&transport=polling&sid=unknown"],
      ["method comes before EIO", "EIO=3&transport=polling", { method: "POST", body: "4x", headers: text }],
    ]) {
      await t.http("raw", what, query, request);
    }
  },

  async "HTTP errors of a session"(t) {
    const sid = await t.open("raw");
    await t.http("raw", "another transport", `EIO=4&transport=websocket&sid=${sid}`);
    await t.http("raw", "another EIO", `EIO=3&transport=polling&sid=${sid}`);
    await t.http("raw", "PUT", session(sid), { method: "PUT", body: "4x" });
    await t.http("raw", "DELETE", session(sid), { method: "DELETE" });
    await t.http("raw", "the session lives on: POST", session(sid), { method: "POST", body: "40", headers: text });
    await t.poll("raw", sid, 2);
  },

  async "HTTP binary body"(t) {
    const sid = await t.open("raw");
    await t.http("raw", "octet-stream", session(sid), { method: "POST", body: "4x", headers: { "content-type": "application/octet-stream" } });
    await t.pollToEnd("raw", sid);
  },

  async "HTTP types of a body"(t) {
    const types = [
      "application/octet-stream;x=1", "application/octet-stream; charset=UTF-8", "application/octet-stream;", "Application/Octet-Stream", "application/octet-stream, text/plain",
      "application/octet-streams", "application/x-www-form-urlencoded", "application/json", "multipart/form-data", "text/plain", "TEXT/PLAIN;charset=utf-8", "nonsense", "",
    ];
    for (const type of types) {
      const sid = await t.open(type);
      await t.post(sid, "40");
      await t.poll(type, sid, 2);
      await t.http(type, "POST", session(sid), { method: "POST", body: '420["echo","ü"]', headers: { "content-type": type } });
      await t.poll(type, sid, 1);
    }
  },

  async "HTTP base64"(t) {
    for (const base64 of ["AQI=", "AQI", "AQ", "AQ=", "_-8", "/+8=", "A Q I", "AQI=AQI=", "!!", "", "A"]) {
      const sid = await t.open(base64);
      await t.post(sid, "40");
      await t.poll(base64, sid, 2);
      await t.http(base64, "POST", session(sid), { method: "POST", body: `451-1["echo",{"_placeholder":true,"num":0}]\x1eb${base64}`, headers: text });
      await t.poll(base64, sid, 2);
    }
  },

  async "HTTP HEAD"(t) {
    for (const query of ["", "EIO=4", "EIO=4&transport=polling", "EIO=4&transport=websocket"]) await t.http("raw", `HEAD ${query}`, query, { method: "HEAD" });
  },

  async "HTTP body over the limit"(t) {
    const sid = await t.open("raw");
    await t.http("raw", "too much", session(sid), { method: "POST", body: "4".padEnd(1_000_001, "x"), headers: text });
  },

  async "HTTP two polls at once"(t) {
    const sid = await t.open("raw");
    // Which of two requests comes first is not the client's to say: together they get this.
    const answers = await Promise.all([1, 2].map(() => fetch(`${t.url}/socket.io/?${session(sid)}`)));
    const bodies = await Promise.all(answers.map(async (answer) => [answer.status, await answer.text()]));
    t.saw("raw", "two polls", ...bodies.sort());
    await t.pollToEnd("raw", sid);
  },

  async "HTTP payload of several packets"(t) {
    const sid = await t.open("raw");
    await t.post(sid, "40");
    await t.poll("raw", sid, 2);
    await t.http("raw", "POST", session(sid), {
      method: "POST",
      headers: text,
      body: ['42["echo-event",1]', '421["echo",2,"ü"]', '42["burst",2]', '42["nobody listens"]', '422["echo",3]'].join("\x1e"),
    });
    await t.poll("raw", sid, 5);
  },

  async "HTTP binary event in two requests"(t) {
    const sid = await t.open("raw");
    await t.post(sid, "40");
    await t.poll("raw", sid, 2);
    await t.post(sid, '452-3["echo",{"_placeholder":true,"num":1},{"_placeholder":true,"num":0}]', "bAAEC");
    await t.post(sid, "b/w==");
    await t.poll("raw", sid, 3);
  },

  async "HTTP close packet"(t) {
    const sid = await t.open("raw");
    await t.post(sid, "40");
    await t.poll("raw", sid, 2);
    await t.http("raw", "POST", session(sid), { method: "POST", body: "1", headers: text });
    await t.pollToEnd("raw", sid);
    await t.http("raw", "POST afterwards", session(sid), { method: "POST", body: "4x", headers: text });
  },

  async "HTTP malformed payloads"(t) {
    for (const [what, ...packets] of [
      ["unknown engine packet", "abc"],
      ["unknown engine type", "9"],
      ["empty body", ""],
      ["unknown packet type", "4abc"],
      ["payload that is no JSON", '42["echo"'],
      ["payload that is no array", "42{}"],
      ["reserved event", '42["disconnect"]'],
      ["event before CONNECT", null, '42["echo",1]'],
      ["text where an attachment is due", '451-["echo",{"_placeholder":true,"num":0}]', '42["echo"]'],
    ]) {
      const sid = await t.open(what);
      if (packets[0] === null) packets.shift();
      else {
        await t.post(sid, "40");
        await t.poll(what, sid, 2);
      }
      // The reference cuts the connection, sometimes after a 200: what the POST is told is no promise.
      await t.http(what, "POST", session(sid), { method: "POST", body: packets.join("\x1e"), headers: text, secret: true });
      await t.pollToEnd(what, sid);
    }
  },

  async "HTTP origins"(t) {
    await t.http("same", "GET", "EIO=4&transport=polling", { headers: { origin: t.url } });
    await t.http("foreign", "GET", "EIO=4&transport=polling", { headers: { origin: "http://elsewhere.example" } });
  },
};
