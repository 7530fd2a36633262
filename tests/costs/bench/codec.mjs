// What socket.io-parser takes to decode and to encode the event of the benchmarks in pkg/protocol, in ns per packet:
// prints {"decode": ns, "encode": ns}.

import { Decoder, Encoder, PacketType } from "socket.io-parser";

const text = '2["message",1,"2",{"3":[true]}]';
const packet = () => ({ type: PacketType.EVENT, nsp: "/", data: ["message", 1, "2", { 3: [true] }] });
const decoder = new Decoder();
const encoder = new Encoder();
let seen = 0;
decoder.on("decoded", ({ data }) => (seen += data.length));

function measure(step) {
  const n = 300_000;
  for (let i = 0; i < n; i++) step(); // to warm up
  const begun = process.hrtime.bigint();
  for (let i = 0; i < n; i++) step();
  return Number(process.hrtime.bigint() - begun) / n;
}

const decode = measure(() => decoder.add(text));
const encode = measure(() => (seen += encoder.encode(packet())[0].length));
if (seen === 0) throw new Error("nothing was measured");
console.log(JSON.stringify({ decode, encode }));
