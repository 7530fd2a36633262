// The official Admin UI, with the npm package's own page, in a headless Chromium: it looks at the chat and acts on it.
//
//   node tests/asnode/browser/admin.mjs --url http://127.0.0.1:PORT [--page URL] [--mode development|production]
//
// The server takes the name "ops" and the password "correct horse". --page is where the page is, by default /admin/ of
// the server; on another origin, the server has to allow that. The people of the chat are stock clients. Screenshots go
// to tests/artifacts.

import { mkdir } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { io } from "socket.io-client";
import { launch } from "./find-chromium.mjs";
import { passed, step } from "./step.mjs";

const { values: options } = parseArgs({
  options: { url: { type: "string" }, page: { type: "string" }, mode: { type: "string", default: "development" }, shots: { type: "string", default: "" } },
});
const url = options.url ?? process.env.DOZE_URL;
if (!url) throw new Error("give the address of the chat: --url http://127.0.0.1:PORT, or DOZE_URL");
const page = options.page ?? `${url}/admin/`;
const artifacts = fileURLToPath(new URL("../../artifacts/", import.meta.url));
await mkdir(artifacts, { recursive: true });

const admins = [];

/** An Admin is one browser with the page. */
class Admin {
  problems = [];

  static async arrive(browser, name) {
    const admin = new Admin();
    admins.push(admin);
    admin.name = name;
    const context = await browser.newContext({ viewport: { width: 1440, height: 900 } });
    context.setDefaultTimeout(30_000);
    await context.route((to) => !["127.0.0.1", "localhost"].includes(to.hostname), (route) => route.abort()); // fonts of CDNs
    admin.page = await context.newPage();
    admin.page.on("pageerror", (error) => admin.problems.push(`${name}: ${error.message}`));
    await admin.page.goto(page);
    return admin;
  }

  async login(password, serverUrl = url) {
    await this.page.getByLabel("Server URL").fill(serverUrl);
    await this.page.getByLabel("Username").fill("ops");
    await this.page.getByLabel("Password").fill(password);
    await this.page.getByRole("button", { name: "Connect" }).click();
  }

  /** isIn waits until the page has let go of its dialog. */
  async isIn() {
    await this.page.getByLabel("Server URL").waitFor({ state: "hidden" });
  }

  /** go shows another part of the page, and waits until the one before has slid out. */
  async go(to) {
    await this.page.evaluate((hash) => { location.hash = hash; }, `#${to}`);
    await this.page.waitForTimeout(50); // so that both are there
    await this.page.waitForFunction(() => document.querySelectorAll(".v-breadcrumbs").length === 1);
  }

  row(text) {
    return this.page.locator("tbody tr").filter({ hasText: text });
  }

  /** room is the row of a room that the socket is in, and not of what else is said of the socket. */
  room(name) {
    return this.page.locator(".row-pointer tbody tr").filter({ hasText: name });
  }

  async press(row, icon) {
    await row.locator(`button:has(.${icon})`).click();
  }

  async shoot(name) {
    await this.page.waitForTimeout(600); // the charts and the pages slide in
    await this.page.screenshot({ path: `${artifacts}admin-${options.shots}${name}.png` });
  }
}

/** person is a stock client of the chat. */
async function person(nickname, more = {}) {
  const socket = io(url, { forceNew: true, reconnection: false, auth: { nickname }, ...more });
  await new Promise((resolve, reject) => {
    socket.once("welcome", resolve);
    socket.once("connect_error", reject);
  });
  return socket;
}

const ask = (socket, ...what) => socket.timeout(15_000).emitWithAck(...what);
const say = (socket, text) => ask(socket, "say", { id: crypto.randomUUID(), room: "tea", text });

