import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { promisify } from "node:util";

import { init, verify } from "../../pkg/package/node.js";
import { PHONE, until } from "./browser.mjs";
import { Folder } from "./folder.mjs";
import { run as inShell } from "./shell.mjs";

await init();

/** @typedef {import("./stories.mjs").Story} Story */
/** @typedef {import("playwright-core").Page} Page */

const run = promisify(execFile);

/** Waits until the scenario is computed, and resolves with the number of attempts. @param {Page} page */
export async function computed(page) {
  const words = await page.getByText(/attempts, computed in/).textContent();
  return Number(/([\d,]+) attempts/.exec(words ?? "")?.[1]?.replaceAll(",", ""));
}

/** @param {Page} page @param {string} title */
export async function open(page, title) {
  await page.getByLabel("Scenario", { exact: true }).selectOption({ label: title });
  await page.getByRole("heading", { name: title, level: 1 }).waitFor();
  return computed(page);
}

/** @param {Page} page @param {string} name */
export async function saved(page, name) {
  const [download] = await Promise.all([
    page.waitForEvent("download"),
    page.getByRole("button", { name, exact: true }).click(),
  ]);
  return download.path();
}

/** @type {Record<string, Story>} */
export const stories = {
  "a weekend outage is simulated, scrubbed and changed offline": {
    async run({ page, desk, visit }) {
      await page.goto(`${desk.url}/simulator`);
      await computed(page);
      await page.context().setOffline(true);

      await page.getByText("healthy").first().waitFor();
      await page.getByLabel("Time (UTC)").fill(String(Date.UTC(2026, 0, 3, 12)));
      await page.getByText("Sat 3 Jan, 12:00:00").waitFor();
      await page.getByText("down", { exact: true }).waitFor();
      const probe = page.getByText(/A probe of a receiver that is down failed/);
      await until("at a probe", async () => {
        await page.getByRole("button", { name: "Next attempt" }).click();
        return probe.isVisible();
      });
      await page.getByText("How it was signed").waitFor();
      await page.getByText("good", { exact: true }).waitFor();

      await page.getByLabel("Time (UTC)").fill(String(Date.UTC(2026, 0, 2, 18)));
      const next = async (/** @type {string} */ turn, /** @type {string} */ words) => {
        await until(`at ${turn}`, async () => {
          await page.getByRole("button", { name: "Next event" }).click();
          return page.getByRole("heading", { name: turn, exact: true }).isVisible();
        });
        await page.getByText(words).first().waitFor();
      };
      await next("Down", "The receiver keeps failing");
      await page.getByLabel("Time (UTC)").fill(String(Date.UTC(2026, 0, 5, 8, 55)));
      await next("Back", "A probe succeeded");
      await page.getByText(/Shop: .* Down Fri 18:\d\d; Back Mon 09:\d\d; Caught up Mon 09:/).waitFor({ state: "attached" });

      const before = await computed(page);
      const block = page.getByRole("button", { name: /^Outage of Shop/ });
      await block.focus();
      await page.keyboard.press("Delete");
      await until("without the outage", async () => (await computed(page)) < before);
      await page.getByText("Statistics", { exact: true }).click();
      const failed = page.getByRole("row", { name: /^Failed/ }).getByRole("cell");
      await until("nothing fails", async () => (await failed.first().textContent()) === "0");
      await page.context().setOffline(false);
      visit.allow(/ERR_INTERNET_DISCONNECTED/);
    },
  },

  "an outage is drawn with the pointer": {
    async run({ page, desk }) {
      await page.goto(`${desk.url}/simulator`);
      const none = await open(page, "Lost response");
      const strip = page.locator(".strip").first();
      const box = await strip.boundingBox();
      assert.ok(box);
      await page.mouse.move(box.x + box.width * 0.2, box.y + 8);
      await page.mouse.down();
      await page.mouse.move(box.x + box.width * 0.3, box.y + 8, { steps: 4 });
      await page.mouse.up();
      await page.getByRole("heading", { name: "Outage", exact: true }).waitFor();
      await until("another run", async () => (await computed(page)) !== none);
      await page.getByLabel("During it the receiver").selectOption({ label: "responds 503" });
      await page.getByRole("button", { name: "Remove outage" }).click();
      await until("as it was", async () => (await computed(page)) === none);
    },
  },

  "every scenario is decided the same by the binary": {
    async run({ page, desk }) {
      await page.goto(`${desk.url}/simulator`);
      const titles = await page.getByLabel("Scenario", { exact: true }).locator("option").allTextContents();
      assert.equal(titles.length, 8);
      for (const title of titles.slice(0, -1)) {
        const attempts = await open(page, title);
        const file = await saved(page, "Save as incident");
        const { stdout } = await run(desk.binary, ["replay", file, "--json"], { maxBuffer: 1 << 29 });
        const steps = stdout.trim().split("\n").map((line) => JSON.parse(line));
        assert.deepEqual(steps.filter((step) => step.difference), [], title);
        const native = steps.flatMap((step) =>
          step.decisions.flatMap((/** @type {any} */ decision) =>
            decision.requests.map((/** @type {any} */ { webhook, seq, attempt }) =>
              [step.now_ms, webhook, seq, attempt].join(" "),
            ),
          ),
        );
        // The attempts that the page shows.
        const [, ...rows] = (await readFile(await saved(page, "Save attempts"), "utf8")).trim().split("\r\n");
        const shown = rows.map((row) => {
          const [at = "", , webhook, , , , seq, attempt] = row.split(",");
          return [Date.parse(at), webhook, seq, attempt].join(" ");
        });
        assert.equal(shown.length, attempts, title);
        const ended = new Set(shown);
        const decided = new Set(native);
        assert.deepEqual(shown.filter((row) => !decided.has(row)), [], title);
        // Requests in flight at the end are not attempts yet.
        const unended = native.filter((row) => !ended.has(row));
        assert.ok(unended.length <= 64, `${title}: ${unended.length} are not shown`);
      }
    },
  },

  "a scenario is shared by link and by file, and a broken one is refused": {
    async run({ page, desk }) {
      await page.goto(`${desk.url}/simulator`);
      const attempts = await open(page, "Poisoned ticket");
      await page.getByRole("button", { name: "Copy link" }).click();
      await page.getByText("The link is copied.").waitFor();
      const link = await page.evaluate(() => navigator.clipboard.readText());
      const file = await saved(page, "Save");

      await page.goto("about:blank");
      await page.goto(link);
      await page.getByRole("heading", { name: "Poisoned ticket", level: 1 }).waitFor();
      assert.equal(await computed(page), attempts);
      const text = JSON.parse(await readFile(file, "utf8"));
      const choose = async (/** @type {string} */ content) => {
        const buffer = Buffer.from(content);
        await page.getByLabel("Scenario or incident file").setInputFiles({ name: "x.json", mimeType: "application/json", buffer });
      };
      await choose(JSON.stringify({ ...text, length: -1 }));
      await page.getByText("length must be a whole number").waitFor();
      await choose("{");
      await page.getByText("is not JSON").waitFor();
      await choose('{"hookdesk_incident":1,"version":"0.1.0","redacted":false,"number":1}\n{"input":5}\n');
      await page.getByText("bad_incident").waitFor();
      await choose(JSON.stringify({ ...text, title: "<b>Mine</b>" }));
      await page.getByRole("heading", { name: "<b>Mine</b>", level: 1 }).waitFor();
      assert.equal(await page.getByText("bad_incident").count(), 0);
      await computed(page);

      // The address follows the scenario a moment later; the same fragment again would be no change.
      await page.waitForFunction((from) => location.hash !== from, new URL(link).hash);
      await page.reload();
      await page.getByRole("heading", { name: "<b>Mine</b>", level: 1 }).waitFor();
      await computed(page);
      await page.evaluate((to) => (location.hash = to), new URL(link).hash);
      await page.getByRole("heading", { name: "Poisoned ticket", level: 1 }).waitFor();
      await page.evaluate(() => (location.hash = "#rehearsal=AAAA"));
      await page.getByText("The link is incomplete").waitFor();
      await page.getByLabel("Start (UTC)").evaluate((field) => field.closest("details")?.setAttribute("open", ""));
      await page.getByLabel("Start (UTC)").fill("2026-03-06T12:00");
      await page.getByLabel("Start (UTC)").press("Enter");
      await page.getByText("Fri 6 Mar, 12:00:00").waitFor();
      await page.getByText("The link is incomplete").waitFor();
      assert.ok((await computed(page)) > 100);
    },
  },

  "an incident file opens and steps": {
    async run({ page, desk }) {
      await page.goto(`${desk.url}/simulator`);
      await open(page, "Key rotation");
      const file = await saved(page, "Save as incident");
      await page.getByLabel("Scenario or incident file").setInputFiles(file);
      await page.getByRole("heading", { name: "Incident replay" }).waitFor();
      await page.getByText("Every step was decided as on the server.").waitFor();
      await page.getByRole("button", { name: "Step", exact: true }).click();
      await page.locator("li[aria-current=step]").waitFor();
      assert.equal(await page.getByRole("button", { name: "Save as incident" }).count(), 0);
      await page.getByRole("button", { name: "Back to the scenario" }).click();
      await page.getByRole("heading", { name: "Key rotation", level: 1 }).waitFor();
      await computed(page);
    },
  },

  "a receiver that the visitor writes runs in a sandbox, and its failures stay there": {
    async run({ page, desk, visit }) {
      await page.goto(`${desk.url}/simulator`);
      await open(page, "Lost response");
      await page.getByLabel("Behaviour").selectOption({ label: "runs your code" });
      const editor = page.getByLabel(/Code: JavaScript/);
      const set = async (/** @type {string} */ source) => {
        await editor.fill(source);
        await editor.blur();
      };
      const first = async (/** @type {string} */ words) => {
        await until(words, async () => {
          await page.getByLabel("Time (UTC)").fill(String(Date.UTC(2026, 0, 2, 12)));
          await page.getByRole("button", { name: "Next attempt" }).click();
          return page.getByText(words).first().isVisible();
        });
      };
      await set('function receive({ headers }) { return { status: 418, body: headers["webhook-id"] }; }');
      await first("Responded 418");
      await set("function receive() { fetch('http://127.0.0.1:9/'); throw new Error('no way out'); }");
      await first("Responded 500");
      for (const [source, words] of [
        ["function receive() { for (;;); }", "No response in time"],
        ["for (;;);", "No response in time"],
        ["function receive() { return new Promise(() => {}); }", "No response in time"],
        ["function receive() { for (;;) postMessage({ ready: true }); }", "Responded 500"],
      ]) {
        await set(String(source));
        await first(String(words));
        await set("function receive() { return { status: 418 }; }");
        await first("Responded 418");
      }
      await set("const answer = 1; function receive() { return { latency: 12.5 }; }");
      await first("Responded 200");
      await set("const x = ;");
      await first("Responded 500");
      // Each run and each receiver has its own state.
      await set("let n = 0; function receive() { n += 1; return { status: n <= 8 ? 500 : 200 }; }");
      await page.getByRole("button", { name: "Compare other settings" }).click();
      await page.getByText("Statistics", { exact: true }).click();
      const failed = page.getByRole("row", { name: /^Failed/ }).getByRole("cell");
      await until("both fail alike", async () => (await failed.allTextContents()).join() === "8,8");
      await page.getByLabel("Timeout, in ms").first().fill("14000");
      await page.getByLabel("Timeout, in ms").first().blur();
      await computed(page);
      assert.deepEqual(await failed.allTextContents(), ["8", "8"]);
      visit.expect(/Failed to fetch/);
      visit.allow(/Content Security Policy/);
      const inside = await page.evaluate(() => document.querySelector("iframe")?.contentDocument);
      assert.equal(inside, null, "the frame has an origin of its own");
    },
  },

  "an outage is added, moved and bounded by the keyboard": {
    async run({ page, desk }) {
      await page.goto(`${desk.url}/simulator`);
      await open(page, "Lost response");
      await page.getByRole("button", { name: "Add an outage" }).click();
      await page.getByRole("heading", { name: "Outage", exact: true }).waitFor();
      const block = page.getByRole("button", { name: /^Outage of .* 12:00:00 to .* 13:00:00/ });
      await block.press("ArrowLeft");
      await block.press("Shift+ArrowRight");
      await page.getByRole("button", { name: /^Outage of .* 12:00:00 to .* 13:15:00/ }).waitFor();
      await page.getByLabel("To (UTC)").fill("2026-01-01T12:00");
      await page.getByLabel("To (UTC)").press("Enter");
      await page.getByText("This field must be from 2026-01-02 12:00 to 2026-01-02 18:00.").waitFor();
      assert.equal(await page.getByLabel("To (UTC)").inputValue(), "2026-01-01T12:00");
      await page.getByRole("button", { name: /^Outage of .* 12:00:00 to .* 13:15:00/ }).waitFor();
    },
  },

  "calls about a receiver are removed with it": {
    async run({ page, desk }) {
      await page.goto(`${desk.url}/simulator`);
      await open(page, "Weekend outage");
      await page.getByText("Desk at this time").click();
      await page.getByRole("link", { name: "Webhooks", exact: true }).click();
      await page.getByRole("link", { name: /shop\.example/ }).click();
      await page.getByRole("button", { name: "Pause", exact: true }).click();
      await page.getByText("The webhook is paused.").waitFor();
      await page.getByRole("region", { name: "Timeline" }).getByText("paused", { exact: true }).waitFor();
      await page.getByRole("button", { name: "Remove Shop", exact: true }).click();
      await until("without it", async () => (await page.locator(".track").count()) === 1);
      await computed(page);
      const timeline = page.getByRole("region", { name: "Timeline" });
      assert.equal(await timeline.getByText("paused", { exact: true }).count(), 0);
    },
  },

  "a simulated attempt is sent to a real receiver by the copied command": {
    async run({ page, desk, receiver }) {
      await page.goto(`${desk.url}/simulator`);
      await open(page, "Lost response");
      await page.getByRole("button", { name: "Next attempt" }).click();
      await page.getByText("Send it to your own receiver").click();
      await page.getByLabel("Receiver URL").fill(receiver.url);
      await page.getByRole("button", { name: "Copy as curl" }).click();
      await page.getByText("Copied, with a new signature").waitFor();
      await inShell(await page.evaluate(() => navigator.clipboard.readText()));
      const [delivery] = receiver.received;
      assert.ok(delivery);
      const secret = await page.getByText(/^whsec_/).last().textContent();
      assert.equal(verify(delivery.headers, delivery.text, [String(secret).trim()], Date.now()).code, "good");
      assert.equal(delivery.event, "ticket_opened");
    },
  },

  "a folder of static files is enough": {
    async run({ page, visit }) {
      const folder = await Folder.serve(new URL("../dist/", import.meta.url).pathname);
      try {
        // The console, where the visit began, asks for nothing more.
        await page.goto("about:blank");
        visit.url = folder.url;
        await page.goto(`${folder.url}/some/place/simulator.html`);
        assert.ok((await computed(page)) > 1_000);
        assert.equal(await page.getByRole("link", { name: "Console" }).count(), 0);
        await page.getByLabel("Behaviour").first().selectOption({ label: "runs your code" });
        await page.getByText(/failed, retried/).waitFor();
        await computed(page);
        await page.getByRole("link", { name: "Signatures" }).click();
        await page.waitForURL("**/some/place/signature.html");
      } finally {
        folder.close();
      }
    },
  },

  "the console's views work over the simulated desk": {
    async run({ page, desk }) {
      await page.goto(`${desk.url}/simulator`);
      await open(page, "Key rotation");
      await page.getByLabel("Time (UTC)").fill(String(Date.UTC(2026, 0, 2, 16)));
      await page.getByText("Desk at this time").click();
      await page.getByLabel("What is it about?").fill("Opened in a scenario");
      await page.getByRole("button", { name: "Open a ticket" }).click();
      await page.getByRole("listitem").filter({ hasText: "Opened in a scenario" }).first().waitFor();
      await page.getByText("Other API calls (2)").waitFor();
      await page.getByRole("link", { name: "Webhooks", exact: true }).click();
      await page.getByRole("link", { name: /shop\.example/ }).click();
      await page.getByRole("button", { name: /Ticket opened .*delivered/ }).first().waitFor();
    },
  },
};

for (const theme of /** @type {const} */ (["light", "dark"])) {
  for (const [device, size] of /** @type {const} */ ([["desk", {}], ["phone", PHONE]])) {
    stories[`the simulator is sound: ${device}, ${theme}`] = {
      device: { ...size, theme },
      async run({ page, desk, visit }) {
        await page.goto(`${desk.url}/simulator`);
        await computed(page);
        await page.getByRole("button", { name: "Next attempt" }).click();
        await page.getByText("How it was signed").waitFor();
        await visit.inspect("the simulator");
        await page.getByText("Statistics", { exact: true }).click();
        await visit.inspect("its figures");
        await page.getByText("Desk at this time").click();
        await page.getByText("What you do here happens").waitFor();
        await visit.inspect("its desk");
      },
    };
  }
}
