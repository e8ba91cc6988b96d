/** A text in the browser's storage: for good, or for as long as the tab is open. */
export class StoredText {
  constructor(
    readonly key: string,
    readonly scope: "browser" | "tab" = "browser",
  ) {}

  get #storage(): Storage {
    return this.scope === "tab" ? sessionStorage : localStorage;
  }

  /** The text; `null` when there is none, or when the browser denies storage. */
  get(): string | null {
    try {
      return this.#storage.getItem(this.key);
    } catch {
      return null;
    }
  }

  set(text: string): void {
    try {
      this.#storage.setItem(this.key, text);
    } catch {
      // Storage is full or denied: the page works without it.
    }
  }
}
