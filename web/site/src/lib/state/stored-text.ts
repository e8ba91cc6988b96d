/** A text that this browser keeps for the page, where it keeps any: for good, or while a tab is open. */
export class Kept {
  constructor(
    readonly name: string,
    readonly where: "browser" | "tab" = "browser",
  ) {}

  get #storage(): Storage {
    return this.where === "tab" ? sessionStorage : localStorage;
  }

  get(): string | null {
    try {
      return this.#storage.getItem(this.name);
    } catch {
      return null;
    }
  }

  put(word: string): void {
    try {
      this.#storage.setItem(this.name, word);
    } catch {
      // It is known until the page is closed.
    }
  }
}
