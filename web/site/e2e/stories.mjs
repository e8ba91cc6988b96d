import assert from "node:assert/strict";

import { PHONE, until } from "./browser.mjs";

/**
 * @typedef {object} Scene
 * @property {import("playwright-core").Page} page
 * @property {import("./desk.mjs").Desk} desk
 * @property {import("./receiver.mjs").Receiver} receiver
 * @property {import("./browser.mjs").Visit} visit
 *
 * @typedef {object} Story
 * @property {import("./browser.mjs").Device} [device]
 * @property {boolean} [asksForKeys] The desk is started with `--auth`.
 * @property {boolean} [isShared] The desk is on PostgreSQL, where hosts share it.
 * @property {(scene: Scene) => Promise<void>} run
 */

const HOSTILE = `<script>alert(1)</script><img src=x onerror="alert(2)"><b>bold</b>`;
/** Retries without delay, so that a story reaches the end of the schedule. */
const HASTY = { retry_schedule: [0, 0] };

/** @type {Record<string, Story>} */
export const stories = {
  "the first steps lead to a delivery": {
    async run({ page, receiver, visit }) {
      await page.getByRole("link", { name: "Register one" }).click();
      await page.getByLabel("Callback URL").fill("ftp://nowhere");
      await page.getByRole("button", { name: "Register" }).click();
      await page.getByRole("alert").getByText("bad_callback_url").waitFor();
      visit.expect(/422.*\/webhooks\/register/);
      assert.equal(await page.getByLabel("Callback URL").inputValue(), "ftp://nowhere");

      await page.getByLabel("Callback URL").fill(receiver.url);
      await page.getByRole("button", { name: "Register" }).click();
      const secret = await page.getByRole("textbox", { name: "Signing secret" }).inputValue();
      assert.match(secret, /^whsec_/);
      await page.getByRole("button", { name: "Copy" }).click();
      await page.getByText("Copied.").waitFor();
      assert.equal(await page.evaluate(() => navigator.clipboard.readText()), secret);
      await page.getByRole("button", { name: "I have it" }).click();

      await page.getByRole("heading", { name: receiver.url }).waitFor();
      await page.getByText("No event since").waitFor();
      await page.getByRole("link", { name: "Open one" }).click();
      await page.getByLabel("What is it about?").fill("My order is late");
      await page.getByRole("button", { name: "Open a ticket" }).click();
      await page.getByRole("listitem").filter({ hasText: "My order is late" }).waitFor();
      await page.getByText("Done: the first event is delivered").waitFor();
      await page.getByRole("link", { name: "See deliveries" }).click();
      await page.getByRole("button", { name: /Ticket opened evt_\S+ delivered 1 attempt/ }).waitFor();

      const [delivery] = receiver.received;
      assert.deepEqual(delivery?.data, { ticket_message: "My order is late" });
      const content = await page.content();
      assert.ok(!content.includes(secret), "a secret is shown once");
    },
  },

  "the keyboard alone leads to a delivery": {
    async run({ page, receiver }) {
      const focused = () => page.evaluate(() => document.activeElement?.textContent?.trim() ?? "");
      /** @param {"Tab" | "Shift+Tab"} key @param {string} text */
      const tabTo = async (key, text) => {
        await page.getByText(text, { exact: true }).first().waitFor();
        for (let steps = 0; steps < 30; steps += 1) {
          await page.keyboard.press(key);
          if ((await focused()) === text) return;
        }
        assert.fail(`${key} does not lead to ${text}`);
      };
      await page.getByRole("heading", { name: "Three steps" }).waitFor();
      await page.keyboard.press("Tab");
      assert.equal(await focused(), "Skip to the content");
      await page.keyboard.press("Enter");
      assert.equal(await focused(), "Tickets");
      await page.getByRole("link", { name: "Register one" }).waitFor();
      await page.keyboard.press("Shift+Tab");
      assert.equal(await focused(), "Register one");
      await page.keyboard.press("Enter");
      await until("on its heading", async () => (await focused()) === "Register a webhook");
      await page.keyboard.press("Tab");
      await page.keyboard.type(receiver.url);
      await page.keyboard.press("Enter");
      await page.getByRole("dialog").waitFor();
      await tabTo("Tab", "I have it");
      await page.keyboard.press("Enter");
      await page.getByRole("heading", { name: receiver.url }).waitFor();
      await tabTo("Tab", "Deliveries");
      await tabTo("Shift+Tab", "Open one");
      await page.keyboard.press("Enter");
      await until("on its heading", async () => (await focused()) === "Tickets");
      await page.keyboard.press("Tab");
      await page.keyboard.type("My order is late");
      await page.keyboard.press("Control+Enter");
      await page.getByText("Done: the first event is delivered").waitFor();
      const outline = await page.evaluate(() => {
        const style = getComputedStyle(document.activeElement ?? document.body);
        return `${style.outlineStyle} ${style.outlineWidth}`;
      });
      assert.equal(outline, "solid 2px", "focus is seen");
      assert.equal(receiver.received.length, 1);
    },
  },

  "failed attempts are shown, and the receiver recovers": {
    async run({ page, desk, receiver }) {
      receiver.status = 500;
      receiver.body = HOSTILE;
      const { id } = await desk.call("POST", "/webhooks/register", {
        callback_url: receiver.url,
        ...HASTY,
      });
      await page.goto(`${desk.url}/console#/webhooks/${id}`);
      await page.getByText("No event since").waitFor();

      await desk.call("POST", "/tickets", { ticket_message: HOSTILE });
      const row = page.getByRole("button", { name: /Ticket opened evt_\S+ abandoned 3 attempts/ });
      await row.click();
      const attempts = page.getByRole("list", { name: "Attempts" }).getByRole("listitem");
      await attempts.nth(2).getByText("Responded 500").waitFor();
      assert.equal(await attempts.count(), 3);
      await attempts.nth(0).getByText("The attempt failed and will be retried.").waitFor();
      await attempts.nth(2).getByText("it was the last retry").waitFor();
      await page.getByRole("img", { name: /Attempt 1: Responded 500/ }).waitFor();
      await attempts.nth(0).getByText("Response").click();
      await attempts.nth(0).getByText(HOSTILE).waitFor();
      await page.getByText("Event", { exact: true }).click();
      await page.getByText("ticket_message").waitFor();
      assert.equal(await page.locator("main b, main img").count(), 0, "markup is text");

      receiver.status = 200;
      await page.getByRole("button", { name: "Resend", exact: true }).click();
      await page.getByRole("button", { name: /Ticket opened evt_\S+ delivered 4 attempts/ }).waitFor();
      await attempts.nth(3).getByText("Responded 200").waitFor();
      await page.getByLabel("Show", { exact: true }).selectOption("abandoned");
      await page.getByText("No delivery is abandoned.").waitFor();
      assert.equal(receiver.received.length, 4);
      assert.equal(receiver.received[3]?.data.ticket_message, HOSTILE);
    },
  },

  "a webhook is paused, resumed, pinged, rotated, changed, replayed and unregistered": {
    async run({ page, desk, receiver, visit }) {
      const { id } = await desk.call("POST", "/webhooks/register", { callback_url: receiver.url });
      await page.goto(`${desk.url}/console#/webhooks/${id}`);
      const press = (/** @type {string} */ name) =>
        page.getByRole("button", { name, exact: true }).click();
      await press("Pause");
      await page.getByText("The webhook is paused.").waitFor();
      await desk.call("POST", "/tickets", { ticket_message: "while it is paused" });
      await page.getByText("1 event to deliver").waitFor();
      await press("Resume");
      await page.getByText("Nothing to deliver").waitFor();
      await press("Ping");
      await page.getByRole("button", { name: /Ping evt_\S+ delivered/ }).waitFor();

      await page.getByRole("link", { name: "Secrets" }).click();
      await press("Rotate");
      assert.match(await page.getByRole("textbox", { name: "Signing secret" }).inputValue(), /^whsec_/);
      await press("I have it");
      await press("Ping");
      await until("signed twice", () => receiver.received.at(-1)?.signatures === 2);
      await page.getByRole("button", { name: /^Revoke sec_/ }).click();
      await press("Revoke secret");
      await press("Ping");
      await until("signed once", () => receiver.received.at(-1)?.signatures === 1);

      await page.getByRole("link", { name: "Settings" }).click();
      await page.getByLabel("Timeout in ms").fill("soon");
      await press("Save");
      await page.getByText(/This field must be a whole number/).waitFor();
      visit.expect(/422.*\/webhooks\/whk_/);
      await page.getByLabel("Timeout in ms").fill("2000");
      await page.getByLabel("Additional headers").fill("x-tenant: orders");
      await page.getByLabel("Ticket closed").uncheck();
      await press("Save");
      await page.getByText("The settings are saved.").waitFor();
      const saved = await desk.call("GET", `/webhooks/${id}`);
      assert.equal(saved.timeout_ms, 2_000);
      assert.deepEqual(saved.headers, { "x-tenant": "orders" });
      assert.ok(!saved.events.includes("ticket_closed"));
      assert.equal(saved.retry_schedule.length, 9, "what was not touched stays");

      await page.getByRole("link", { name: "Replay" }).click();
      visit.expect(/404.*\/replay/);
      await page.getByText("All events").click();
      await press("Preview");
      const before = receiver.received.length;
      await page.getByText(`${before} events would be sent again, as of`).waitFor();
      assert.equal(receiver.received.length, before, "a preview sends nothing");
      await press(`Replay ${before} events`);
      await until("replayed", () => receiver.received.length === before * 2);

      await press("Unregister");
      await press("Cancel");
      await press("Unregister");
      visit.allow(/404.*\/webhooks\/whk_/);
      await press("Unregister webhook");
      await page.getByRole("heading", { name: "No webhooks yet" }).waitFor();
    },
  },

  "a secret is shown until it is confirmed, in every view": {
    async run({ page, desk, receiver }) {
      const { id } = await desk.call("POST", "/webhooks/register", { callback_url: receiver.url });
      await page.route("**/secret/rotate", async (route) => {
        await new Promise((resolve) => setTimeout(resolve, 800));
        await route.continue();
      });
      await page.goto(`${desk.url}/console#/webhooks/${id}/secrets`);
      await page.getByRole("button", { name: "Rotate" }).click();
      await page.getByRole("link", { name: "Tickets" }).click();
      await page.getByRole("heading", { name: "Tickets" }).waitFor();
      const field = page.getByRole("textbox", { name: "Signing secret" });
      const secret = await field.inputValue();
      assert.match(secret, /^whsec_/);
      await page.keyboard.press("Escape");
      await page.goBack();
      await page.getByText("Live secrets").or(page.getByText("created ")).first().waitFor();
      assert.equal(await field.inputValue(), secret);
      await page.getByRole("button", { name: "I have it" }).click();
      assert.equal(await field.count(), 0);
    },
  },

  "a call without a response is made once, and input in the meantime is kept": {
    async run({ page, desk, receiver, visit }) {
      const { id } = await desk.call("POST", "/webhooks/register", { callback_url: receiver.url });
      // The desk handles the call, and its response is lost.
      await page.route("**/secret/rotate", async (route) => {
        await route.fetch();
        await route.abort();
      }, { times: 1 });
      await page.goto(`${desk.url}/console#/webhooks/${id}/secrets`);
      await page.getByRole("button", { name: "Rotate" }).click();
      await page.getByText("The desk does not respond").waitFor();
      visit.expect(/ERR_FAILED/);
      await page.getByRole("button", { name: "Rotate" }).click();
      await page.getByRole("button", { name: "I have it" }).click();
      assert.equal((await desk.call("GET", `/webhooks/${id}/secrets`)).length, 2);

      await page.goto(`${desk.url}/console#/tickets`);
      await page.route("**/tickets", async (route) => {
        await new Promise((resolve) => setTimeout(resolve, 800));
        await route.continue();
      });
      const field = page.getByLabel("What is it about?");
      await field.fill("the first");
      await field.press("Control+Enter");
      await field.fill("the second");
      await page.getByRole("paragraph").getByText("the first", { exact: true }).waitFor();
      assert.equal(await field.inputValue(), "the second");
      const row = page.getByRole("listitem").filter({ hasText: "the first" });
      await row.getByRole("button", { name: /Close/ }).press("Enter");
      await page.getByRole("dialog").waitFor();
      // Enter alone closes nothing.
      await page.keyboard.press("Enter");
      await page.getByRole("dialog").waitFor({ state: "detached" });
      assert.equal((await desk.call("GET", "/tickets?status=closed")).length, 0);
      await row.getByRole("button", { name: /Close/ }).press("Enter");
      await page.getByRole("button", { name: "Close ticket", exact: true }).press("Enter");
      await row.getByText("closed", { exact: true }).waitFor();
      assert.equal(await row.evaluate((at) => at === document.activeElement), true, "focus stays");
    },
  },

  "tickets are edited, closed, sorted and paged, and changes elsewhere appear": {
    async run({ page, desk, visit }) {
      for (let number = 1; number <= 120; number += 1) {
        await desk.call("POST", "/tickets", { ticket_message: `ticket ${number}` });
      }
      const list = page.getByRole("region", { name: "List of tickets" }).getByRole("listitem");
      await list.first().getByRole("paragraph").getByText("ticket 120", { exact: true }).waitFor();
      assert.equal(await list.count(), 50);
      await page.getByRole("button", { name: /Older/ }).click();
      await page.getByRole("button", { name: /Older/ }).click();
      await list.last().getByRole("paragraph").getByText("ticket 1", { exact: true }).waitFor();
      assert.equal(await list.count(), 20);
      await page.getByText("Oldest first").click();
      await list.first().getByRole("paragraph").getByText("ticket 1", { exact: true }).waitFor();

      await list.first().getByRole("button", { name: /Edit/ }).click();
      await list.first().getByLabel("Message").fill("");
      await list.first().getByRole("button", { name: "Save" }).click();
      await list.first().getByRole("alert").getByText("bad_field").waitFor();
      visit.expect(/422.*\/tickets/);
      await list.first().getByLabel("Message").fill("ticket one");
      await list.first().getByRole("button", { name: "Save" }).click();
      await list.first().getByRole("paragraph").getByText("ticket one", { exact: true }).waitFor();
      await list.first().getByRole("button", { name: /Close/ }).click();
      await page.getByRole("button", { name: "Close ticket", exact: true }).click();
      await list.first().getByText("closed", { exact: true }).waitFor();
      await page.getByText("Closed", { exact: true }).click();
      await until("one closed", async () => (await list.count()) === 1);

      await page.getByText("Open", { exact: true }).click();
      await page.getByText("Newest first").click();
      await list.first().getByRole("button", { name: /Edit/ }).click();
      await list.first().getByLabel("Message").fill("half a sentence");
      for (let number = 1; number <= 60; number += 1) {
        await desk.call("POST", "/tickets", { ticket_message: `meanwhile ${number}` });
      }
      await page.waitForTimeout(1_500);
      assert.equal(await page.getByLabel("Message").inputValue(), "half a sentence");
      await page.getByRole("button", { name: "Cancel" }).click();
      await list.first().getByRole("paragraph").getByText("meanwhile 60").waitFor();
      await desk.call("POST", "/tickets", { ticket_message: "from elsewhere" });
      await list.first().getByRole("paragraph").getByText("from elsewhere").waitFor();

      await page.getByRole("button", { name: "Service available" }).click();
      await page.getByRole("button", { name: "Announce" }).click();
      await page.getByRole("button", { name: "Service unavailable" }).waitFor();
      assert.equal((await desk.call("GET", "/service")).available, false);
    },
  },

  "a lost connection is shown, and input is kept": {
    async run({ page, desk, visit }) {
      await page.getByText("Live", { exact: true }).waitFor();
      await desk.stop();
      await page.getByText("Not connected").waitFor();
      visit.expect(/ERR_|Failed to load/);
      await page.getByLabel("What is it about?").fill("kept");
      await page.getByRole("button", { name: "Open a ticket" }).click();
      await page.getByRole("alert").getByText("The desk does not respond").first().waitFor();
      assert.equal(await page.getByLabel("What is it about?").inputValue(), "kept");

      await desk.startAgain();
      await page.getByText("Live", { exact: true }).waitFor();
      await page.getByRole("button", { name: "Open a ticket" }).click();
      await page.getByRole("paragraph").getByText("kept", { exact: true }).waitFor();
      assert.equal((await desk.call("GET", "/tickets")).length, 1);
    },
  },

  "a paused desk says so on each view, until it is started otherwise": {
    async run({ page, desk, visit }) {
      const notice = page.getByText("This desk is paused.");
      await page.getByText("Live", { exact: true }).waitFor();
      assert.equal(await notice.count(), 0);
      visit.expect(/ERR_|Failed to load/);
      await desk.stop();
      await desk.startAgain("--paused");
      await notice.waitFor();
      await page.getByRole("link", { name: "Webhooks", exact: true }).click();
      await page.getByRole("heading", { name: "Webhooks", exact: true }).waitFor();
      await notice.waitFor();
      await desk.stop();
      await desk.startAgain();
      await notice.waitFor({ state: "detached" });
    },
  },

  "a host says which host leads, and when it leads itself": {
    isShared: true,
    async run({ page, desk, visit }) {
      const leads = page.getByText("answers this page, and leads the desk since");
      await leads.waitFor();
      const second = await desk.beside();
      try {
        visit.urls.push(second.url);
        await page.goto(`${second.url}/console`);
        const { leader } = (await second.call("GET", "/health/ready")).host;
        const follows = page.getByText(`Host ${leader.slice(0, 8)}… leads the desk.`);
        await follows.getByText("answers this page, and follows it since").waitFor();
        await visit.inspect("a host that follows");
        visit.expect(/Failed to load/);
        await desk.stop();
        await leads.waitFor();
        assert.equal(await follows.count(), 0);

        // Between two leaders; too short a time to be waited for.
        const problem = { title: "Away", detail: "No host leads the desk.", code: "store_unavailable" };
        await page.route("**/health/ready", (route) => route.fulfill({ status: 503, json: problem }));
        await second.call("POST", "/tickets", { ticket_message: "an event" });
        const unknown = page.getByRole("status").getByText("Which host leads is not known. No host leads");
        await unknown.waitFor();
        assert.equal(await leads.count(), 0);
        await page.unroute("**/health/ready");
        await leads.waitFor();
        assert.equal(await unknown.count(), 0);
      } finally {
        await second.stop();
      }
    },
  },

  "nothing serious is found in light, on a wide screen": looks({ theme: "light" }),
  "nothing serious is found in dark, on a wide screen": looks({ theme: "dark" }),
  "nothing is wider than a phone, in light": looks({ ...PHONE, theme: "light" }),
  "nothing is wider than a phone, in dark": looks({ ...PHONE, theme: "dark" }),
};

