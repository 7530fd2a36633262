// What the server asks its clients.

const polling = { transports: ["polling"] };
const websocket = { transports: ["websocket"] };

const connected = async (t, actor, options) => {
  const socket = t.client(actor, options);
  await Promise.all([t.wait(actor, socket, "connect"), t.wait(actor, socket, "hello")]);
  return socket;
};

/** answers has a client answer a question with these arguments, a while later. */
const answers = (socket, delay, ...args) => socket.on("question", (...all) => setTimeout(() => all.at(-1)(...args), delay));

async function asks(t, options) {
  const a = await connected(t, "a", options);
  await t.ask("a", a, "ask", ["asked"], 5000, "question", 1);
  const b = await connected(t, "b", options);
  const c = await connected(t, "c", options);
  for (const [actor, socket] of [["b", b], ["c", c]]) await t.ask(actor, socket, "join", "asked");
  answers(c, 0, "c", "and what Node leaves out");
  answers(b, 800, { b: [null, "ü🙂\u2028"] });
  await t.ask("a", a, "ask", ["asked"], 5000, "question", 1, "two");
  const d = await connected(t, "d", options);
  await t.ask("d", d, "join", "asked");
  await t.ask("a", a, "ask", ["asked"], 3500, "question"); // d does not answer; the others have long answered then
  answers(d, 400); // between the two others: who answers at once may come in any order
  await t.ask("a", a, "ask", ["asked"], 5000, "question");
}

async function asksMe(t, options) {
  const a = await connected(t, "a", options);
  const asked = async (...what) => {
    const told = t.wait("a", a, "asked");
    await t.ask("a", a, "ask-me", ...what);
    await told;
  };
  answers(a, 50, 1, [2], "three");
  await asked(5000, "question", "one", "two");
  await asked(1200, "another");
}

export const scenarios = {
  async "the server asks others over polling"(t) {
    await asks(t, polling);
  },

  async "the server asks others over WebSocket"(t) {
    await asks(t, websocket);
  },

  async "the server asks who asks over polling"(t) {
    await asksMe(t, polling);
  },

  async "the server asks who asks over WebSocket"(t) {
    await asksMe(t, websocket);
  },
};
