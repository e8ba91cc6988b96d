import { AxeBuilder } from "@axe-core/playwright";
import { chromium } from "playwright-core";

const QUIET = [
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--disable-quic",
  "--no-first-run",
];
/** Milliseconds for anything to appear, far above what a busy machine takes. */
const TIMEOUT_MS = 30_000;

/** @typedef {{ width?: number, height?: number, theme?: "light" | "dark" }} Device */

/** Pixels of a target (WCAG 2.5.8). */
const MIN_TARGET = 24;

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

/** A visit to the site, and the errors that it caused. */
export class Visit {
  /** @type {string[]} */
  #errors = [];
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
    /** Other servers that may be called. @type {string[]} */
    this.urls = [];
    this.device = device;
    page.setDefaultTimeout(TIMEOUT_MS);
    page.on("console", (message) => {
      if (!["error", "warning"].includes(message.type())) return;
      this.#errors.push(`console: ${message.text()} ${message.location().url}`);
    });
    page.on("pageerror", (error) => this.#errors.push(`thrown: ${error.message}`));
    page.on("dialog", (dialog) => {
      this.#errors.push(`dialog: ${dialog.message()}`);
      void dialog.dismiss();
    });
    page.on("request", (request) => {
      const to = new URL(request.url());
      const isKnown = [this.url, ...this.urls].some((url) => to.origin === new URL(url).origin);
      const own = isKnown || ["data:", "blob:"].includes(to.protocol);
      if (!own) this.#errors.push(`request to ${request.url()}`);
    });
  }

  /**
   * Expects an error, such as the browser's message about a response that refuses a call.
   * @param {RegExp} pattern
   */
  expect(pattern) {
    this.#expected.push(pattern);
  }

  /**
   * Allows an error that depends on timing.
   * @param {RegExp} pattern
   */
  allow(pattern) {
    this.#allowed.push(pattern);
  }

  /** Throws when there was an unexpected error, or when an expected one is missing. */
  judge() {
    const known = [...this.#expected, ...this.#allowed];
    const errors = this.#errors.filter((error) => !known.some((of) => of.test(error)));
    if (errors.length > 0) throw new Error(errors.join("\n"));
    for (const pattern of this.#expected) {
      if (!this.#errors.some((error) => pattern.test(error))) throw new Error(`no ${pattern}`);
    }
  }

  close() {
    return this.page.context().close();
  }

  /**
   * Throws when axe finds a serious violation, or when the page is wider than its window. Phones have
   * the same page, so that only its width is checked.
   * @param {string} where
   */
  async inspect(where) {
    const shots = process.env.PAGE_SHOTS;
    if (shots) await this.#show(`${shots}/${where.replaceAll(/\W+/g, "-")}-${this.device}.png`);
    await this.#measureTargets(where);
    if (this.page.viewportSize()?.width === PHONE.width) return this.measure(where);
    const { violations } = await new AxeBuilder({ page: this.page }).analyze();
    const serious = violations.filter(({ impact }) => impact === "serious" || impact === "critical");
    const found = serious.map(
      ({ id, help, nodes }) => `${id}: ${help}: ${nodes.map(({ html }) => html).join("\n  ")}`,
    );
    if (found.length > 0) throw new Error(`${where}:\n${found.join("\n")}`);
    await this.measure(where);
  }

  /**
   * Throws when a target has less than 24 pixels, except for links within a sentence (WCAG 2.5.8).
   * @param {string} where
   */
  async #measureTargets(where) {
    const small = await this.page.evaluate((least) => {
      const kinds = "a[href], button, input, select, textarea, summary";
      const isVisible = (/** @type {Element} */ at) =>
        at.checkVisibility({ visibilityProperty: true }) && !at.closest(".hidden, .skip");
      const isInSentence = (/** @type {Element} */ at) =>
        at.matches("a") && at.parentElement?.textContent?.trim() !== at.textContent?.trim() &&
        getComputedStyle(at).display === "inline";
      const found = [...document.querySelectorAll(kinds)].filter((at) => isVisible(at) && !isInSentence(at));
      return found.flatMap((at) => {
        const { width, height } = at.getBoundingClientRect();
        // Half a pixel is lost to rounding.
        const isSmall = width < least - 0.5 || height < least - 0.5;
        return isSmall ? [`${Math.round(width)} x ${Math.round(height)}: ${at.outerHTML.slice(0, 160)}`] : [];
      });
    }, MIN_TARGET);
    if (small.length > 0) throw new Error(`${where} has small targets:\n${small.join("\n")}`);
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
 * Waits until a condition holds.
 * @param {string} what
 * @param {() => boolean | Promise<boolean>} is
 */
export async function until(what, is) {
  const deadline = Date.now() + TIMEOUT_MS;
  while (!(await is())) {
    if (Date.now() > deadline) throw new Error(`never ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}

/**
 * Throws unless at least one field is invalid, and each that is refers to its error, which is shown.
 * @param {import("playwright-core").Page} page
 */
export async function errorsAreTied(page) {
  const described = await page.evaluate(() =>
    [...document.querySelectorAll('[aria-invalid="true"]')].map((field) => {
      const owner = field.closest("[aria-describedby]");
      const ids = (owner?.getAttribute("aria-describedby") ?? "").split(" ");
      const errors = ids.map((id) => document.getElementById(id)).filter((at) => at?.matches(".wrong"));
      return errors.length > 0 ? null : field.outerHTML;
    }),
  );
  if (described.length === 0) throw new Error("no field is invalid");
  const untied = described.filter((html) => html !== null);
  const shown = await page.locator(".field .wrong").count();
  if (untied.length > 0 || shown === 0) throw new Error(`errors are not tied: ${untied.join("\n")}`);
}
