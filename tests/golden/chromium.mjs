// Runtime of the golden comparison: a page in Chromium.

import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { createRequire } from "node:module";

import { lines, PACKAGE } from "./lines.mjs";

const require = createRequire(new URL("../../web/package.json", import.meta.url));
const { chromium } = require("playwright-core");

const TYPES = { js: "text/javascript", mjs: "text/javascript", wasm: "application/wasm" };
const PAGE = `<!doctype html><script type="module">
  import * as hookdesk from "/package/browser.js";
  import { player } from "/player.mjs";
  globalThis.play = player(hookdesk);
</script>`;

const server = createServer(async ({ url }, response) => {
  const type = TYPES[url.split(".").at(-1)] ?? "text/html";
  const from = url.startsWith("/package/") ? new URL(url.slice(9), PACKAGE) : new URL(`.${url}`, import.meta.url);
  try {
    response.setHeader("content-type", type);
    response.end(url === "/" ? PAGE : await readFile(from));
  } catch {
    response.writeHead(404).end();
  }
});
await new Promise((listening) => server.listen(0, "127.0.0.1", listening));
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: ["--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run"],
});
try {
  const page = await browser.newPage();
  page.on("pageerror", (error) => console.error(error));
  await page.goto(`http://127.0.0.1:${server.address().port}/`);
  await page.waitForFunction(() => "play" in globalThis);
  await lines((line) => page.evaluate((told) => globalThis.play(told), line));
} finally {
  await browser.close();
  server.close();
}
