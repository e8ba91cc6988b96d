import assert from "node:assert/strict";

import { init, verify } from "../../pkg/package/node.js";
import { PHONE, errorsAreTied } from "./browser.mjs";
import { bodyOf, representatives, secretsOf } from "./mutations.mjs";
import { run } from "./shell.mjs";

/**
 * @typedef {import("./stories.mjs").Scene} Scene
 * @typedef {import("./stories.mjs").Story} Story
 * @typedef {import("playwright-core").Page} Page
 * @typedef {import("./mutations.mjs").Mutation} Mutation
 */

const HOSTILE = `<script>alert(1)</script><img src=x onerror="alert(2)">`;
const SECRET = "whsec_BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=";
/** Unix time in milliseconds, below which the package takes a clock for one in seconds. */
const SECONDS_MS = 100_000_000_000;
const ENDS = "Webhook-Id: evt_1\nWebhook-Timestamp: 1750000000\nWebhook-Signature: v1,";

await init();

/** @type {Record<string, Story>} */
export const stories = {
  "each labelled mistake is named, with the network off": {
    async run(scene) {
      const page = await open(scene);
      const alone = await cutOff(page);
      await page.getByText("Now", { exact: true }).click();
      // The package refuses a clock in seconds, which no browser has, before it judges.
      const chosen = representatives().filter(({ now }) => now > SECONDS_MS);
      const labels = new Set(chosen.map(({ label }) => label));
      assert.ok(labels.size >= 60, `only ${labels.size} labels`);
      for (const one of chosen) {
        await page.clock.setFixedTime(one.now);
        await enter(page, one);
        await settled(page);
        const code = await verdict(page).locator("code").first().textContent();
        assert.equal(code, one.label, one.name);
        const { offset, header } = verify(one.headers, bodyOf(one), secretsOf(one), one.now);
        const marks = await verdict(page).locator("mark").count();
        assert.equal(marks, offset !== undefined || header !== undefined ? 1 : 0, one.name);
      }
      alone();
    },
  },

  "nothing leaves the page, and nothing is stored": {
    async run(scene) {
      const page = await open(scene);
      const alone = await cutOff(page);
      const names = await page
        .getByRole("group", { name: "Examples" })
        .getByRole("button")
        .allTextContents();
      const codes = [];
      for (const name of names) {
        await page.getByRole("button", { name, exact: true }).click();
        codes.push(await verdict(page).locator("code").first().textContent());
      }
      assert.deepEqual(codes, [
        "good",
        "body_reserialised",
        "secret_ended",
        "timestamp_stale",
        "header_missing",
        "body_mojibake",
        "signature_hex",
      ]);
      await page.getByRole("button", { name: "Valid" }).click();
      await page.getByLabel("Receiver URL").fill("http://127.0.0.1:9/hook");
      await page.getByRole("button", { name: "Copy as curl" }).click();
      await page.getByText("Copied, with a new signature").waitFor();
      for (const [language, file, words] of [
        ["JavaScript", "receiver.mjs", "timingSafeEqual"],
        ["Python", "receiver.py", "compare_digest"],
        ["Go", "receiver.go", "hmac.Equal"],
        ["Java", "Receiver.java", "MessageDigest.isEqual"],
        ["PHP", "receiver.php", "hash_equals"],
      ]) {
        await page.getByText(String(language), { exact: true }).click();
        await page.getByRole("button", { name: `Copy ${file}` }).click();
        await page.getByText(`${file} is copied.`).waitFor();
        const copied = await page.evaluate(() => navigator.clipboard.readText());
        assert.ok(copied.includes(String(words)), String(file));
      }
      alone();

      assert.equal(page.url(), `${scene.desk.url}/signature`);
      const stored = await page.evaluate(() => [
        { ...localStorage },
        { ...sessionStorage },
        document.cookie,
      ]);
      assert.deepEqual(stored, [{}, {}, ""]);
      await page.context().setOffline(false);
      await page.reload();
      await page.getByText("No delivery yet").waitFor();
      for (const field of ["Headers", "Body", "Secrets, one a line"]) {
        assert.equal(await page.getByLabel(field, { exact: true }).inputValue(), "", field);
      }
    },
  },

  "a verdict says how certain it is, and which headers were renamed": {
    async run(scene) {
      const page = await open(scene);
      const pick = (/** @type {string} */ name) => page.getByRole("button", { name, exact: true }).click();
      for (const [example, words] of [
        ["Body reserialised", "Proven. With this mistake undone, the signature matches."],
        ["Rotated secret", "Proven. With this mistake undone, the signature matches."],
        ["Missing header", "Evident. The input shows this mistake, whatever its signature is."],
        ["Too old", "Evident. The input shows this mistake, whatever its signature is."],
      ]) {
        await pick(String(example));
        await verdict(page).getByText(String(words)).waitFor();
      }
      await pick("Valid");
      await page.getByRole("heading", { name: /It verifies good/ }).waitFor();
      assert.equal(await verdict(page).getByText(/is read as|Proven|Evident|Likely/).count(), 0);

      const headers = page.getByLabel("Headers", { exact: true });
      const given = await headers.inputValue();
      await headers.fill(given.replace("Webhook-Id: ", "HTTP_WEBHOOK_ID=").replace("Webhook-Sig", "WEBHOOK_SIG"));
      await verdict(page).getByText("HTTP_WEBHOOK_ID is read as webhook-id").waitFor();
      await verdict(page).getByText("WEBHOOK_SIGnature is read as webhook-signature").waitFor();
      await page.getByRole("heading", { name: /It verifies good/ }).waitFor();
      await scene.visit.inspect("renamed headers");

      await headers.fill(given);
      await page.getByLabel("Body", { exact: true }).fill('{"event":"ping","created":"2025-06-15T15:06:40Z","data":{}}');
      await verdict(page).getByText("Likely. Nothing that was tried makes the signature match.").waitFor();
    },
  },

  "a signature is shown step by step, and earlier input is restored": {
    async run(scene) {
      const page = await open(scene);
      await page
        .getByLabel("Headers", { exact: true })
        .fill(`> POST / HTTP/1.1\n> Webhook-Id: mine`);
      await page.getByText("Read as curl's dump: 1 header").waitFor();
      await page.getByText("webhook-timestamp is missing").waitFor();
      await page.getByRole("button", { name: "Rotated secret" }).click();
      const steps = page.getByRole("region", { name: "How the signature is made" });
      assert.equal(await steps.getByLabel("with secret").inputValue(), "1");
      await steps.getByText("08".repeat(32)).waitFor();
      await steps
        .getByRole("region", { name: "Signed content" })
        .getByText("evt_01977420")
        .waitFor();
      await steps.getByText("equal:").waitFor();
      await steps.getByLabel("with secret").selectOption({ value: "0" });
      await steps.getByText("07".repeat(32)).waitFor();
      await steps.getByText("different:").waitFor();
      await page.getByText("This is about secret 2 of 2, which has ended.").waitFor();

      await page.getByRole("button", { name: "Restore my input" }).click();
      assert.match(await page.getByLabel("Headers", { exact: true }).inputValue(), /mine$/);
      assert.equal(await page.getByLabel("Body", { exact: true }).inputValue(), "");
    },
  },

  "bytes that a field would change are read from a file, which the page suggests": {
    async run(scene) {
      const page = await open(scene);
      const body = page.getByLabel("Body", { exact: true });
      await page.evaluate(() => navigator.clipboard.writeText('{"a":\r\n1}'));
      await body.focus();
      await page.keyboard.press("Control+v");
      await page.getByText("had CR LF line ends").waitFor();
      await body.fill('{"a":\n1}');
      await page.getByText("choose the file").waitFor();

      const bytes = Buffer.from([0xff, 0x0d, 0x0a, 0x00]);
      await page.getByLabel("Choose a file").setInputFiles(file("raw.bin", bytes));
      await page
        .getByText("The bytes of raw.bin are verified unchanged. They are not UTF-8.")
        .waitFor();
      await page.getByText("4 bytes").first().waitFor();
      await page.getByRole("button", { name: "Type it instead" }).click();
      assert.equal(await body.inputValue(), '{"a":\n1}', "what was typed is still there");

      const dropped = await page.evaluateHandle(() => {
        const transfer = new DataTransfer();
        transfer.items.add(new File(['{"b":1}\r\n'], "dropped.json"));
        return transfer;
      });
      await body.dispatchEvent("drop", { dataTransfer: dropped });
      await page.getByText("The bytes of dropped.json").waitFor();
      await page.getByText("9 bytes").first().waitFor();
      await page
        .getByLabel("Choose a file")
        .setInputFiles(file("huge.bin", Buffer.alloc(5_000_000)));
      await page.getByRole("alert").getByText("longer than 4 MiB").waitFor();
      await errorsAreTied(page);
      await page.getByText("9 bytes").first().waitFor();

      await page.getByRole("button", { name: "Type it instead" }).click();
      await page.getByLabel("Headers", { exact: true }).fill(`${ENDS}\n\n{"below":1}`);
      await page.getByRole("button", { name: "Use the body below the headers" }).click();
      assert.equal(await body.inputValue(), '{"below":1}');
    },
  },

  "pasted markup is shown as text": {
    async run(scene) {
      const page = await open(scene);
      await page.getByLabel("Headers", { exact: true }).fill(`${ENDS}${HOSTILE}\nX: ${HOSTILE}`);
      await page.getByLabel("Body", { exact: true }).fill(HOSTILE);
      await page.getByLabel("Secrets, one a line").fill(`${HOSTILE}\n${SECRET}`);
      await page.getByLabel("with secret").selectOption({ value: "1" });
      await page.getByRole("region", { name: "Signed content" }).getByText(HOSTILE).waitFor();
      await page.getByLabel("Secrets, one a line").fill(SECRET);
      await page.getByLabel("Receiver URL").fill("javascript:alert(1)");
      await page.getByRole("button", { name: "Copy as curl" }).click();
      await page.getByText("This field must begin with http:// or https://.").waitFor();
      await errorsAreTied(page);
      await page.getByLabel("Receiver URL").fill(`http://127.0.0.1/${HOSTILE}`);
      await page.getByRole("button", { name: "Copy as curl" }).click();
      await page.getByRole("region", { name: "Command" }).getByText("--data-raw").waitFor();
      const { length } = HOSTILE;
      for (const name of ["html", "dropped"]) {
        const bytes = Buffer.from(HOSTILE.repeat(3));
        await page.getByLabel("Choose a file").setInputFiles(file(`<b>${name}</b>`, bytes));
        await page
          .getByText(`${length * 3} bytes`)
          .first()
          .waitFor();
      }
      assert.equal(await page.locator("main script, main img, main b:not(pre b)").count(), 0);
    },
  },

  "a delivery is sent again by the copied command": {
    async run(scene) {
      const { page, desk, receiver } = scene;
      const { id, secret } = await desk.call("POST", "/webhooks/register", {
        callback_url: receiver.url,
        headers: { "x-tenant": "it's ours" },
      });
      await desk.call("POST", "/tickets", { ticket_message: `it's "late"\n$HOME ${HOSTILE} é` });
      await page.goto(`${desk.url}/console#/webhooks/${id}`);
      await page.getByRole("button", { name: /Ticket opened evt_\S+ delivered/ }).click();
      await page.getByRole("button", { name: "Copy as curl" }).click();
      const dialog = page.getByRole("dialog");
      assert.equal(await dialog.getByLabel("Receiver URL").inputValue(), receiver.url);
      await dialog.getByRole("button", { name: "Copy as curl" }).click();
      await dialog.getByText("This field must be whsec_ and the base64 of a key.").waitFor();
      await errorsAreTied(page);
      await dialog.getByLabel("Signing secret").fill(secret);
      await dialog.getByRole("button", { name: "Copy as curl" }).click();
      await dialog.getByText("Copied, with a new signature").waitFor();
      await run(await page.evaluate(() => navigator.clipboard.readText()));
      await scene.visit.inspect("a command");
      assertSame(receiver.received, secret);

      // Paste the delivery as the receiver got it.
      const first = receiver.received[0];
      await open(scene);
      await page.getByLabel("Headers", { exact: true }).fill(JSON.stringify(first?.headers));
      await page.getByLabel("Body", { exact: true }).fill(String(first?.text));
      await page.getByLabel("Secrets, one a line").fill(secret);
      await page.getByRole("heading", { name: /It verifies good/ }).waitFor();
      await page.getByLabel("Receiver URL").fill(receiver.url);
      await page.getByRole("button", { name: "Copy as curl" }).click();
      await page.getByText("Copied, with a new signature").waitFor();
      await run(await page.evaluate(() => navigator.clipboard.readText()));
      assertSame(receiver.received, secret);
      assert.equal(receiver.received.length, 3);
      assert.equal(receiver.received[2]?.headers["user-agent"], first?.headers["user-agent"]);
    },
  },

  "the keyboard alone leads to a verdict": {
    async run(scene) {
      const page = await open(scene);
      const focused = () => page.evaluate(() => document.activeElement?.textContent?.trim() ?? "");
      await page.keyboard.press("Tab");
      assert.equal(await focused(), "Skip to the content");
      await page.keyboard.press("Enter");
      await page.keyboard.press("Tab");
      assert.equal(await focused(), "Valid");
      await page.keyboard.press("Tab");
      await page.keyboard.press("Enter");
      await page.getByText("body_reserialised").waitFor();
      for (let steps = 0; (await focused()) !== "Copy as curl" && steps < 30; steps += 1) {
        await page.keyboard.press("Tab");
      }
      await page.keyboard.press("Shift+Tab");
      await page.keyboard.type("http://127.0.0.1:9/hook");
      await page.keyboard.press("Enter");
      await page.getByText("Copied, with a new signature").waitFor();
    },
  },

  "the explainer has nothing serious in light": looks({ theme: "light" }),
  "the explainer has nothing serious in dark": looks({ theme: "dark" }),
  "the explainer is no wider than a phone, in light": looks({ ...PHONE, theme: "light" }),
  "the explainer is no wider than a phone, in dark": looks({ ...PHONE, theme: "dark" }),
};

