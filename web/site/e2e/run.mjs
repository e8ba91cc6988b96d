// End-to-end tests of the site in Chromium, with a real desk and a real receiver:
// node web/site/e2e/run.mjs BINARY
//
// Each story has its own desk. It also fails on a console error, a violation of the content security
// policy, or a request that leaves this machine.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { stories as ofAccessibility } from "./accessibility.mjs";
import { launch } from "./browser.mjs";
import { Desk } from "./desk.mjs";
import { stories as ofOtherDesks } from "./other-desk.mjs";
import { Receiver } from "./receiver.mjs";
import { stories as ofSignIn } from "./sign-in.mjs";
import { stories as ofSignature } from "./signature.mjs";
import { stories as ofSimulatorForms } from "./simulator-forms.mjs";
import { stories as ofSimulator } from "./simulator.mjs";
import { stories as ofConsole } from "./stories.mjs";

const [binary, only = ""] = process.argv.slice(2);
if (binary === undefined) {
  console.error("node web/site/e2e/run.mjs BINARY [part of a story's name]");
  process.exit(2);
}

const stories = {
  ...ofConsole,
  ...ofAccessibility,
  ...ofSignIn,
  ...ofOtherDesks,
  ...ofSignature,
  ...ofSimulator,
  ...ofSimulatorForms,
};

/** A server of PostgreSQL for one story, as `.ci/postgres` starts it. */
const POSTGRES = process.env.HOOKDESK_TEST_POSTGRES;
/** Concurrent stories: a page mostly waits. */
const MAX_CONCURRENT = 2;

const folder = mkdtempSync(join(tmpdir(), "hookdesk-page-"));
const browser = await launch();
let failed = 0;
try {
  const waiting = Object.entries(stories).filter(([name]) => name.includes(only));
  const work = async () => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const [name, story] = next;
      if (story.isShared && POSTGRES === undefined) {
        console.log(`skipped  ${name} (wants .ci/postgres)`);
        continue;
      }
      const began = Date.now();
      const error = await runStory(name, story).catch((reason) => reason);
      const seconds = ((Date.now() - began) / 1_000).toFixed(1);
      console.log(`${error ? "FAILED" : "ok"}  ${name} (${seconds} s)`);
      if (error) console.log(String(error.stack ?? error).replaceAll(/^/gm, "    "));
      failed += error ? 1 : 0;
    }
  };
  await Promise.all(Array.from({ length: MAX_CONCURRENT }, work));
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
async function runStory(name, story) {
  const own = join(folder, name.replaceAll(/\W+/g, "-"));
  const database = story.isShared ? `${POSTGRES}/postgres` : undefined;
  const desk = await Desk.start(String(binary), own, story.asksForKeys ?? false, database);
  const receiver = await Receiver.start();
  const visit = await browser.visit(desk.url, story.device);
  try {
    await story.run({ page: visit.page, desk, receiver, visit });
    visit.judge();
  } catch (error) {
    const shots = process.env.PAGE_SHOTS;
    if (shots) await visit.page.screenshot({ path: join(shots, `${Date.now()}.png`) });
    throw error;
  } finally {
    await visit.close();
    receiver.stop();
    await desk.stop();
  }
}
