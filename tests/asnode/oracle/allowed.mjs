// The differences that are meant. Each names the scenario, the lines that only the reference's transcript has, the lines
// that only the other server's has, and the reason. A difference that no entry covers is a failure.

export const allowed = [
  {
    scenario: "HTTP origins",
    reference: /^\{"foreign":\["GET",200,/,
    target: /^\{"foreign":\["GET",403,"application\/json",\{"code":4,/,
    reason: "Doze checks origins by default; the reference leaves it to the CORS settings of the browser",
  },
  ...["WebSocket refusals", "WebSocket handshakes that allowRequest decides on", "WebSocket subprotocols that are none"].map((scenario) => ({
    scenario,
    reference: /"refusal says"/,
    target: /"refusal says"/,
    reason: "API Gateway passes on the status of a refused $connect, not its body",
  })),
  {
    scenario: "WebSocket handshakes that allowRequest decides on",
    reference: /^\{"deny=[12]":\["refused",400\]\}$/,
    target: /^\{"deny=[12]":\["refused",403\]\}$/,
    reason: "the reference has 400 for every refused upgrade; Doze has the status that it has for the same refusal over HTTP",
  },
  ...["HTTP errors of a session", "HTTP binary body", "HTTP body over the limit"].map((scenario) => ({
    scenario,
    reference: /^\{"raw":\["(PUT|DELETE|octet-stream|too much)",\d+,null,"",/,
    target: /^\{"raw":\["(PUT|DELETE|octet-stream|too much)",\d+,"text\/plain;charset=utf-8","",/,
    reason: "API Gateway gives a content type to an answer that has none",
  })),
  ...["HTTP malformed payloads", "WebSocket malformed packets"].map((scenario) => ({
    scenario,
    target: /"42",\["peer-left",/,
    reason: "a farewell may still run when the client's connection is closed: whoever connects next can hear of it",
  })),
  {
    scenario: "HTTP close packet",
    target: /^\{"raw":\["packet","6"\]\}$/,
    reason: "the GET and the POST that closes are handled by different invocations: the first GET after it gets its 6 all the same",
  },
  {
    scenario: "binary to the server over WebSocket",
    reference: /^\{"a":\["(ack","echo|disconnect","io client disconnect)",/,
    target: /^\{"a":\["(disconnect","transport (close|error)|no ack","echo","socket has been disconnected)"/,
    reason: "API Gateway closes a WebSocket with 1003 when it gets a binary frame; polling is the way out",
  },
];
