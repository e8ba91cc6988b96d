import assert from "node:assert/strict";

import { PHONE, errorsAreTied, until } from "./browser.mjs";

/**
 * @typedef {import("./stories.mjs").Story} Story
 * @typedef {import("playwright-core").Locator} Locator
 * @typedef {import("playwright-core").Page} Page
 */

/** @type {Record<string, Story>} */
export const stories = {
  "rows with the same text have different names": {
    async run({ page, desk, receiver }) {
      const { id } = await desk.call("POST", "/webhooks/register", { callback_url: receiver.url });
      await desk.call("POST", "/webhooks/register", { callback_url: receiver.url });
      const message = "w".repeat(400);
      for (const ticket_message of ["the same", "the same", message, message]) {
        await desk.call("POST", "/tickets", { ticket_message });
      }
      for (const overlap_seconds of [600, 600]) {
        await desk.call("POST", `/webhooks/${id}/secret/rotate`, { overlap_seconds });
      }
      await until("delivered", () => receiver.received.length === 8);
      for (const [route, kind, name, count] of /** @type {const} */ ([
        ["tickets", "button", /^Close /, 4],
        ["tickets", "button", /^Edit /, 4],
        ["tickets", "button", /^Show all /, 2],
        ["webhooks", "link", receiver.url, 2],
        [`webhooks/${id}`, "button", /^Ticket opened /, 4],
        [`webhooks/${id}/secrets`, "button", /^Revoke /, 2],
      ])) {
        await page.goto(`${desk.url}/console#/${route}`);
        const rows = page.locator("main").getByRole(kind, { name });
        await until(`${count} of ${name}`, async () => (await rows.count()) === count);
        const names = await rows.allInnerTexts();
        const hidden = await rows.allTextContents();
        assert.equal(new Set(hidden).size, count, `${names.join()} in ${route}`);
      }
    },
  },

  "each error is tied to its field": {
    async run({ page, desk, receiver, visit }) {
      visit.expect(/422/);
      await page.goto(`${desk.url}/console#/webhooks/new`);
      const press = (/** @type {string} */ name) => page.getByRole("button", { name, exact: true }).click();
      const field = page.getByLabel("Callback URL");
      await field.fill("ftp://nowhere");
      await press("Register");
      await page.getByText("This field must begin with http:// or https://.").waitFor();
      await isInvalid(page, field, "must begin with http");
      await visit.inspect("a refused registration");
      await page.getByText("More settings").click();
      for (const [label, text, words] of [
        ["Seconds before each retry", "5 60 banana", "whole seconds"],
        ["Timeout in ms", "soon", "whole number"],
        ["Max in flight", "0", "whole number"],
        ["Max per second", "-1", "whole number"],
        ["Additional headers", "host: here", "sets"],
        ["Your own secret", "whsec_short", "whsec_"],
      ]) {
        await page.getByLabel(String(label)).fill(String(text));
        await press("Register");
        const wrong = page.getByLabel(String(label));
        await until(`${label} is invalid`, async () => (await wrong.getAttribute("aria-invalid")) === "true");
        await isInvalid(page, wrong, String(words));
        assert.equal(await wrong.inputValue(), text);
      }
      await errorsAreTied(page);
      for (const box of await page.getByRole("group", { name: "Events" }).getByRole("checkbox").all()) {
        await box.uncheck();
      }
      await press("Register");
      await page.getByRole("group", { name: "Events" }).getByText("This field").waitFor();
      await errorsAreTied(page);

      const { id } = await desk.call("POST", "/tickets", { ticket_message: "it" });
      await page.goto(`${desk.url}/console#/tickets`);
      await press("Open a ticket");
      await until("the new one is invalid", async () =>
        (await page.getByLabel("What is it about?").getAttribute("aria-invalid")) === "true");
      await isInvalid(page, page.getByLabel("What is it about?"), "must not be empty");
      await page.getByText(id).waitFor();
      await page.getByRole("button", { name: /^Edit it/ }).click();
      await page.getByLabel("Message").fill("");
      await press("Save");
      await until("the edited one is invalid", async () =>
        (await page.getByLabel("Message").getAttribute("aria-invalid")) === "true");
      await isInvalid(page, page.getByLabel("Message"), "must not be empty");

      const webhook = await desk.call("POST", "/webhooks/register", { callback_url: receiver.url });
      visit.expect(/404.*\/replay/);
      await page.goto(`${desk.url}/console#/webhooks/${webhook.id}/replay`);
      await page.getByLabel("From", { exact: true }).fill("2026-01-02T18:00");
      await page.getByLabel("To", { exact: true }).fill("2026-01-02T12:00");
      await press("Preview");
      await until("an end is invalid", async () => (await page.locator("[aria-invalid=true]").count()) > 0);
      await errorsAreTied(page);
      assert.equal(await page.getByLabel("From", { exact: true }).inputValue(), "2026-01-02T18:00");
      assert.equal(await page.getByLabel("To", { exact: true }).inputValue(), "2026-01-02T12:00");
    },
  },

  "a secret without overlap is not revoked by Enter alone": {
    async run({ page, desk, receiver }) {
      const { id } = await desk.call("POST", "/webhooks/register", { callback_url: receiver.url });
      const [before] = await desk.call("GET", `/webhooks/${id}/secrets`);
      await page.goto(`${desk.url}/console#/webhooks/${id}/secrets`);
      await page.getByLabel("Keep the old secret for").selectOption("no time at all");
      await page.getByRole("button", { name: "Rotate", exact: true }).press("Enter");
      await page.getByRole("dialog").waitFor();
      await page.keyboard.press("Enter");
      await page.getByRole("dialog").waitFor({ state: "detached" });
      assert.deepEqual((await desk.call("GET", `/webhooks/${id}/secrets`))[0].id, before.id);
      await page.getByRole("button", { name: "Rotate", exact: true }).click();
      await page.getByRole("button", { name: "Rotate now" }).click();
      await page.getByRole("button", { name: "I have it" }).click();
      assert.notEqual((await desk.call("GET", `/webhooks/${id}/secrets`))[0].id, before.id);
    },
  },

  "an idle window is an empty bar": {
    async run({ page, desk, receiver }) {
      const { id } = await desk.call("POST", "/webhooks/register", { callback_url: receiver.url });
      for (const route of ["webhooks", `webhooks/${id}`]) {
        await page.goto(`${desk.url}/console#/${route}`);
        const gauge = page.getByRole("figure").filter({ hasText: "0 of 64 requests" });
        await gauge.waitFor();
        const widths = await gauge.locator("rect").evaluateAll((all) =>
          all.map((rect) => rect.getBoundingClientRect().width));
        assert.deepEqual(widths, [0], route);
      }
    },
  },

  "what waits for a receiver that is down says that it waits for a probe": {
    async run({ page, desk, receiver }) {
      receiver.status = 500;
      const { id } = await desk.call("POST", "/webhooks/register", { callback_url: receiver.url });
      for (let count = 0; count < 15; count += 1) {
        await desk.call("POST", "/tickets", { ticket_message: "late" });
      }
      await until("down", async () => (await desk.call("GET", `/webhooks/${id}`)).health === "down");
      await page.goto(`${desk.url}/console#/webhooks/${id}`);
      const rows = page.getByRole("button", { name: /^Ticket opened evt_\S+ (waiting|pending)/ });
      await rows.first().waitFor();
      await until("all but one wait", async () => (await rows.count()) >= 14);
      for (const text of await rows.allTextContents()) {
        assert.match(text, /waits for the next probe/);
        assert.doesNotMatch(text, /, next/);
      }
      const tried = page.getByRole("button", { name: /^Ticket opened evt_\S+ waiting 1 attempt/ });
      await tried.first().click();
      await page.getByText(/It waits for the next probe (in|now)/).waitFor();
    },
  },

  "a phone shows the ids of tickets, and notices cover nothing there": {
    device: PHONE,
    async run({ page, desk }) {
      for (let count = 0; count < 12; count += 1) {
        await desk.call("POST", "/tickets", { ticket_message: "late" });
      }
      const [{ id }] = await desk.call("GET", "/tickets");
      await page.getByText(id).waitFor();
      await closeFirst(page);
      const notice = page.getByText("The ticket is closed.");
      await notice.waitFor();
      await page.evaluate(() => scrollTo(0, document.documentElement.scrollHeight));
      assert.deepEqual(await covered(page, notice), []);
    },
  },

  "notices cover nothing on a wide screen": {
    async run({ page, desk }) {
      // Rows of text from one side to the other.
      const ticket_message = "late ".repeat(50);
      for (let count = 0; count < 12; count += 1) {
        await desk.call("POST", "/tickets", { ticket_message });
      }
      await closeFirst(page);
      const notice = page.getByText("The ticket is closed.");
      await notice.waitFor();
      for (const part of [0, 0.25, 0.5, 0.75, 1]) {
        await page.evaluate((of) => scrollTo(0, document.documentElement.scrollHeight * of), part);
        assert.deepEqual(await covered(page, notice), [], `scrolled by ${part} of the page`);
      }
    },
  },
};

