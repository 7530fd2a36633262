// Why there is no Socket.IO client on this page, in words for the user.

const SCRIPT = "socket.io/socket.io.js";

// The server may send browsers on to a CDN, in an answer that a script cannot read but see that it is a redirect.
export async function whyNoClient() {
  const answer = await fetch(SCRIPT, { redirect: "manual", cache: "no-store" }).catch(() => null);
  if (!answer) return "The server cannot be reached. Is it running? Reload to try again.";
  if (answer.type === "opaqueredirect") {
    return "This server has no copy of the Socket.IO client and sends browsers to Socket.IO's CDN, and from there no client came "
      + "that this page runs. Can this browser reach https://cdn.socket.io? "
      + "Without it: run npm install socket.io@4.8.4 beside the server, start the server again, and reload.";
  }
  if (!answer.ok) return `The Socket.IO client could not be loaded: the server answered /${SCRIPT} with ${answer.status}.`;
  return `The browser did not run /${SCRIPT}. This page runs the client of socket.io 4.8.4 and no other: `
    + "give the server that version. Or does something in this browser block scripts?";
}
