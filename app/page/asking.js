// The socket, and asking the server something over it.

export const link = {
  socket: undefined, // set by the first Enter
  rejoining: Promise.resolve(), // until the rooms are joined again
};

export const online = () => Boolean(link.socket?.connected);

// Emits and resolves to the ack. The client sends one such event at a time, waits for its ack, and sends it again when
// none comes, for no gateway keeps the order: see connection.js. Rejects with a text for the user when there is no
// connection (nothing is queued then), no answer in time, or {error} as the
// answer, whose other fields the error has, too.
export async function ask(event, ...args) {
  if (!online()) throw new Error("no connection");
  const answer = await link.socket.emitWithAck(event, ...args).catch(() => {
    throw new Error(online() ? "no answer in time" : "no connection");
  });
  if (answer?.error) throw Object.assign(new Error(answer.error), answer);
  return answer;
}
