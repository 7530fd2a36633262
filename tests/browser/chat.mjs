// Two people in two tabs of a headless Chromium, one at a desk and one at a phone, on the chat page.
//
//   node tests/browser/chat.mjs --url http://127.0.0.1:PORT      (or DOZE_URL)
//
// Everything is found by the data-testid hooks of the page. Screenshots go to tests/artifacts.

import { mkdir } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { launch } from "./find-chromium.mjs";

const { values: options } = parseArgs({ options: { url: { type: "string" } } });
const url = options.url ?? process.env.DOZE_URL;
if (!url) throw new Error("give the address of the chat: --url http://127.0.0.1:PORT, or DOZE_URL");

const artifacts = fileURLToPath(new URL("../artifacts/", import.meta.url));
await mkdir(artifacts, { recursive: true });

// Runs may share a server: names are this run's own.
const run = Date.now().toString(36).slice(-5);
const room = `tea-${run}`;
const names = { ada: `Ada ${run}`, bob: `Bob ${run}` };

let passed = 0;
async function step(what, act) {
  try {
    await act();
  } catch (error) {
    throw new Error(`${what}: ${error.message}`, { cause: error });
  }
  passed++;
  console.log(`ok  ${what}`);
}

/** A Person is one tab, and what somebody does and sees in it. */
class Person {
  problems = [];

  static async arrive(browser, name, screen) {
    const person = new Person();
    const context = await browser.newContext(screen);
    context.setDefaultTimeout(15_000);
    // Keeps the page's WebSockets at hand, so that a connection can be killed under the page.
    await context.addInitScript(() => {
      globalThis.webSockets = [];
      globalThis.WebSocket = class extends WebSocket {
        constructor(...args) {
          super(...args);
          globalThis.webSockets.push(this);
        }
      };
    });
    person.name = name;
    person.page = await context.newPage();
    person.page.on("pageerror", (error) => person.problems.push(`${name}'s page: ${error.message}`));
    person.page.on("console", (message) => { // what the page's own policy forbids it
      if (/Content Security Policy|integrity/.test(message.text())) person.problems.push(`${name}'s page: ${message.text()}`);
    });
    await person.page.goto(url);
    return person;
  }

  part(hook) {
    return this.page.getByTestId(hook);
  }

  async enter() {
    await this.part("nickname").fill(this.name);
    await this.part("enter").click();
    await this.status("connected");
  }

  async status(status) {
    await this.page.locator(`[data-testid=status][data-status=${status}]`).waitFor({ state: "attached" });
  }

  async upgrade() {
    await this.page.locator("[data-testid=transport][data-transport=websocket]").waitFor({ state: "attached" });
    await this.part("upgraded").filter({ hasText: /\S/ }).waitFor({ state: "attached" });
  }

  async join(room) {
    await this.part("room-name").fill(room);
    await this.part("join-room").click();
    await this.page.locator(`[data-joined="${room}"]`).waitFor({ state: "attached" });
    await this.part("text").waitFor();
  }

  /** counts waits until the list of rooms tells so many members. */
  async counts(room, members) {
    await this.page.locator(`[data-testid=room-list] [data-room="${room}"][data-members="${members}"]`).waitFor({ state: "attached" });
  }

  async say(text) {
    await this.part("text").fill(text);
    await this.part("send").click();
    await this.part("log").locator(".message[data-state=delivered]", { hasText: text }).waitFor();
  }

  async hears(text, from) {
    const message = this.part("log").locator(".message:not([data-state])", { hasText: text });
    await message.waitFor();
    if (!(await message.innerText()).includes(from)) throw new Error(`"${text}" does not say that it is from ${from}`);
  }

  async notices(...words) {
    let notice = this.part("log").locator(".notice");
    for (const word of words) notice = notice.filter({ hasText: word });
    await notice.last().waitFor();
  }

  /** talkTo opens the private conversation behind somebody's nickname in the log. */
  async talkTo(name) {
    await this.part("log").locator("[data-user]", { hasText: name }).last().click();
    await this.part("private-with").filter({ hasText: name }).waitFor();
  }

  async back(room) {
    await this.page.locator(`[data-joined="${room}"] button`).click();
    await this.part("private-with").waitFor({ state: "hidden" });
  }

  async kill() {
    const killed = await this.page.evaluate(() => {
      const open = webSockets.filter((socket) => socket.readyState === WebSocket.OPEN);
      for (const socket of open) socket.close();
      return open.length;
    });
    if (killed !== 1) throw new Error(`${killed} open WebSockets, want 1`);
  }

