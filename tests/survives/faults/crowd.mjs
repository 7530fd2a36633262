// People who chat by the stock client, half of them with its default transports, where the gateway refuses much of what they
// send: each asks until it has had as many answers as it wants. A question that is neither answered nor followed by a
// disconnect is met by silence, and that fails, as does a client that cannot come back.
//
//	DOZE_URL=http://127.0.0.1:3000 PEOPLE=12 ANSWERS=20 SEED=1 node crowd.mjs

import { io } from "socket.io-client";

const { DOZE_URL: url, PEOPLE: people, ANSWERS: answers, SEED: seed } = process.env;
const silence = 60_000; // a bound for what hangs

/** dice returns a generator of numbers below 1, after https://en.wikipedia.org/wiki/Linear_congruential_generator. */
function dice(state) {
  return () => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) / 2 ** 32;
}

const tally = { answered: 0, "cut off": 0, refused: 0 };
const reasons = {};

/** connected resolves when the client has connected, or come back. */
function connected(socket, number) {
  return new Promise((resolve, reject) => {
    const late = setTimeout(() => reject(new Error(`client ${number} does not come back`)), 2 * silence);
    socket.once("connect", () => {
      clearTimeout(late);
      resolve();
    });
  });
}

async function chat(number) {
  const random = dice(Number(seed) * 1000 + number);
  const transports = [["polling", "websocket"], ["polling"], ["websocket"], ["polling", "websocket"]][number % 4];
  const socket = io(url, { forceNew: true, transports, reconnectionDelay: 100, reconnectionDelayMax: 1000, timeout: 5_000 });
  socket.on("connect_error", () => tally.refused++);
  socket.on("disconnect", (reason) => (reasons[reason] = (reasons[reason] ?? 0) + 1));
  for (let got = 0; got < Number(answers); ) {
    if (!socket.connected) await connected(socket, number);
    try {
      const question = random() < 0.7 ? ["echo", got] : ["broadcast", "heard", got];
      await socket.timeout(silence).emitWithAck(...question);
      got++;
      tally.answered++;
    } catch (error) {
      if (error.message !== "socket has been disconnected") throw new Error(`client ${number}: silence over ${socket.io.engine?.transport?.name}: ${error.message}`);
      tally["cut off"]++;
    }
  }
  return socket;
}

const sockets = await Promise.all(Array.from({ length: Number(people) }, (_, i) => chat(i)));
console.log(JSON.stringify({ ...tally, reasons }));
for (const [i, socket] of sockets.entries()) {
  if (i % 2) socket.disconnect();
}
process.exit(0); // the others vanish