/**
 * @param {import("./browser.mjs").Device} device
 * @returns {Story}
 */
function looks(device) {
  return {
    device,
    async run({ page, desk, receiver, visit }) {
      await page.getByText("No tickets yet.").waitFor();
      await visit.inspect("the empty list of tickets");
      await page.goto(`${desk.url}/console#/webhooks`);
      await page.getByText("No webhooks yet").waitFor();
      await visit.inspect("the empty list of webhooks");
      await page.goto(`${desk.url}/console#/webhooks/new`);
      await page.getByText("More settings").click();
      await visit.inspect("a registration");

      receiver.status = 500;
      receiver.body = HOSTILE.repeat(20);
      const callback_url = `${receiver.url}/${"a-long-path-".repeat(20)}`;
      const description = "long".repeat(60);
      const settings = { callback_url, description, ...HASTY };
      const { id } = await desk.call("POST", "/webhooks/register", settings);
      const ticket_message = "w".repeat(500);
      for (let count = 0; count < 4; count += 1) {
        await desk.call("POST", "/tickets", { ticket_message });
      }
      await desk.call("POST", `/webhooks/${id}/secret/rotate`);
      await page.goto(`${desk.url}/console#/tickets`);
      await page.getByText("Show all 500 characters").first().click();
      await visit.inspect("tickets");
      await page.goto(`${desk.url}/console#/webhooks`);
      await page.getByRole("list", { name: "Webhooks" }).getByText("to deliver").waitFor();
      await visit.inspect("webhooks");
      await page.goto(`${desk.url}/console#/webhooks/${id}`);
      await page.getByRole("button", { name: /3 attempts/ }).first().click();
      await page.getByText("Response").first().click();
      await visit.inspect("an event's attempts");
      await page.getByRole("button", { name: "Unregister" }).click();
      await page.getByRole("dialog").waitFor();
      await visit.inspect("a question");
      await page.getByRole("button", { name: "Cancel" }).click();
      for (const name of ["Replay", "Settings", "Secrets"]) {
        await page.getByRole("link", { name }).click();
        await page.getByRole("button", { name: /Preview|Save|Revoke/ }).waitFor();
        await visit.inspect(name);
      }
      visit.expect(/404.*\/replay/);
    },
  };
}