/**
 * The explainer, ready.
 * @param {Scene} scene
 */
async function open({ page, desk }) {
  await page.goto(`${desk.url}/signature`);
  await page.getByText("No delivery yet").waitFor();
  return page;
}

/**
 * Disables the network. The returned function throws if the page has requested anything since.
 * @param {Page} page
 */
async function cutOff(page) {
  /** @type {string[]} */
  const asked = [];
  page.on("request", (request) => asked.push(request.url()));
  page.on("websocket", (socket) => asked.push(socket.url()));
  await page.context().setOffline(true);
  return () => assert.deepEqual(asked, [], "the page asked for something");
}

/** @param {Page} page */
function verdict(page) {
  return page.getByRole("region", { name: "Verdict" });
}

/**
 * Waits until the verdict is on what was entered.
 * @param {Page} page
 */
async function settled(page) {
  await page.locator('[aria-label="Verdict"][aria-busy="false"]').waitFor();
}

/**
 * @param {string} name
 * @param {Buffer} buffer
 */
function file(name, buffer) {
  return { name, mimeType: "application/octet-stream", buffer };
}

/**
 * Enters a delivery as a person would.
 * @param {Page} page
 * @param {Mutation} one
 */
async function enter(page, one) {
  const headers = one.headers.map(([name, value]) => `${name}: ${value}`).join("\n");
  const secrets = one.secrets
    .map(([text, ended]) => (ended ? `${text} # rotated` : text))
    .join("\n");
  const removeFile = page.getByRole("button", { name: "Type it instead" });
  if (await removeFile.isVisible()) await removeFile.click();
  await page.getByLabel("Headers", { exact: true }).fill(headers);
  await page.getByLabel("Secrets, one a line").fill(secrets);
  // The field normalises line ends, and cannot hold bytes that are not text.
  if (one.body !== undefined && !one.body.includes("\r")) {
    await page.getByLabel("Body", { exact: true }).fill(one.body);
  } else {
    await page.getByLabel("Choose a file").setInputFiles(file("body", bodyOf(one)));
    await page.getByText("are verified unchanged").waitFor();
  }
}

