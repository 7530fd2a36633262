// What somebody does and sees on the chat page. Everything is found by the data-testid hooks of the page. Screenshots
// go to tests/artifacts.

import { mkdir } from "node:fs/promises";
import { fileURLToPath } from "node:url";

const artifacts = fileURLToPath(new URL("../../artifacts/", import.meta.url));
await mkdir(artifacts, { recursive: true });

export const desk = { viewport: { width: 1280, height: 800 } };
export const phone = { viewport: { width: 390, height: 844 }, deviceScaleFactor: 2, isMobile: true, hasTouch: true };

/** A Person is one tab, and what somebody does and sees in it. */
export class Person {
  problems = [];

  /** arrive opens the page; prepare may do something with the browser's context before. */
  static async arrive(browser, url, name, screen, prepare = () => {}) {
    const person = new Person();
    const context = await browser.newContext(screen);
    context.setDefaultTimeout(30_000); // the page gives an answer ten seconds, and sends once more
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
    await prepare(context);
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

  /** kill closes the WebSocket, sending what is in the box in the same moment, or not. */
  async kill({ sending = false } = {}) {
    const killed = await this.page.evaluate((sending) => {
      if (sending) document.querySelector("[data-testid=compose]").requestSubmit();
      const open = webSockets.filter((socket) => socket.readyState === WebSocket.OPEN);
      for (const socket of open) socket.close();
      return open.length;
    }, sending);
    if (killed !== 1) throw new Error(`${killed} open WebSockets, want 1`);
  }

  async shoot(what) {
    await this.page.screenshot({ path: `${artifacts}${what}.png` });
  }

  /** talkToListed opens the private conversation by the list of people, which a phone shows on demand. */
  async talkToListed(name) {
    if (!(await this.part("people").isVisible())) await this.part("here").click();
    await this.part("people-list").getByRole("button", { name }).click();
    await this.part("private-with").filter({ hasText: name }).waitFor();
  }

  /** sees waits until a room is on show. */
  async sees(room) {
    await this.part("room-heading").filter({ hasText: room }).waitFor();
  }

  /** leavings are the notices that somebody has left. */
  leavings(name) {
    return this.part("log").locator(".notice", { hasText: name }).filter({ hasText: "left" });
  }

  /** texts returns what stands in the log, from the top. */
  async texts() {
    return this.part("log").locator(".message .text").allInnerTexts();
  }
}
