// The pages of the applications in examples, in headless Chromium: node examples/pages.mjs NAME, with DOZE_URL, and for
// progress with CHECKSUM, the job's program.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { launch } from "../asnode/browser/find-chromium.mjs";

const { DOZE_URL: url, CHECKSUM: checksum } = process.env;

// Nothing is that slow but a machine that has other work: a page that polls and is closed is gone for the others after a
// ping interval and a ping timeout, which are 45 s.
const patience = 120_000;

const examples = {
  async presence(open) {
    const enter = async (name) => {
      const page = await open();
      await page.fill("#name", name);
      await page.click("#enter button");
      await shows(page, "#state", name);
      return page;
    };
    const [ada, bob] = [await enter("ada"), await enter("bob")];
    await ada.click("#people button:text-is('bob')");
    await ada.locator("#text").pressSequentially("hello <b>bob</b>");
    const isTyping = bob.locator("#typing", { hasText: "ada is typing" });
    for (const end = Date.now() + patience; !(await isTyping.isVisible()) && Date.now() < end;) { // it is volatile, and said again
      await ada.locator("#text").pressSequentially("!", { delay: 100 });
    }
    await isTyping.waitFor();
    const text = await ada.inputValue("#text");
    await ada.click("#write button");
    await shows(bob, "#messages li", `ada: ${text}`);
    await shows(bob, "#typing", "");
    await shows(ada, "#messages li", `to bob: ${text} ✓`);
    await bob.close();
    await ada.locator("#people button").waitFor({ state: "detached" });
  },

  async cursors(open) {
    const [ada, bob] = [await open(), await open()];
    for (const page of [ada, bob]) await page.locator("#state", { hasText: " at tea" }).waitFor();
    const name = (await ada.locator("#state").textContent()).replace(" at tea", "");
    const { width, height } = ada.viewportSize();
    await ada.mouse.move(10, 10);
    await ada.mouse.move(width / 4, height / 2, { steps: 20 });
    // A page may have a cursor that nobody moved: Chromium reports one at 0, 0 now and then.
    const rests = (page) => page.waitForFunction((name) => [...document.querySelectorAll(".cursor")]
      .some(({ textContent, style: { left, top } }) => textContent === name && left === "25%" && top === "50%"), name);
    await rests(bob);
    const dan = await open();
    await rests(dan); // who comes later
    await ada.close();
    for (const page of [bob, dan]) await page.locator(`.cursor:text-is("${name}")`).waitFor({ state: "detached" });
  },

  async progress(open) {
    const page = await open("?job=pages");
    await shows(page, "#state", "watching pages");
    const job = promisify(execFile)(checksum, ["-job", "pages", fileURLToPath(import.meta.url)], { env: { ...process.env, DOZE_QUEUE: `${url}/_queue` } });
    await page.locator("#said", { hasText: /SHA-256 [0-9a-f]{64}$/ }).waitFor();
    await job;
    assert.equal(await page.getAttribute("#bar", "value"), "1");
  },
};

const shows = (page, selector, text) => page.locator(`${selector}:text-is(${JSON.stringify(text)})`).waitFor({ state: "attached" });

const browser = await launch();
try {
  const wrong = [];
  await examples[process.argv[2]](async (query = "") => {
    const page = await (await browser.newContext()).newPage();
    page.setDefaultTimeout(patience);
    page.on("pageerror", (error) => wrong.push(error.message));
    page.on("console", (line) => line.type() === "error" && wrong.push(line.text()));
    await page.goto(`${url}/${query}`);
    return page;
  });
  assert.deepEqual(wrong, []);
} finally {
  await browser.close();
}