  async shoot(what) {
    await this.page.screenshot({ path: `${artifacts}${what}.png` });
  }
}

const browser = await launch();
let ada, bob;
try {
  await step("the page loads at a desk and on a phone", async () => {
    ada = await Person.arrive(browser, names.ada, { viewport: { width: 1280, height: 800 } });
    bob = await Person.arrive(browser, names.bob, { viewport: { width: 390, height: 844 }, deviceScaleFactor: 2, isMobile: true, hasTouch: true });
    await ada.part("enter").waitFor();
  });

  await step("an empty nickname is refused", async () => {
    await ada.part("nickname").fill("");
    await ada.part("enter").click();
    await ada.part("entrance-error").filter({ hasText: /\S/ }).waitFor();
    await ada.shoot("chat-refused-desktop");
  });

  await step("both come in, one of them after the refusal", () => Promise.all([ada.enter(), bob.enter()]));

  await step("both are upgraded to WebSocket", () => Promise.all([ada.upgrade(), bob.upgrade()]));

  await step("both join a room and see its members", async () => {
    await ada.join(room);
    await ada.counts(room, 1);
    await bob.join(room);
    await Promise.all([ada.counts(room, 2), bob.counts(room, 2)]);
    await ada.notices(bob.name, "joined");
  });

  await step("who types is seen", async () => {
    await ada.part("text").pressSequentially("Hello ");
    await bob.part("typing").filter({ hasText: ada.name }).waitFor();
    await bob.shoot("chat-typing-phone");
  });

  await step("messages arrive, and their senders see it", async () => {
    await ada.say("Hello, Bob <b>& all</b> 🙂");
    await bob.hears("Hello, Bob <b>& all</b> 🙂", ada.name);
    await bob.part("typing").filter({ hasText: ada.name }).waitFor({ state: "detached" });
    await bob.say("Hello, Ada");
    await ada.hears("Hello, Ada", bob.name);
    await Promise.all([ada.shoot("chat-desktop"), bob.shoot("chat-phone")]);
  });

  await step("a private message reaches one person", async () => {
    await ada.talkTo(bob.name);
    await ada.say("Only for you");
    await bob.talkTo(ada.name);
    await bob.hears("Only for you", ada.name);
    await bob.say("And back");
    await ada.hears("And back", bob.name);
    await Promise.all([ada.shoot("chat-private-desktop"), bob.shoot("chat-private-phone")]);
    await Promise.all([ada.back(room), bob.back(room)]);
    if (await bob.part("log").getByText("Only for you").count()) throw new Error("the private message stands in the room");
  });

  await step("a killed connection comes back and joins its room again", async () => {
    await bob.kill();
    await bob.status("reconnecting");
    await ada.notices(bob.name, "left");
    await bob.status("connected");
    await bob.upgrade();
    await bob.part("status").filter({ hasText: "rooms joined again" }).waitFor({ state: "attached" });
    await Promise.all([ada.counts(room, 2), bob.counts(room, 2)]);
    await ada.say("Are you back?");
    await bob.hears("Are you back?", ada.name);
    await bob.shoot("chat-reconnected-phone");
  });

  await step("a closed tab is told to the others", async () => {
    const before = await ada.part("log").locator(".notice", { hasText: bob.name }).filter({ hasText: "left" }).count();
    await bob.page.close();
    await ada.part("log").locator(".notice", { hasText: bob.name }).filter({ hasText: "left" }).nth(before).waitFor();
    await ada.counts(room, 1);
    await ada.shoot("chat-left-desktop");
  });

  await step("the room is left", async () => {
    await ada.part("leave-room").click();
    await ada.page.locator(`[data-joined="${room}"]`).waitFor({ state: "detached" });
  });

  await step("no page threw anything", () => {
    const problems = [...ada.problems, ...bob.problems];
    if (problems.length > 0) throw new Error(problems.join("; "));
  });
  console.log(`${passed} passed, 0 failed`);
} catch (error) {
  console.error(`FAILED  ${error.message}`);
  for (const person of [ada, bob]) {
    if (person && !person.page.isClosed()) await person.shoot(`chat-failed-${person === ada ? "desktop" : "phone"}`).catch(() => {});
  }
  console.log(`${passed} passed, 1 failed`);
  process.exitCode = 1;
} finally {
  await browser.close();
}
