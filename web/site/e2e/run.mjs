// Uses the page in Chromium against a real desk and a real receiver: node web/site/e2e/run.mjs BINARY
//
// Each story has a desk of its own. A console error, a breach of the page's policy, or a request that
// leaves this machine fails the story it happens in, whatever else went well.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { launch } from "./browser.mjs";
import { Desk } from "./desk.mjs";
import { Receiver } from "./receiver.mjs";
import { stories as ofSignature } from "./signature.mjs";
import { stories as ofSimulator } from "./simulator.mjs";
import { stories as ofConsole } from "./stories.mjs";

const [binary, only = ""] = process.argv.slice(2);
if (binary === undefined) {
  console.error("node web/site/e2e/run.mjs BINARY [part of a story's name]");
  process.exit(2);
}

const stories = { ...ofConsole, ...ofSignature, ...ofSimulator };

/** Stories at once: a page waits more than it works. */
const AT_ONCE = 2;

const folder = mkdtempSync(join(tmpdir(), "hookdesk-page-"));
const browser = await launch();
let failed = 0;
try {
  const waiting = Object.entries(stories).filter(([name]) => name.includes(only));
  const work = async () => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const [name, story] = next;
      const begun = Date.now();
      const error = await tell(name, story).catch((reason) => reason);
      const seconds = ((Date.now() - begun) / 1_000).toFixed(1);
      console.log(`${error ? "FAILED" : "ok"}  ${name} (${seconds} s)`);
      if (error) console.log(String(error.stack ?? error).replaceAll(/^/gm, "    "));
      failed += error ? 1 : 0;
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
} finally {
  await browser.close();
  rmSync(folder, { recursive: true, force: true });
}
console.log(failed === 0 ? "page: all stories hold" : `page: ${failed} failed`);
process.exit(failed === 0 ? 0 : 1);

/**
 * @param {string} name
 * @param {import("./stories.mjs").Story} story
 */
async function tell(name, story) {
  const desk = await Desk.start(String(binary), join(folder, name.replaceAll(/\W+/g, "-")));
  const receiver = await Receiver.start();
  const visit = await browser.visit(desk.url, story.device);
  try {
    await story.run({ page: visit.page, desk, receiver, visit });
    visit.judge();
  } catch (error) {
    const seen = process.env.PAGE_SHOTS;
    if (seen) await visit.page.screenshot({ path: join(seen, `${Date.now()}.png`) });
    throw error;
  } finally {
    await visit.close();
    receiver.stop();
    await desk.stop();
  }
}
