import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";

import { errorsAreTied, until } from "./browser.mjs";
import { computed, open, saved } from "./simulator.mjs";

/** @typedef {import("./stories.mjs").Story} Story */
/** @typedef {import("playwright-core").Page} Page */

/** @type {Record<string, Story>} */
export const stories = {
  "an outage is moved to other days, and both times are kept until they fit": {
    async run({ page, desk, visit }) {
      await page.goto(`${desk.url}/simulator`);
      await open(page, "Receiver gone");
      await page.getByRole("button", { name: "Add an outage of Gone" }).click();
      await page.getByRole("button", { name: /^Outage of Gone from Fri 2 Jan, 12:00:00 to Fri 2 Jan, 13:00:00/ }).waitFor();
      const from = page.getByLabel("From (UTC)");
      const to = page.getByLabel("To (UTC)");
      await from.fill("2026-01-02T18:00");
      await from.blur();
      await page.getByText("This field must be before the end of the outage.").waitFor();
      await errorsAreTied(page);
      await visit.inspect("half of an outage");
      assert.equal(await from.inputValue(), "2026-01-02T18:00");
      await to.fill("2026-01-05T09:00");
      await to.press("Enter");
      await page.getByRole("button", { name: /^Outage of Gone from Fri 2 Jan, 18:00:00 to Mon 5 Jan, 09:00:00/ }).waitFor();
      assert.equal(await page.locator("[aria-invalid=true]").count(), 0);
      await computed(page);
    },
  },

  "what a field cannot take is kept, and named at the field": {
    async run({ page, desk, visit }) {
      await page.goto(`${desk.url}/simulator`);
      const attempts = await open(page, "Lost response");
      await page.getByText("Tickets and time").click();
      for (const [label, text, words] of [
        ["Retries after, in seconds", "5 60 banana", "which “banana” is not"],
        ["Timeout, in ms", "5", "must be a number from 1,000 to 30,000"],
        ["Max in flight", "many", "must be a number from 1 to 256"],
        ["One response lost in", "", "must be a number from"],
        ["Tickets", "99999", "must be a number from 0 to 5,000"],
        ["Updates per ticket", "-1", "must be a number from 0 to 20"],
        ["Length, in days", "93", "must be a number from 0.001 to 92"],
        ["Start (UTC)", "2300-01-01T00:00", "must be from 1970-01-01 00:00 to 2200-01-01 00:00"],
      ]) {
        const field = page.getByLabel(String(label), { exact: true }).first();
        const before = await field.inputValue();
        await field.fill(String(text));
        await field.blur();
        await page.getByText(String(words)).waitFor();
        await errorsAreTied(page);
        assert.equal(await field.inputValue(), text, label);
        if (label === "Tickets") await visit.inspect("a refused number");
        await field.fill(before);
        await field.blur();
        await until(`${label} is as it was`, async () => (await page.locator("[aria-invalid=true]").count()) === 0);
        assert.equal(await computed(page), attempts, label);
      }
    },
  },

  "a limit that depends on another field is met by that field": {
    async run({ page, desk }) {
      await page.goto(`${desk.url}/simulator`);
      await open(page, "Lost response");
      await page.getByText("Tickets and time").click();
      const within = page.getByLabel("Opened within, in hours");
      await within.fill("30");
      await within.blur();
      await page.getByText("This field must be a number from 1 to 6.").waitFor();
      await page.getByLabel("Length, in days").fill("2");
      await page.getByLabel("Length, in days").blur();
      await until("both are taken", async () => (await page.locator("[aria-invalid=true]").count()) === 0);
      assert.equal(await within.inputValue(), "30");
    },
  },

  "the address has the scenario, also after changes and among views": {
    async run({ page, desk }) {
      await page.goto(`${desk.url}/simulator`);
      await open(page, "Poisoned ticket");
      await page.getByRole("button", { name: "Copy link" }).click();
      await page.getByText("The link is copied.").waitFor();
      const link = await page.evaluate(() => navigator.clipboard.readText());
      const visitAnew = async (/** @type {string} */ url) => {
        await page.goto("about:blank");
        await page.evaluate(() => undefined);
        await page.goto(url);
        return computed(page);
      };
      const attempts = await visitAnew(link);
      assert.equal(page.url(), link);
      await page.reload();
      assert.equal(await computed(page), attempts);
      assert.equal(page.url(), link);

      await page.getByText("Desk at this time").click();
      await page.getByRole("link", { name: "Webhooks", exact: true }).click();
      await page.getByRole("heading", { name: "Webhooks" }).waitFor();
      await until("in the address of a view", () => page.url().includes("#/webhooks&rehearsal="));
      await page.getByText("Tickets and time").click();
      await page.getByLabel("Tickets", { exact: true }).fill("7");
      await page.getByLabel("Tickets", { exact: true }).blur();
      await until("changed", async () => (await computed(page)) !== attempts);
      const changed = await computed(page);
      const shared = () => page.url().split("rehearsal=")[1];
      await until("in the address", () => shared() !== link.split("rehearsal=")[1]);
      const url = page.url();
      await page.goBack();
      await until("an earlier view", () => !page.url().includes("#/webhooks&"));
      await until("with the same scenario", () => shared() === url.split("rehearsal=")[1]);
      assert.equal(await computed(page), changed, "going back undoes nothing");
      assert.equal(await visitAnew(url), changed);
    },
  },

  "an empty scenario is empty": {
    async run({ page, desk, visit }) {
      await page.goto(`${desk.url}/simulator`);
      await computed(page);
      await page.getByLabel("Scenario", { exact: true }).selectOption({ label: "Empty" });
      await page.getByRole("heading", { name: "My scenario", level: 1 }).waitFor();
      assert.equal(await computed(page), 0);
      await page.getByText("There is no receiver yet. Add one").waitFor();
      await page.getByText("No ticket has been opened yet.").waitFor();
      assert.equal(await page.locator(".track").count(), 0);
      assert.equal(await page.getByText("Computing…").count(), 0);
      await visit.inspect("an empty scenario");
      await page.getByRole("button", { name: "Add a receiver" }).click();
      await until("a track", async () => (await page.locator(".track").count()) === 1);
      assert.equal(await computed(page), 0);
    },
  },

  "a webhook that is unregistered in the simulator's desk is marked": {
    async run({ page, desk }) {
      await page.goto(`${desk.url}/simulator`);
      await open(page, "Weekend outage");
      await page.getByLabel("Time (UTC)").fill(String(Date.UTC(2026, 0, 3, 12)));
      await page.getByText("Desk at this time").click();
      await page.getByRole("link", { name: "Webhooks", exact: true }).click();
      await page.getByRole("link", { name: /shop\.example/ }).click();
      await page.getByRole("button", { name: "Unregister", exact: true }).click();
      await page.getByRole("button", { name: "Unregister webhook" }).click();
      await page.getByRole("region", { name: "Timeline" }).getByText("unregistered", { exact: true }).waitFor();
    },
  },

  "caught up is one time, and a file of attempts has types, tickets and times": {
    async run({ page, desk }) {
      await page.goto(`${desk.url}/simulator`);
      await open(page, "Weekend outage");
      await page.getByText("Statistics", { exact: true }).click();
      const cells = page.getByRole("row", { name: /^Caught up/ }).getByRole("cell");
      const [shop, other] = await cells.allTextContents();
      assert.match(String(shop), /^Mon 09:\d\d$/);
      assert.equal(other, "–", "it was never behind");
      await page.getByText(new RegExp(`^Shop: .* Caught up ${shop}$`)).waitFor({ state: "attached" });

      const file = await readFile(await saved(page, "Save attempts"), "utf8");
      const [names = "", first = ""] = file.split("\r\n");
      const row = Object.fromEntries(names.split(",").map((name, index) => [name, first.split(",")[index]]));
      assert.match(String(row.at), /^2026-01-02T12:\d\d:\d\d\.\d{3}Z$/);
      assert.equal(row.event_type, "ticket_opened");
      assert.match(String(row.ticket), /^tkt_[0-9a-f]{32}$/);
    },
  },

  "an attempt to a receiver that is down waits for a probe": {
    async run({ page, desk }) {
      await page.goto(`${desk.url}/simulator`);
      await open(page, "Receiver gone");
      await page.getByLabel("Length, in days").evaluate((field) => field.closest("details")?.setAttribute("open", ""));
      // It is still down at the end, and not yet disabled.
      await page.getByLabel("Length, in days").fill("2");
      await page.getByLabel("Length, in days").blur();
      await page.getByText("Wed 7 Jan").first().waitFor({ state: "detached" });
      await computed(page);
      await page.getByLabel("Time (UTC)").fill(String(Date.UTC(2026, 0, 4, 11, 59)));
      await until("at one that waits", async () => {
        await page.getByRole("button", { name: "Previous attempt" }).click();
        return page.getByText(/^Waits for the next probe at Sun 4 Jan/).isVisible();
      });
    },
  },
};
