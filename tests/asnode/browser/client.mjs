// The chat's page without a client, in headless Chromium: at DOZE_URL is a server that sends browsers to the CDN, which
// nobody reaches, when CLIENT is "CDN", and one that has another client than the page's when it is "wrong".

import { launch } from "./find-chromium.mjs";
import { Person, desk, phone } from "./person.mjs";

const said = {
  CDN: "https://cdn.socket.io",
  wrong: "The browser did not run",
  gone: "The server cannot be reached",
};
const { DOZE_URL: url, CLIENT: client } = process.env;

const browser = await launch("--host-resolver-rules=MAP cdn.socket.io ~NOTFOUND");
try {
  const ada = await Person.arrive(browser, url, "ada", desk);
  await ada.part("entrance-error").filter({ hasText: said[client] }).waitFor();
  if (await ada.part("enter").isEnabled()) throw new Error("one can enter");
  await ada.shoot(`chat-client-${client}-desktop`);

  const bob = await Person.arrive(browser, url, "bob", phone, async (context) => {
    await context.route("**/socket.io/**", (route) => route.abort());
  });
  await bob.part("entrance-error").filter({ hasText: said.gone }).waitFor();
  await bob.shoot("chat-client-gone-phone");
  console.log("2 passed, 0 failed");
} finally {
  await browser.close();
}