/**
 * Asserts that all deliveries have the same message, and that the last one verifies.
 * @param {import("./receiver.mjs").Receiver["received"]} received
 * @param {string} secret
 */
function assertSame(received, secret) {
  const [first, last] = [received[0], received.at(-1)];
  assert.ok(first && last && received.length > 1);
  assert.equal(last.text, first.text, "to the byte");
  assert.equal(verify(last.headers, last.text, [secret], Date.now()).code, "good");
  for (const name of [
    "webhook-id",
    "hookdesk-attempt",
    "hookdesk-ticket",
    "hookdesk-ticket-version",
    "content-type",
    "x-tenant",
  ]) {
    assert.equal(last.headers[name], first.headers[name], name);
  }
}

/**
 * @param {import("./browser.mjs").Device} device
 * @returns {Story}
 */
function looks(device) {
  return {
    device,
    async run(scene) {
      const page = await open(scene);
      const { visit } = scene;
      await visit.inspect("the empty explainer");
      const examples = page.getByRole("group", { name: "Examples" }).getByRole("button");
      for (let index = 0; index < (await examples.count()); index += 1) {
        const example = examples.nth(index);
        await example.click();
        const what = await example.textContent();
        // A valid one, one with a location in the body, one without a header.
        if ([0, 1, 4].includes(index)) await visit.inspect(`the example ${what}`);
      }
      await page.getByLabel("Headers", { exact: true }).fill(`${ENDS}${"a".repeat(3_000)}`);
      await page.getByLabel("Body", { exact: true }).fill("w".repeat(3_000));
      await page.getByLabel("Secrets, one a line").fill(SECRET);
      await page.getByLabel("Receiver URL").fill(`http://127.0.0.1/${"u".repeat(2_000)}`);
      await page.getByRole("button", { name: "Copy as curl" }).click();
      await page.getByRole("region", { name: "Command" }).waitFor();
      await visit.inspect("long texts");
    },
  };
}