const browser = await launch();
const people = [];
try {
  let ada, bob, first, second;
  await step("people are in the chat", async () => {
    [ada, bob] = await Promise.all([person("Ada"), person("Bob", { transports: ["polling"] })]);
    people.push(ada, bob);
    await Promise.all([ask(ada, "join", "tea"), ask(bob, "join", "tea")]);
  });

  await step("a wrong password is refused", async () => {
    first = await Admin.arrive(browser, "first");
    await first.login("wrong horse");
    await first.page.getByText("Invalid credentials").waitFor();
    await first.shoot("refused");
  });

  await step("the right one opens the page", async () => {
    await first.login("correct horse");
    await first.isIn();
  });

  await step("the page knows its session when it is opened again", async () => {
    await first.page.reload();
    await first.page.getByText("Dashboard").first().waitFor();
    await first.isIn();
    await first.page.locator("h2").filter({ hasText: /^2$/ }).first().waitFor(); // Ada, and the page itself, over WebSocket
  });

  await step("a second page looks on", async () => {
    second = await Admin.arrive(browser, "second");
    await second.login("correct horse");
    await second.isIn();
  });

  for (const admin of [first, second]) {
    await step(`the ${admin.name} page gets numbers, every two seconds`, async () => {
      await admin.go("/servers/");
      const server = admin.row("doze");
      await server.filter({ hasText: "Healthy" }).waitFor();
      const uptime = await server.innerText();
      await admin.page.waitForFunction((before) => document.querySelector("tbody tr").innerText !== before, uptime);
      await admin.go("/");
      await admin.page.locator("h2").filter({ hasText: /^3$/ }).first().waitFor();
    });
  }
  await first.shoot("dashboard");
  await first.go("/servers/");
  await first.shoot("servers");

  if (options.mode === "production") {
    await step("in production there is nothing else", async () => {
      for (const title of ["Sockets", "Rooms", "Clients", "Events"]) {
        if (await first.page.locator(".v-list-item__title").filter({ hasText: title }).count() > 0) throw new Error(`there is ${title}`);
      }
    });
  } else {
    await development(first, second, ada, bob);
  }
  for (const admin of [first, second]) if (admin.problems.length > 0) throw new Error(admin.problems.join("\n"));
  console.log(`${passed} passed`);
} catch (error) {
  for (const [i, context] of browser.contexts().entries()) {
    for (const each of context.pages()) await each.screenshot({ path: `${artifacts}admin-${options.shots}failed-${i}.png` }).catch(() => {});
  }
  throw new Error([error.message, ...admins.flatMap(({ problems }) => problems)].join("\n"), { cause: error });
} finally {
  for (const socket of people) socket.disconnect();
  await browser.close();
}

/** development is what the page has in development besides. */
async function development(first, second, ada, bob) {
  await step("sockets are listed, with their transports", async () => {
    await first.go("/sockets/");
    await first.row(ada.id).filter({ hasText: "WebSocket" }).waitFor();
    await first.row(bob.id).filter({ hasText: "polling" }).waitFor();
    await first.shoot("sockets");
  });

  await step("a broadcast is seen on both pages", async () => {
    await Promise.all([first.go("/events/"), second.go("/events/")]);
    const began = Date.now();
    await say(ada, "Hello");
    await Promise.all([first, second].map(async (admin) => {
      await admin.row(bob.id).filter({ hasText: "Event sent" }).filter({ hasText: "said" }).waitFor();
      await admin.row(ada.id).filter({ hasText: "Event received" }).filter({ hasText: "say" }).waitFor();
    }));
    console.log(`    after ${Date.now() - began} ms`);
    await first.shoot("events");
  });

  // Who comes over HTTP waits for that to be told, 200 ms at most; on a busy machine the page may not hear of somebody.
  await step("who comes and goes is seen", async () => {
    for (let left = 3; ; left--) {
      const cyd = await person("Cyd");
      const { id } = cyd; // disconnect takes it away
      const seen = await first.row(id).filter({ hasText: "Connection" }).waitFor({ timeout: 10_000 }).then(() => true, () => false);
      cyd.disconnect();
      if (seen) return await first.row(id).filter({ hasText: "Disconnection" }).waitFor();
      if (left === 1) throw new Error("three have come, and the page was told of none");
    }
  });

  await step("the page makes a socket join a room", async () => {
    await ask(ada, "leave", "tea");
    if (!(await say(ada, "not in")).error) throw new Error("Ada is still in the room");
    await first.go(`/n/${encodeURIComponent("/")}/sockets/${ada.id}`);
    await first.page.locator(".select-room input[type=text]").fill("#tea");
    await first.page.locator("form button[type=submit]:has(.mdi-tag-plus-outline)").click();
    await first.room("#tea").waitFor();
    await first.shoot("socket");
    const answer = await say(ada, "in again");
    if (answer.error) throw new Error(answer.error);
  });

  await step("the page makes it leave", async () => {
    await first.press(first.room("#tea"), "mdi-tag-off-outline");
    await first.room("#tea").waitFor({ state: "detached" });
    if (!(await say(ada, "not in")).error) throw new Error("Ada is still in the room");
  });

  await step("rooms are listed on the other page", async () => {
    await second.go("/rooms/");
    await second.row("#tea").filter({ hasText: "Public" }).waitFor();
    await second.shoot("rooms");
  });

  await step("a page disconnects a socket, and both see it go", async () => {
    const id = bob.id;
    const gone = new Promise((resolve) => bob.once("disconnect", resolve));
    await Promise.all([first.go("/sockets/"), second.go("/sockets/")]);
    await Promise.all([first.row(id).waitFor(), second.row(id).waitFor()]);
    await first.press(first.row(id), "mdi-logout"); // which also shows the socket
    const reason = await gone;
    if (reason !== "io server disconnect") throw new Error(reason);
    await second.row(id).waitFor({ state: "detached" });
    await first.page.getByText("disconnected").first().waitFor();
    await first.go("/sockets/");
    await first.row(ada.id).waitFor();
    await first.row(id).waitFor({ state: "detached" });
  });
}
