import { AxeBuilder } from "@axe-core/playwright";
import { chromium } from "playwright-core";

const QUIET = [
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--disable-quic",
  "--no-first-run",
];
/** Longest wait for anything to be seen: well above what a busy machine takes. */
const PATIENCE_MS = 10_000;

/** @typedef {{ width?: number, height?: number, theme?: "light" | "dark" }} Device */

export const PHONE = { width: 360, height: 740 };

export async function launch() {
  const executablePath = process.env.CHROMIUM ?? "/usr/bin/chromium";
  const browser = await chromium.launch({ executablePath, args: QUIET });
  return {
    close: () => browser.close(),
    /**
     * @param {string} url
     * @param {Device} [device]
     */
    visit: async (url, device = {}) => {
      const { width = 1_280, height = 900, theme = "light" } = device;
      const context = await browser.newContext({
        viewport: { width, height },
        colorScheme: theme,
        reducedMotion: "reduce",
        permissions: ["clipboard-read", "clipboard-write"],
      });
      const visit = new Visit(await context.newPage(), url, `${theme}-${width}`);
      await visit.page.goto(url);
      return visit;
    },
  };
}

/** One page in use, and what it should not have done. */
export class Visit {
  /** @type {string[]} */
  #wrongs = [];
  /** @type {RegExp[]} */
  #expected = [];
  /** @type {RegExp[]} */
  #allowed = [];

  /**
   * @param {import("playwright-core").Page} page
   * @param {string} url
   * @param {string} device
   */
  constructor(page, url, device) {
    this.page = page;
    this.url = url;
    this.device = device;
    page.setDefaultTimeout(PATIENCE_MS);
    page.on("console", (message) => {
      if (!["error", "warning"].includes(message.type())) return;
      this.#wrongs.push(`console: ${message.text()} ${message.location().url}`);
    });
    page.on("pageerror", (error) => this.#wrongs.push(`thrown: ${error.message}`));
    page.on("dialog", (dialog) => {
      this.#wrongs.push(`dialog: ${dialog.message()}`);
      void dialog.dismiss();
    });
    page.on("request", (request) => {
      const to = new URL(request.url());
      const own = to.origin === new URL(this.url).origin || ["data:", "blob:"].includes(to.protocol);
      if (!own) this.#wrongs.push(`request to ${request.url()}`);
    });
  }

  /**
   * The browser writes of answers that refuse, which a story may be about.
   * @param {RegExp} pattern
   */
  expect(pattern) {
    this.#expected.push(pattern);
  }

  /**
   * What may be written or not, as it depends on what comes first.
   * @param {RegExp} pattern
   */
  allow(pattern) {
    this.#allowed.push(pattern);
  }

  /** Throws when the page did what it should not, or did not do what was expected. */
  judge() {
    const known = [...this.#expected, ...this.#allowed];
    const wrongs = this.#wrongs.filter((wrong) => !known.some((of) => of.test(wrong)));
    if (wrongs.length > 0) throw new Error(wrongs.join("\n"));
    for (const pattern of this.#expected) {
      if (!this.#wrongs.some((wrong) => pattern.test(wrong))) throw new Error(`no ${pattern}`);
    }
  }

  close() {
    return this.page.context().close();
  }

  /**
   * Throws when axe finds something serious, or the page is wider than its window. On a phone it is
   * the same page, so that its width alone is looked at.
   * @param {string} where
   */
  async inspect(where) {
    const shots = process.env.PAGE_SHOTS;
    if (shots) await this.#show(`${shots}/${where.replaceAll(/\W+/g, "-")}-${this.device}.png`);
    if (this.page.viewportSize()?.width === PHONE.width) return this.measure(where);
    const { violations } = await new AxeBuilder({ page: this.page }).analyze();
    const serious = violations.filter(({ impact }) => impact === "serious" || impact === "critical");
    const told = serious.map(
      ({ id, help, nodes }) => `${id}: ${help}: ${nodes.map(({ html }) => html).join("\n  ")}`,
    );
    if (told.length > 0) throw new Error(`${where}:\n${told.join("\n")}`);
    await this.measure(where);
  }

  /** @param {string} path */
  async #show(path) {
    await this.page.screenshot({ path, fullPage: true });
  }

  /**
   * Throws when the page is wider than its window.
   * @param {string} where
   */
  async measure(where) {
    const wider = await this.page.evaluate(
      () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
    );
    if (wider > 0) throw new Error(`${where} is ${wider} pixels wider than its window`);
  }
}

/**
 * Waits until something is so.
 * @param {string} what
 * @param {() => boolean | Promise<boolean>} is
 */
export async function until(what, is) {
  const deadline = Date.now() + PATIENCE_MS;
  while (!(await is())) {
    if (Date.now() > deadline) throw new Error(`never ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}
