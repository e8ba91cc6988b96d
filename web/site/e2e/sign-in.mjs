import assert from "node:assert/strict";

import { PHONE, until } from "./browser.mjs";

/**
 * @typedef {import("./stories.mjs").Story} Story
 * @typedef {import("playwright-core").Locator} Locator
 * @typedef {import("playwright-core").Page} Page
 * @typedef {import("./desk.mjs").Desk} Desk
 */

/** The first call of a page, and what the browser says of its answer. */
const ASKED = /401.*\/me/;
/** A partner's webhooks call public addresses alone. This name does not resolve. */
const ELSEWHERE = "https://acme.invalid/hook";

/** @type {Record<string, Story>} */
export const stories = {
  "who signs in acts, stays signed in over a reload, and signs out": {
    asksForKeys: true,
    async run({ page, desk, receiver, visit }) {
      visit.expect(ASKED);
      const field = page.getByLabel("API key");
      await field.waitFor();
      assert.equal(await field.getAttribute("type"), "password");
      assert.equal(await page.getByRole("alert").getByText(/./).count(), 0, "nothing was wrong yet");
      assert.equal(await page.getByRole("link", { name: "Tickets", exact: true }).count(), 0);

      await signIn(page, `${desk.key.slice(0, -1)}${desk.key.endsWith("1") ? "2" : "1"}`);
      await page.getByRole("alert").getByText("its checksum is wrong").waitFor();
      visit.expect(/401.*\/session/);
      assert.equal(await field.getAttribute("aria-invalid"), "true");
      await signIn(page, ` ${desk.key}\n`);
      await page.getByRole("region", { name: "Signed in" }).getByText("scope admin").waitFor();
      await page.getByText("Live", { exact: true }).waitFor();

      await desk.call("POST", "/webhooks/register", { callback_url: receiver.url });
      await page.getByLabel("What is it about?").fill("with a key");
      await page.getByRole("button", { name: "Open a ticket" }).click();
      await page.getByRole("paragraph").getByText("with a key", { exact: true }).waitFor();
      await until("delivered", () => receiver.received.length === 1);
      // The stream of events brings what others do.
      await desk.call("POST", "/tickets", { ticket_message: "from elsewhere" });
      await page.getByRole("paragraph").getByText("from elsewhere").waitFor();
      await keepsNothing(page, desk.key);

      await page.reload();
      await page.getByRole("paragraph").getByText("with a key", { exact: true }).waitFor();
      const kept = await page.context().cookies();
      assert.equal(kept.length, 1);
      const [cookie] = kept;
      assert.deepEqual([cookie?.httpOnly, cookie?.sameSite], [true, "Strict"]);
      assert.ok(!JSON.stringify(kept).includes(desk.key));
      await page.getByLabel("What is it about?").fill("a draft");
      await page.getByRole("button", { name: "Sign out" }).click();
      await field.waitFor();
      assert.equal(await field.inputValue(), "");
      assert.equal(await page.getByText("with a key").count(), 0);
      assert.deepEqual(await page.context().cookies(), []);
      await page.reload();
      await field.waitFor();
      await signIn(page, desk.key);
      await page.getByRole("paragraph").getByText("with a key", { exact: true }).waitFor();
      assert.equal(await page.getByLabel("What is it about?").inputValue(), "", "drafts are gone");
    },
  },

  "a partner signs in by a link, finds out why its webhook is down, and loses no text at the end": {
    asksForKeys: true,
    async run({ page, desk, receiver, visit }) {
      visit.expect(ASKED);
      await partnerWithOneDown(desk, receiver.url);
      const { url } = await desk.call("POST", "/partners/acme/link", {});
      await page.goto(url);
      await page.getByRole("heading", { name: "Sign in as acme" }).waitFor();
      assert.equal(new URL(page.url()).hash, "", "the token has left the address");
      await visit.inspect("a link");
      await page.getByRole("button", { name: "Sign in as acme" }).click();
      await page.getByRole("region", { name: "Signed in" }).getByText("acme").first().waitFor();
      const webhooks = page.getByRole("list", { name: "Webhooks" }).getByRole("listitem");
      await webhooks.first().waitFor();
      assert.equal(await webhooks.count(), 1);
      await page.getByRole("link", { name: /acme\.invalid/ }).click();
      await page.getByRole("region", { name: "State" }).getByText("The receiver keeps failing.").waitFor();
      await page.getByRole("button", { name: /^Ticket opened evt_\S+ waiting [1-9]/ }).first().click();
      const attempts = page.getByRole("list", { name: "Attempts" }).getByRole("listitem");
      await attempts.first().getByText("Host name did not resolve").waitFor();

      // Whoever follows the link again is not signed in.
      const other = await openPage(page, url);
      await other.getByRole("button", { name: "Sign in as acme" }).click();
      await other.getByRole("alert").getByText(/was used/).waitFor();
      await other.close();

      await page.getByRole("link", { name: "Settings" }).click();
      await page.getByLabel("Description").fill("half a sentence");
      await desk.call("DELETE", "/partners/acme/sessions");
      visit.expect(/401/);
      visit.allow(/ERR_INCOMPLETE_CHUNKED_ENCODING/);
      await pressBehind(page.getByRole("button", { name: "Save" }));
      const dialog = page.getByRole("dialog", { name: "Sign in again" });
      await dialog.waitFor();
      await visit.inspect("a session that ended over edited settings");
      const next = await openPage(page, (await desk.call("POST", "/partners/acme/link", {})).url);
      await next.getByRole("button", { name: "Sign in as acme" }).click();
      await next.getByRole("region", { name: "Signed in" }).waitFor();
      await next.close();
      await dialog.getByRole("button", { name: "Signed in elsewhere" }).click();
      await dialog.waitFor({ state: "detached" });
      assert.equal(await page.getByLabel("Description").inputValue(), "half a sentence");
      await page.getByRole("button", { name: "Save" }).click();
      await page.getByText("The settings are saved.").waitFor();
    },
  },

  "an administrator who opens a partner's link is asked, and may stay": {
    asksForKeys: true,
    async run({ page, desk, visit }) {
      visit.expect(ASKED);
      await signIn(page, desk.key);
      await page.getByRole("link", { name: "Partners" }).click();
      await page.getByLabel("Partner", { exact: true }).fill("acme");
      await page.getByRole("button", { name: "Make a link" }).click();
      const url = await page.getByRole("textbox", { name: "Link" }).inputValue();
      assert.match(url, /#link\/acme\/hdl_/);
      await visit.inspect("a link that was made");
      await page.getByRole("button", { name: "I have it" }).click();
      assert.ok(!(await page.content()).includes(url), "a link is shown once");

      await page.goto(url);
      await page.getByText("You are signed in as").waitFor();
      await page.getByRole("button", { name: "Cancel" }).click();
      await page.getByRole("link", { name: "Keys" }).waitFor();
      await page.goto(url);
      await page.getByRole("button", { name: "Sign in as acme" }).click();
      await page.getByRole("link", { name: "Keys" }).waitFor({ state: "detached" });
      await page.getByText("No webhooks yet").first().waitFor();
    },
  },

  "a key that is revoked in mid-edit is asked for again, and no text is lost": {
    asksForKeys: true,
    async run({ page, desk, receiver, visit }) {
      visit.expect(ASKED);
      const scopes = ["read", "tickets", "webhooks"];
      const first = await desk.call("POST", "/keys", { scopes, name: "First" });
      const second = await desk.call("POST", "/keys", { scopes, name: "Second" });
      await desk.call("POST", "/tickets", { ticket_message: "before" });
      await signIn(page, first.key);
      await page.getByRole("button", { name: /^Edit before/ }).click();
      await page.getByLabel("Message").fill("half a sentence");
      await page.getByLabel("What is it about?").fill("another one");

      visit.expect(/401/);
      visit.allow(/ERR_INCOMPLETE_CHUNKED_ENCODING/);
      await desk.call("DELETE", `/keys/${first.id}`);
      await pressBehind(page.getByRole("button", { name: "Save" }));
      const dialog = page.getByRole("dialog", { name: "Sign in again" });
      await dialog.getByRole("alert").getByText(/revoked/).waitFor();
      await visit.inspect("a sign-in over an edited ticket");
      await page.keyboard.press("Escape");
      await dialog.getByLabel("API key").fill(second.key);
      await page.keyboard.press("Enter");
      await dialog.waitFor({ state: "detached" });
      await page.getByRole("region", { name: "Signed in" }).getByText("Second").waitFor();

      assert.equal(await page.getByLabel("Message").inputValue(), "half a sentence");
      assert.equal(await page.getByLabel("What is it about?").inputValue(), "another one");
      await page.getByRole("button", { name: "Save" }).click();
      await page.getByRole("paragraph").getByText("half a sentence", { exact: true }).waitFor();
      await page.getByText("Live", { exact: true }).waitFor();

      const { id } = await desk.call("POST", "/webhooks/register", { callback_url: receiver.url });
      await show(page, `webhooks/${id}/settings`);
      await page.getByLabel("Description").fill("typed before the key was revoked");
      await desk.call("DELETE", `/keys/${second.id}`);
      await dialog.waitFor();
      await dialog.getByLabel("API key").fill(desk.key);
      await page.keyboard.press("Enter");
      await dialog.waitFor({ state: "detached" });
      await page.getByRole("button", { name: "Save" }).click();
      await page.getByText("The settings are saved.").waitFor();
      const saved = await desk.call("GET", `/webhooks/${id}`);
      assert.equal(saved.description, "typed before the key was revoked");
    },
  },

  "what was typed is not for another partner who signs in": {
    asksForKeys: true,
    async run({ page, desk, visit }) {
      visit.expect(/401/);
      visit.allow(/ERR_INCOMPLETE_CHUNKED_ENCODING/);
      const scopes = ["read", "webhooks"];
      const [first, second] = await Promise.all(
        ["acme", "other"].map((partner) => desk.call("POST", "/keys", { scopes, partner })),
      );
      await signIn(page, first.key);
      await page.getByRole("link", { name: "Register a webhook" }).click();
      const field = page.getByLabel("Callback URL");
      await field.fill("https://acme.invalid/confidential");
      await desk.call("DELETE", `/keys/${first.id}`);
      await pressBehind(page.getByRole("button", { name: "Register" }));
      const dialog = page.getByRole("dialog", { name: "Sign in again" });
      await dialog.getByLabel("API key").fill(second.key);
      await page.keyboard.press("Enter");
      await dialog.waitFor({ state: "detached" });
      await page.getByRole("region", { name: "Signed in" }).getByText("partner other").waitFor();
      assert.equal(await field.inputValue(), "");
    },
  },

  "a partner sees its one webhook, and finds out why it is down": {
    asksForKeys: true,
    async run({ page, desk, receiver, visit }) {
      visit.expect(ASKED);
      const { key, id } = await partnerWithOneDown(desk, receiver.url);
      await signIn(page, key);
      const identity = page.getByRole("region", { name: "Signed in" });
      await identity.getByText("partner acme").waitFor();
      const webhooks = page.getByRole("list", { name: "Webhooks" }).getByRole("listitem");
      await webhooks.first().waitFor();
      assert.equal(await webhooks.count(), 1);
      assert.deepEqual(await page.getByRole("navigation").getByRole("link").allInnerTexts(), [
        "Webhooks",
        "Simulator",
        "Signatures",
      ]);
      assert.equal(await page.getByRole("button", { name: /Service/ }).count(), 0);

      await page.getByRole("link", { name: /acme\.invalid/ }).click();
      const state = page.getByRole("region", { name: "State" });
      await state.getByText("The receiver keeps failing.").waitFor();
      await visit.inspect("a partner's webhook that is down");
      await page.getByRole("button", { name: /^Ticket opened evt_\S+ waiting [1-9]/ }).first().click();
      const attempts = page.getByRole("list", { name: "Attempts" }).getByRole("listitem");
      await attempts.first().getByText("Host name did not resolve").waitFor();
      assert.equal(await page.getByRole("button", { name: "Copy as curl" }).count(), 0);
      await page.getByRole("button", { name: "Resend", exact: true }).click();
      await page.getByText("The event is being sent again.").waitFor();

      await page.getByRole("link", { name: "Settings" }).click();
      await page.getByText("You may not see the values of x-desk.").waitFor();
      await page.getByRole("group", { name: "Events" }).getByLabel("Ticket opened").waitFor();
      assert.equal(await page.getByLabel("Webhook down").count(), 0);
      await page.getByLabel("Description").fill("Ours");
      await page.getByRole("button", { name: "Save" }).click();
      await page.getByText("The settings are saved.").waitFor();
      const saved = await desk.call("GET", `/webhooks/${id}`);
      assert.equal(saved.description, "Ours");
      assert.deepEqual(saved.headers, { "x-desk": "hidden" }, "values that were not seen stay");

      await page.getByRole("link", { name: "Secrets" }).click();
      await page.getByRole("button", { name: "Rotate" }).click();
      assert.match(await page.getByRole("textbox", { name: "Signing secret" }).inputValue(), /^whsec_/);
      await page.getByRole("button", { name: "I have it" }).click();
      visit.expect(/404.*\/replay/);
      await page.getByRole("link", { name: "Replay" }).click();
      await page.getByText("All events").click();
      await page.getByRole("button", { name: "Preview" }).click();
      await page.getByText("would be sent again, as of").waitFor();
      await show(page, "tickets");
      await page.getByRole("heading", { name: "Webhooks" }).waitFor();
    },
  },

  "a key that only reads is offered nothing to change": {
    asksForKeys: true,
    async run({ page, desk, receiver, visit }) {
      visit.expect(ASKED);
      const { id } = await desk.call("POST", "/webhooks/register", {
        callback_url: receiver.url,
        headers: { "x-desk": "hidden" },
      });
      await desk.call("POST", "/tickets", { ticket_message: "to be read" });
      const { key } = await desk.call("POST", "/keys", { scopes: ["read"] });
      await signIn(page, key);
      await page.getByRole("paragraph").getByText("to be read", { exact: true }).waitFor();
      assert.equal(await page.getByRole("button", { name: /Edit|Close|Open a ticket/ }).count(), 0);
      assert.ok(await page.getByRole("button", { name: /Service/ }).isDisabled());
      await show(page, "keys");
      await page.getByRole("heading", { name: "Tickets" }).waitFor();

      await show(page, `webhooks/${id}`);
      await page.getByRole("button", { name: /^Ticket opened/ }).click();
      await page.getByRole("button", { name: "Copy as curl" }).click();
      await page.getByText("Left out, as you may not see their values: x-desk.").waitFor();
      await page.getByRole("button", { name: "Close", exact: true }).click();
      assert.equal(await page.getByRole("button", { name: /Ping|Pause|Unregister|Resend/ }).count(), 0);
      assert.equal(await page.getByRole("link", { name: "Replay" }).count(), 0);
      await page.getByRole("link", { name: "Settings" }).click();
      assert.ok(await page.getByLabel("Callback URL").isDisabled());
      await visit.inspect("settings that cannot be changed");
      await page.getByRole("link", { name: "Secrets" }).click();
      await page.getByText("current", { exact: true }).waitFor();
      assert.equal(await page.getByRole("button", { name: "Rotate" }).count(), 0);
    },
  },

  "an administrator makes a key, sees it once, and revokes it": {
    asksForKeys: true,
    async run({ page, desk, visit }) {
      visit.expect(ASKED);
      await signIn(page, desk.key);
      await page.getByRole("link", { name: "Keys" }).click();
      await page.getByRole("button", { name: "Make a key" }).click();
      await page.getByText("This field must be a list of at least one").waitFor();
      visit.expect(/422.*\/keys/);
      await page.getByLabel("Name").fill("Acme");
      await page.getByRole("checkbox", { name: /^read:/ }).check();
      await page.getByText("More settings").click();
      await page.getByLabel("Partner", { exact: true }).fill("acme");
      await page.getByRole("checkbox", { name: "Ping" }).uncheck();
      await page.getByLabel("Calls per second").fill("3");
      await page.getByLabel("Expires").fill("2099-01-02T03:04");
      await page.getByRole("button", { name: "Make a key" }).click();
      const text = page.getByRole("textbox", { name: "API key" });
      const key = await text.inputValue();
      await page.getByRole("button", { name: "Copy" }).click();
      await page.getByText("Copied.").waitFor();
      assert.equal(await page.evaluate(() => navigator.clipboard.readText()), key);
      await page.getByRole("button", { name: "I have it" }).click();
      assert.ok(!(await page.content()).includes(key), "a key is shown once");

      const row = page.getByRole("region", { name: "List of keys" }).getByRole("listitem");
      await row.filter({ hasText: "Acme" }).getByText("of the partner acme").waitFor();
      assert.equal(await row.filter({ hasText: "yours" }).count(), 1);
      const me = await desk.call("GET", "/me", undefined, key);
      assert.equal(me.partner, "acme");
      assert.ok(!me.events.includes("ping"));
      assert.match(me.expires_at, /^2099-01-0/);
      await row.filter({ hasText: "Acme" }).getByRole("button", { name: /^Revoke/ }).click();
      await page.getByRole("button", { name: "Revoke key" }).click();
      await page.getByText("The key is revoked.").waitFor();
      await row.filter({ hasText: "Acme" }).waitFor({ state: "detached" });
      await assert.rejects(desk.call("GET", "/me", undefined, key), /unauthorized/);
    },
  },

  "an administrator changes a key, which holds at once": {
    asksForKeys: true,
    async run({ page, desk, visit }) {
      visit.expect(ASKED);
      const made = { scopes: ["read"], partner: "acme", name: "Acme", rate_limit: 5 };
      const { id, key } = await desk.call("POST", "/keys", made);
      await signIn(page, desk.key);
      await page.getByRole("link", { name: "Keys" }).click();
      await page.getByRole("button", { name: /^Edit Acme/ }).click();
      const dialog = page.getByRole("dialog", { name: "Change this key" });
      assert.equal(await dialog.getByLabel("Name").inputValue(), "Acme");
      await dialog.getByRole("checkbox", { name: /^read:/ }).uncheck();
      await dialog.getByRole("button", { name: "Save" }).click();
      await dialog.getByText("This field must be a list of at least one").waitFor();
      visit.expect(/422.*\/keys/);
      await visit.inspect("a key that is changed");
      await dialog.getByRole("checkbox", { name: /^webhooks:/ }).check();
      await dialog.getByRole("checkbox", { name: "Ping" }).uncheck();
      await dialog.getByLabel("Calls per second").fill("");
      await dialog.getByRole("button", { name: "Save" }).click();
      await dialog.waitFor({ state: "detached" });
      const row = page.getByRole("region", { name: "List of keys" }).getByRole("listitem");
      await row.filter({ hasText: "Acme" }).getByText("webhooks", { exact: true }).waitFor();
      const keys = await desk.call("GET", "/keys");
      const changed = keys.find((/** @type {{ id: string }} */ of) => of.id === id);
      assert.deepEqual([changed.scopes, changed.rate_limit, changed.name], [["webhooks"], null, "Acme"]);
      assert.ok(!(await desk.call("GET", "/me", undefined, key)).events.includes("ping"));
    },
  },

  "an administrator removes a partner, and the audit says who did": {
    asksForKeys: true,
    async run({ page, desk, visit }) {
      visit.expect(ASKED);
      const { key } = await desk.call("POST", "/keys", { scopes: ["read"], partner: "acme" });
      const { id } = await desk.call("POST", "/webhooks/register", {
        callback_url: ELSEWHERE,
        partner: "acme",
      });
      await desk.call("PATCH", `/webhooks/${id}`, { timeout_ms: 5_000 });
      await signIn(page, desk.key);
      await page.getByRole("link", { name: "Partners" }).click();
      const row = page.getByRole("region", { name: "List of partners" }).getByRole("listitem");
      await row.getByText("1 webhook, 1 key").waitFor();
      await visit.inspect("partners");
      await row.getByRole("button", { name: "Remove acme" }).click();
      await page.getByRole("button", { name: "Remove partner" }).click();
      await page.getByText("No partners yet.").waitFor();
      await assert.rejects(desk.call("GET", "/me", undefined, key), /unauthorized/);

      await page.getByRole("link", { name: "Audit" }).click();
      const changes = page.getByRole("region", { name: "List of changes" }).getByRole("listitem");
      await changes.filter({ hasText: "Partner removed" }).getByText("acme").waitFor();
      const change = changes.filter({ hasText: "Webhook changed" });
      await change.getByText(/^by .*key_/).waitFor();
      await change.getByText("What changed").click();
      await change.getByRole("row", { name: "timeout_ms 15000 5000" }).waitFor();
      await visit.inspect("the audit");
    },
  },

  "simulator and signatures need no key": {
    asksForKeys: true,
    async run({ page, desk, visit }) {
      visit.expect(ASKED);
      await page.getByRole("main").getByRole("link", { name: "signatures" }).click();
      await page.waitForURL("**/signature");
      await page.getByRole("heading", { level: 1 }).waitFor();
      await page.goto(`${desk.url}/simulator`);
      await page.getByRole("heading", { level: 1 }).waitFor();
      assert.equal(await page.getByLabel("API key").count(), 0);
    },
  },

  "nothing serious is found in sign-in and keys, in light": looks({ theme: "light" }),
  "nothing serious is found in sign-in and keys, in dark": looks({ theme: "dark" }),
  "sign-in and keys are no wider than a phone, in light": looks({ ...PHONE, theme: "light" }),
  "sign-in and keys are no wider than a phone, in dark": looks({ ...PHONE, theme: "dark" }),
};

/**
 * @param {import("./browser.mjs").Device} device
 * @returns {Story}
 */
function looks(device) {
  return {
    device,
    asksForKeys: true,
    async run({ page, desk, visit }) {
      visit.expect(/401/);
      await page.getByLabel("API key").waitFor();
      await visit.inspect("a sign-in");
      await signIn(page, "hdk_unknown");
      await page.locator(".wrong").waitFor();
      await visit.inspect("a refused sign-in");
      await signIn(page, desk.key);
      await page.getByText("No tickets yet.").waitFor();
      await visit.inspect("a signed-in operator");
      const grown = { scopes: ["read", "webhooks"], partner: "p".repeat(64), name: "n".repeat(200) };
      await desk.call("POST", "/keys", { ...grown, expires_at: "2099-01-01T00:00:00Z", rate_limit: 7 });
      await show(page, "keys");
      await page.getByText("of the partner").waitFor();
      await page.getByText("More settings").click();
      await page.getByLabel("Partner", { exact: true }).fill("acme");
      await visit.inspect("keys");
      await page.getByRole("button", { name: /^Revoke/ }).last().click();
      await page.getByRole("dialog").waitFor();
      await visit.inspect("a key to be revoked");
      await page.getByRole("button", { name: "Cancel" }).click();
      await page.getByRole("button", { name: "Sign out" }).click();

      const { key } = await desk.call("POST", "/keys", grown);
      const { partner } = grown;
      await desk.call("POST", "/webhooks/register", { callback_url: ELSEWHERE, partner });
      await signIn(page, key);
      await page.getByRole("list", { name: "Webhooks" }).getByText("Nothing to deliver").waitFor();
      await visit.inspect("a partner's webhooks");
    },
  };
}

/** @param {Page} page @param {string} key */
async function signIn(page, key) {
  await page.getByLabel("API key").fill(key);
  await page.getByRole("button", { name: "Sign in", exact: true }).click();
}

/**
 * Another page of the same browser.
 * @param {Page} page
 * @param {string} url
 */
async function openPage(page, url) {
  const other = await page.context().newPage();
  await other.goto(url);
  return other;
}

/**
 * Presses a button when what ends the caller's rights was done already: live updates may have told
 * the page of it, and its dialog be above the button.
 * @param {Locator} button
 */
async function pressBehind(button) {
  await button.dispatchEvent("click");
}

/**
 * Opens another view without a reload, which would ask for the key again.
 * @param {Page} page
 * @param {string} route
 */
async function show(page, route) {
  await page.evaluate((to) => void (location.hash = `#/${to}`), route);
}

/**
 * Asserts that the browser has a key nowhere but in the page's memory.
 * @param {Page} page
 * @param {string} key
 */
async function keepsNothing(page, key) {
  const kept = await page.evaluate(() =>
    JSON.stringify([{ ...localStorage }, { ...sessionStorage }, location.href, document.cookie]));
  const { cookies, origins } = await page.context().storageState({ indexedDB: true });
  const all = kept + JSON.stringify([cookies, origins]) + (await page.content());
  assert.ok(!all.includes(key), "a key is kept in memory alone");
}

/**
 * A partner whose one webhook is down, beside a webhook of the desk's own.
 * @param {Desk} desk
 * @param {string} url Of the desk's own receiver.
 */
async function partnerWithOneDown(desk, url) {
  const { key } = await desk.call("POST", "/keys", {
    scopes: ["read", "webhooks"],
    partner: "acme",
    name: "Acme",
    rate_limit: 1_000,
  });
  await desk.call("POST", "/webhooks/register", { callback_url: url });
  const { id } = await desk.call("POST", "/webhooks/register", {
    callback_url: ELSEWHERE,
    partner: "acme",
    headers: { "x-desk": "hidden" },
  });
  for (let count = 0; count < 15; count += 1) {
    await desk.call("POST", "/tickets", { ticket_message: "late" });
  }
  await until("down", async () => (await desk.call("GET", `/webhooks/${id}`)).health === "down");
  return { key, id };
}
