import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:net";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { promisify } from "node:util";

import { Folder } from "./folder.mjs";

/**
 * @typedef {import("./stories.mjs").Story} Story
 * @typedef {import("playwright-core").Page} Page
 */

const run = promisify(execFile);
const ROOT = new URL("../../../", import.meta.url).pathname;
const KEY = "a-key-of-the-worker-0123456789";

/** Stories about the console of another origin than its desk's. @type {Record<string, Story>} */
export const stories = {
  "the console of another origin works once the desk names that": {
    asksForKeys: true,
    async run({ page, desk, receiver, visit }) {
      visit.expect(/401.*\/me/);
      const folder = await build(desk.url, join(desk.folder, "console"));
      try {
        await page.goto("about:blank");
        visit.urls.push(folder.url);
        visit.expect(/blocked by CORS policy/);
        visit.expect(/ERR_FAILED/);
        await page.goto(`${folder.url}/some/place/index.html`);
        await page.getByRole("alert").getByText(/--cors-origin/).waitFor();
        await desk.stop();
        visit.allow(/ERR_CONNECTION_REFUSED/);
        await desk.startAgain("--cors-origin", folder.url);

        await page.getByText("The key is sent there alone.").waitFor();
        await visit.inspect("a sign-in at another desk");
        await use(page, desk.key);
        // It streams, so that what happens elsewhere appears at once.
        await desk.call("POST", "/tickets", { ticket_message: "from elsewhere" });
        await page.getByRole("paragraph").getByText("from elsewhere", { exact: true }).waitFor();
        const { id } = await desk.call("POST", "/webhooks/register", { callback_url: receiver.url });
        await page.getByRole("link", { name: "Webhooks", exact: true }).click();
        await page.getByRole("link", { name: new RegExp(new URL(receiver.url).host) }).click();
        await page.getByRole("link", { name: "Settings" }).click();
        await page.getByLabel("Description").fill("Changed from afar");
        await page.getByRole("button", { name: "Save" }).click();
        await page.getByText("The settings are saved.").waitFor();
        assert.equal((await desk.call("GET", `/webhooks/${id}`)).description, "Changed from afar");
        assert.deepEqual(await page.context().cookies(), []);
        await page.getByRole("button", { name: "Sign out" }).click();
        await page.getByRole("heading", { name: "Sign in" }).waitFor();
      } finally {
        folder.close();
      }
    },
  },

  "the same console works over a Worker": {
    async run({ page, desk, visit }) {
      visit.expect(/401.*\/me/);
      const port = await freePort();
      const url = `http://127.0.0.1:${port}`;
      const folder = await build(url, join(desk.folder, "console"));
      const worker = await startWorker(port, join(desk.folder, "edge"), folder.url);
      try {
        await page.goto("about:blank");
        visit.urls.push(folder.url, url);
        await page.goto(`${folder.url}/some/place/index.html`);
        await use(page, KEY);
        await page.getByText("Live", { exact: true }).waitFor();
        await page.getByRole("link", { name: "Webhooks", exact: true }).click();
        await page.getByRole("link", { name: "Register a webhook" }).first().click();
        await page.getByLabel("Callback URL").fill("https://example.com/hook");
        await page.getByRole("button", { name: "Register" }).click();
        await page.getByRole("button", { name: "I have it" }).click();
        await page.getByRole("heading", { name: /example\.com/ }).waitFor();
        await page.getByRole("link", { name: "Keys", exact: true }).click();
        await page.getByRole("region", { name: "List of keys" }).getByRole("listitem").first().waitFor();
        // What the page still asks for would break off.
        await page.goto("about:blank");
      } finally {
        worker.kill("SIGTERM");
        await once(worker, "exit");
        folder.close();
      }
    },
  },
};

/**
 * Signs in and opens a ticket.
 * @param {Page} page
 * @param {string} key
 */
async function use(page, key) {
  await page.getByLabel("API key").fill(key);
  await page.getByRole("button", { name: "Sign in", exact: true }).click();
  await page.getByLabel("What is it about?").fill("from afar");
  await page.getByRole("button", { name: "Open a ticket" }).click();
  await page.getByRole("paragraph").getByText("from afar", { exact: true }).waitFor();
}

/**
 * A server of the page that is built for a desk, as the documents say.
 * @param {string} desk
 * @param {string} folder
 */
async function build(desk, folder) {
  await run("make", ["console", `DESK=${desk}`, `TO=${folder}`], { cwd: ROOT });
  return Folder.serve(folder);
}

/**
 * @param {number} port
 * @param {string} folder
 * @param {string} origin
 */
async function startWorker(port, folder, origin) {
  const env = { ...process.env, HOOKDESK_KEY: KEY, HOOKDESK_CORS_ORIGIN: origin };
  const script = join(ROOT, "web/edge/local.mjs");
  const node = join(ROOT, "web/node_modules/.bin/node");
  const worker = spawn(node, [script, String(port), folder], { env, stdio: ["ignore", "ignore", "pipe"] });
  for await (const line of createInterface({ input: worker.stderr })) {
    if (!line.startsWith("listening on")) continue;
    worker.stderr.resume();
    return worker;
  }
  throw new Error("the Worker ended before it accepted");
}

async function freePort() {
  const server = createServer();
  await new Promise((resolve) => server.listen(0, "127.0.0.1", () => resolve(undefined)));
  const { port } = /** @type {import("node:net").AddressInfo} */ (server.address());
  await new Promise((resolve) => server.close(() => resolve(undefined)));
  return port;
}