/** @param {Page} page */
async function closeFirst(page) {
  await page.getByRole("button", { name: /^Close late/ }).first().click();
  await page.getByRole("button", { name: "Close ticket", exact: true }).click();
}

/**
 * Texts and controls of the page that a notice lies over.
 * @param {Page} page
 * @param {Locator} notice
 */
async function covered(page, notice) {
  const over = await notice.boundingBox();
  assert.ok(over, "the notice is seen");
  return page.evaluate(({ x, y, width, height }) => {
    const leaves = [...document.querySelectorAll("main *, header a, header button")].filter(
      (at) => at.children.length === 0 && !at.closest(".hidden") && at.getClientRects().length > 0,
    );
    const header = document.querySelector("header")?.getBoundingClientRect();
    return leaves.flatMap((at) => {
      const box = at.getBoundingClientRect();
      const isOver = box.left < x + width && box.right > x && box.top < y + height && box.bottom > y;
      // What has been scrolled below the header is not covered by the notice in it.
      const isBelow = header && y + height <= header.bottom && at.closest("main");
      return isOver && !isBelow ? [at.outerHTML.slice(0, 120)] : [];
    });
  }, over);
}

/**
 * Asserts that a field is invalid, and described by an error with some words.
 * @param {Page} page
 * @param {Locator} field
 * @param {string} words
 */
async function isInvalid(page, field, words) {
  assert.equal(await field.getAttribute("aria-invalid"), "true");
  const ids = (await field.getAttribute("aria-describedby"))?.split(" ") ?? [];
  const texts = await Promise.all(ids.map((id) => page.locator(`[id="${id}"]`).textContent()));
  assert.ok(texts.some((text) => text?.includes(words)), `${words} is not in ${texts.join()}`);
}
