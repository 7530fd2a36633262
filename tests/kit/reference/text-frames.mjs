/**
 * textFramesOnly makes an engine.io server behave like one behind API Gateway, which has no binary frames: what comes in
 * as one closes the WebSocket with 1003, and binary leaves as the text frame "b<base64>".
 */
export function textFramesOnly(engine) {
  const limit = (transport) => {
    if (transport.name !== "websocket") return;
    transport.supportsBinary = false;
    const ws = transport.socket;
    ws.removeAllListeners("message");
    ws.on("message", (data, isBinary) => (isBinary ? ws.close(1003, "binary frames are not supported") : transport.onData(data.toString())));
  };
  engine.on("connection", (socket) => {
    limit(socket.transport);
    socket.on("upgrading", limit);
  });
}
