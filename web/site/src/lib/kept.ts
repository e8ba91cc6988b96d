/** A word that this browser keeps for the page, where it keeps any. */
export class Kept {
  constructor(readonly name: string) {}

  get(): string | null {
    try {
      return localStorage.getItem(this.name);
    } catch {
      return null;
    }
  }

  put(word: string): void {
    try {
      localStorage.setItem(this.name, word);
    } catch {
      // It is known until the page is closed.
    }
  }
}
