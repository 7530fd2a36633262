// What socket.io-parser takes to decode and to encode the events of the benchmarks in pkg/protocol, in ns of the
// process's CPU time per packet: prints {"decode": ns, "encode": ns, "decodeObject": ns, "encodeObject": ns}.

import { Decoder, Encoder, PacketType } from "socket.io-parser";

const decoder = new Decoder();
const encoder = new Encoder();
let seen = 0;
decoder.on("decoded", ({ data }) => (seen += data.length));

function measure(step) {
  const n = 1_000_000;
  for (let i = 0; i < 300_000; i++) step(); // to warm up
  const begun = process.cpuUsage();
  for (let i = 0; i < n; i++) step();
  const { user, system } = process.cpuUsage(begun); // in microseconds
  return ((user + system) * 1000) / n;
}

const decode = (text) => measure(() => decoder.add(text));
const encode = (data) => measure(() => (seen += encoder.encode({ type: PacketType.EVENT, nsp: "/", data: data() })[0].length));

const took = {
  decode: decode('2["message",1,"2",{"3":[true]}]'),
  encode: encode(() => ["message", 1, "2", { 3: [true] }]),
  decodeObject: decode('2["said",{"room":"lobby","text":"hello","at":1700000000}]'),
  encodeObject: encode(() => ["said", { room: "lobby", text: "hello", at: 1700000000 }]),
};
if (seen === 0) throw new Error("nothing was measured");
console.log(JSON.stringify(took));
