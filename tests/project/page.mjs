// Two people in two tabs of a headless Chromium on the page of a project of doze new, at DOZE_URL. The client, for which the
// project sends browsers to Socket.IO's CDN, they get from the npm package here.

import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { launch } from "../browser/find-chromium.mjs";

const dist = join(dirname(createRequire(import.meta.url).resolve("socket.io/package.json")), "client-dist");
const browser = await launch();
try {
  const problems = [];
  const arrive = async () => {
    const page = await (await browser.newContext()).newPage();
    page.setDefaultTimeout(15_000);
    page.on("pageerror", (error) => problems.push(error.message));
    page.on("console", (message) => { // what the page's own policy forbids it
      if (message.text().includes("Content Security Policy")) problems.push(message.text());
    });
    await page.route("**/socket.io/socket.io.js", (route) => route.fulfill({ path: join(dist, "socket.io.js") }));
    await page.goto(process.env.DOZE_URL);
    await page.getByText(/connected, \d in the room/).waitFor();
    return page;
  };
  const say = async (page, text) => {
    await page.getByLabel("Message").fill(text);
    await page.getByRole("button", { name: "Say" }).click();
    await page.getByText(`me: ${text} (delivered)`).waitFor();
  };
  const [ada, bob] = [await arrive(), await arrive()];
  await say(ada, "hello");
  await bob.getByText("tea: hello", { exact: true }).waitFor();
  await say(bob, "hello to you");
  await ada.getByText("tea: hello to you", { exact: true }).waitFor();
  if (problems.length > 0) throw new Error(problems.join("\n"));
  console.log("all went well");
} finally {
  await browser.close();
}
