// Two people in two tabs of a headless Chromium, one of them with a phone, on the page of a project of doze new, at
// DOZE_URL. The client, for which the project sends browsers to Socket.IO's CDN, they get from the npm package here; a
// third gets none. With SCREENSHOTS, a folder, they leave pictures there.

import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { launch } from "../../asnode/browser/find-chromium.mjs";

const dist = join(dirname(createRequire(import.meta.url).resolve("socket.io/package.json")), "client-dist");
const browser = await launch();
try {
  const problems = [];
  const arrive = async (viewport, client = { path: join(dist, "socket.io.js") }) => {
    const page = await (await browser.newContext({ viewport })).newPage();
    page.setDefaultTimeout(15_000);
    page.on("pageerror", (error) => { if (client.path) problems.push(error.message); });
    page.on("console", (message) => { // what the page's own policy forbids it
      if (message.text().includes("Content Security Policy")) problems.push(message.text());
    });
    await page.route("**/socket.io/socket.io.js", (route) => (client.path ? route.fulfill(client) : route.abort()));
    await page.goto(process.env.DOZE_URL);
    return page;
  };
  const connected = async (page, note) => {
    await page.getByText("connected", { exact: true }).waitFor();
    await page.getByText(note, { exact: true }).waitFor();
  };
  const say = async (page, text) => {
    await page.getByLabel("Message", { exact: true }).fill(text);
    await page.getByRole("button", { name: "Send" }).click();
    await page.getByRole("listitem").filter({ hasText: text }).getByText("delivered", { exact: true }).waitFor();
  };
  const picture = async (page, name) => {
    const over = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
    if (over > 0) problems.push(`${name}: the page is ${over} pixels wider than the screen`);
    if (process.env.SCREENSHOTS) await page.screenshot({ path: join(process.env.SCREENSHOTS, `${name}.png`) });
  };
  const desktop = { width: 1280, height: 720 };
  const ada = await arrive(desktop);
  await connected(ada, "You are in tea, with nobody else yet.");
  const bob = await arrive({ width: 375, height: 667 });
  await connected(bob, "You are in tea, with 1 other.");
  await say(ada, "hello");
  await bob.getByText("hello", { exact: true }).waitFor();
  await say(bob, "hello to you");
  await ada.getByText("hello to you", { exact: true }).waitFor();
  await say(bob, `one_long_word_${"o".repeat(200)}`);
  await ada.getByText(/^one_long_word_/).waitFor();
  await bob.getByLabel("Room").fill("coffee");
  await bob.getByLabel("Room").press("Enter");
  await bob.getByText("You are in coffee, with nobody else yet.").waitFor();
  await say(ada, "are you still there?"); // who joins another room stays in the first
  await bob.getByRole("listitem").filter({ hasText: "are you still there?" }).getByText("in tea").waitFor();
  await picture(ada, "desktop");
  await picture(bob, "phone");
  const eve = await arrive(desktop, {});
  await eve.getByText(/client cannot be loaded/).waitFor();
  await picture(eve, "no-client");
  if (problems.length > 0) throw new Error(problems.join("\n"));
  console.log("all went well");
} finally {
  await browser.close();
}
