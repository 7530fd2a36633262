// Two people in two tabs of a headless Chromium, one at a desk and one at a phone, on the chat page.
//
//   node tests/asnode/browser/chat.mjs --url http://127.0.0.1:PORT      (or DOZE_URL)
//
// Later there is a third, who calls herself like the first. Screenshots go to tests/artifacts.

import { parseArgs } from "node:util";
import { launch } from "./find-chromium.mjs";
import { Person, desk, phone } from "./person.mjs";
import { passed, step } from "./step.mjs";

const { values: options } = parseArgs({ options: { url: { type: "string" } } });
const url = options.url ?? process.env.DOZE_URL;
if (!url) throw new Error("give the address of the chat: --url http://127.0.0.1:PORT, or DOZE_URL");

// Runs may share a server: names are this run's own.
const run = Date.now().toString(36).slice(-5);
const room = `tea-${run}`;
const names = { ada: `Ada ${run}`, bob: `Bob ${run}` };

const browser = await launch();
let ada, bob, other;
try {
  await step("the page loads at a desk and on a phone", async () => {
    ada = await Person.arrive(browser, url, names.ada, desk);
    bob = await Person.arrive(browser, url, names.bob, phone);
    await ada.part("enter").waitFor();
  });

  await step("an empty nickname is refused", async () => {
    await ada.part("nickname").fill("");
    await ada.part("enter").click();
    await ada.part("entrance-error").filter({ hasText: /\S/ }).waitFor();
    await ada.shoot("chat-refused-desktop");
  });

  await step("a nickname that is too long is refused, and nothing is said of it when it is changed", async () => {
    await ada.part("nickname").fill("ä".repeat(25));
    await ada.part("enter").click();
    await ada.part("entrance-error").filter({ hasText: "24" }).waitFor();
    await ada.part("nickname").fill("ä");
    await ada.part("entrance-error").filter({ hasText: /^$/ }).waitFor({ state: "attached" });
  });

  await step("both come in, one of them after the refusal", () => Promise.all([ada.enter(), bob.enter()]));

  await step("both are upgraded to WebSocket", () => Promise.all([ada.upgrade(), bob.upgrade()]));

  await step("a new room is seen by others", async () => {
    await ada.join(room);
    await Promise.all([ada.counts(room, 1), bob.counts(room, 1)]); // without a notice, bob would look in half a minute
    await bob.shoot("chat-rooms-phone");
  });

  await step("both join a room and see its members", async () => {
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

  await step("what both say at once stands in one order, and everybody's own in the order in which it was said", async () => {
    const said = { ada: [], bob: [] };
    const talk = async (person, name) => {
      for (let i = 1; i <= 6; i++) {
        const text = `${name} ${i} of 6`;
        said[name].push(text);
        await person.part("text").fill(text);
        await person.part("text").press("Enter");
      }
    };
    await Promise.all([talk(ada, "ada"), talk(bob, "bob")]);
    const all = /(ada|bob) \d of 6/;
    for (const person of [ada, bob]) {
      await person.part("log").locator(".message:not([data-state=sending])", { hasText: all }).nth(11).waitFor();
    }
    const [hers, his] = await Promise.all([ada, bob].map(async (person) => (await person.texts()).filter((text) => all.test(text))));
    const by = (name) => hers.filter((text) => text.startsWith(name)).join(", ");
    if (hers.join() !== his.join()) throw new Error(`ada reads ${hers}, bob reads ${his}`);
    for (const name of ["ada", "bob"]) if (by(name) !== said[name].join(", ")) throw new Error(`${name} has said ${by(name)}`);
    await ada.shoot("chat-order-desktop");
  });

  await step("links can be followed, and markup stays text", async () => {
    const text = "<img src=x onerror=alert(1)> javascript:alert(1) (see https://example.com/a_(b)?c=d&e) http://bank.example@evil.example/ ابجد";
    await ada.say(text);
    await bob.hears(text, ada.name);
    for (const person of [ada, bob]) {
      const message = person.part("log").locator(".message", { hasText: text }).locator(".text");
      const links = await message.locator("a").evaluateAll((all) => all.map((a) => [a.href, a.textContent, a.rel.includes("noopener")].join(" ")));
      if (links.join() !== "https://example.com/a_(b)?c=d&e https://example.com/a_(b)?c=d&e true") throw new Error(`the links are ${links}`);
      if (await message.locator("img").count()) throw new Error("there is an image");
    }
    await ada.say("שלום, hello");
    const direction = await bob.part("log").locator(".text", { hasText: "שלום" }).evaluate((node) => getComputedStyle(node).direction);
    if (direction !== "rtl") throw new Error(`Hebrew is written ${direction}`);
    await bob.shoot("chat-links-phone");
  });

  await step("a text that is too long is not sent", async () => {
    const before = (await ada.texts()).length;
    await ada.part("text").fill("🙂".repeat(4001));
    await ada.part("compose-help").filter({ hasText: "1 too many" }).waitFor();
    if (await ada.part("send").isEnabled()) throw new Error("it can be sent");
    await ada.part("text").press("Enter");
    await ada.shoot("chat-too-long-desktop");
    await ada.part("text").fill("🙂".repeat(4000));
    await ada.part("send").click();
    await ada.part("log").locator(".message[data-state=delivered] .text", { hasText: /^(🙂){4000}$/u }).waitFor();
    const texts = await ada.texts();
    if (texts.length !== before + 1) throw new Error(`${texts.length - before} messages were sent`);
    if (await ada.part("compose-help").innerText()) throw new Error("it is said to be too long for all that");
  });

  await step("a room's name that is too long is refused, and nothing is said of it when it is changed", async () => {
    await ada.part("room-name").fill("x".repeat(41));
    await ada.part("join-room").click();
    await ada.part("room-error").filter({ hasText: "40" }).waitFor();
    await ada.part("room-name").fill("");
    await ada.part("room-error").filter({ hasText: /^$/ }).waitFor({ state: "attached" });
  });

  await step("the list of people leads to private conversations, in which typing shows too", async () => {
    await bob.part("here").click();
    await bob.shoot("chat-people-phone");
    await bob.talkToListed(ada.name);
    await ada.talkToListed(bob.name);
    await bob.part("text").pressSequentially("In priv");
    await ada.part("typing").filter({ hasText: bob.name }).waitFor();
    await bob.say("In private, from the list");
    await ada.hears("In private, from the list", bob.name);
    await ada.part("typing").filter({ hasText: bob.name }).waitFor({ state: "detached" });
  });

  await step("Back and Forward go through the conversations", async () => {
    await ada.page.goBack();
    await ada.sees(room);
    await ada.page.goForward();
    await ada.part("private-with").filter({ hasText: bob.name }).waitFor();
    await ada.page.goBack();
    await ada.sees(room);
    await bob.page.goBack();
    await bob.sees(room);
    for (const { page } of [ada, bob]) {
      if (!page.url().includes(`#room=${room}`)) throw new Error(`the address is ${page.url()}`);
    }
  });

  await step("a refresh keeps the nickname, the rooms, what was said, and what was being written", async () => {
    await bob.part("text").fill("half a sent");
    await bob.page.reload();
    await bob.sees(room);
    await bob.status("connected");
    await bob.part("status").filter({ hasText: "rooms joined again" }).waitFor({ state: "attached" });
    await Promise.all([ada.counts(room, 2), bob.counts(room, 2)]);
    await bob.hears("Hello, Bob <b>& all</b> 🙂", ada.name);
    await bob.part("log").locator(".message[data-state=delivered]", { hasText: "Hello, Ada" }).waitFor();
    const draft = await bob.part("text").inputValue();
    if (draft !== "half a sent") throw new Error(`what was being written is ${JSON.stringify(draft)}`);
    await bob.part("text").fill("");
    await ada.say("After the refresh");
    await bob.hears("After the refresh", ada.name);
    await bob.upgrade();
    await bob.shoot("chat-refreshed-phone");
    await ada.page.locator(`[data-private="${bob.name}"] button`).click(); // under his new id
    await ada.say("Still you?");
    await bob.page.locator(`[data-private="${ada.name}"][data-unread="1"] button`).click();
    await bob.hears("Still you?", ada.name);
    await Promise.all([ada.back(room), bob.back(room)]);
  });

  await step("a private message waits for who is just coming back", async () => {
    await ada.page.locator(`[data-private="${bob.name}"] button`).click();
    const there = bob.page.url();
    await bob.page.goto("about:blank");
    await ada.counts(room, 1);
    await Promise.all([ada.say("Come back"), bob.page.goto(there)]);
    await bob.page.locator(`[data-private="${ada.name}"] button`).click();
    await bob.hears("Come back", ada.name);
    await ada.counts(room, 2);
    await Promise.all([ada.back(room), bob.back(room)]);
  });

  await step("people of one nickname are told apart, and a link leads into the room", async () => {
    other = await Person.arrive(browser, `${url}#room=${room}`, names.ada.toUpperCase(), desk);
    await other.enter();
    await other.sees(room);
    await other.say("I am Ada too");
    await bob.part("log").locator(".message", { hasText: "I am Ada too" }).locator(".tag", { hasText: /^·.{4}$/ }).waitFor();
    const [hers, others] = await Promise.all(["After the refresh", "I am Ada too"].map((text) =>
      bob.part("log").locator(".message", { hasText: text }).locator(".tag").innerText()));
    if (!hers || hers === others) throw new Error(`the marks are ${hers} and ${others}`);
    await ada.part("me").filter({ hasText: hers }).waitFor();
    if ((await bob.part("people-list").locator(".count", { hasText: "·" }).count()) !== 2) throw new Error("the list has no marks");
    await bob.shoot("chat-twins-phone");
    await ada.shoot("chat-twins-desktop");
  });

  await step("who leaves the chat is forgotten", async () => {
    const left = await ada.leavings(other.name).count();
    await other.part("leave-chat").click();
    await other.part("enter").waitFor();
    await ada.leavings(other.name).nth(left).waitFor();
    await other.page.reload();
    await other.part("enter").waitFor();
    if (await other.part("nickname").inputValue()) throw new Error("the nickname is still there");
    if (other.page.url() !== new URL(url).href) throw new Error(`the address is ${other.page.url()}`);
    await other.page.close();
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

  await step("what is said while the connection breaks is heard once", async () => {
    await bob.part("text").fill("Into the tunnel");
    await bob.kill({ sending: true }); // the server gets it, and its ack finds nobody
    await bob.status("reconnecting");
    await bob.part("log").locator(".message[data-state=delivered]", { hasText: "Into the tunnel" }).waitFor();
    await bob.upgrade();
    await bob.say("And out of it");
    await ada.hears("And out of it", bob.name);
    const heard = await ada.part("log").locator(".message", { hasText: "Into the tunnel" }).count();
    if (heard !== 1) throw new Error(`it was heard ${heard} times`);
  });

  await step("a closed tab is told to the others", async () => {
    const left = await ada.leavings(bob.name).count();
    await bob.page.close();
    await ada.leavings(bob.name).nth(left).waitFor();
    await ada.counts(room, 1);
    await ada.shoot("chat-left-desktop");
  });

  await step("the room is left", async () => {
    await ada.part("leave-room").click();
    await ada.page.locator(`[data-joined="${room}"]`).waitFor({ state: "detached" });
  });

  await step("no page threw anything", () => {
    const problems = [ada, bob, other].flatMap((person) => person.problems);
    if (problems.length > 0) throw new Error(problems.join("; "));
  });
  console.log(`${passed} passed, 0 failed`);
} catch (error) {
  console.error(`FAILED  ${error.message}`);
  for (const [who, person] of Object.entries({ desktop: ada, phone: bob, other })) {
    if (person && !person.page.isClosed()) await person.shoot(`chat-failed-${who}`).catch(() => {});
  }
  console.log(`${passed} passed, 1 failed`);
  process.exitCode = 1;
} finally {
  await browser.close();
}
