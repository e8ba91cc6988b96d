/** Idempotency keys: what is done again after a lost answer is done under the same key. */
export class Once {
  /** Keys of what nobody knows whether it was done. */
  readonly #unknown = new Map<string, string>();

  /** Does something under a key. `isUnknown` says whether an error leaves open what became of it. */
  async do<T>(
    what: string,
    work: (key: string) => Promise<T>,
    isUnknown: (error: unknown) => boolean,
  ): Promise<T> {
    const key = this.#unknown.get(what) ?? draw();
    try {
      const done = await work(key);
      this.#unknown.delete(what);
      return done;
    } catch (error) {
      if (isUnknown(error)) this.#unknown.set(what, key);
      else this.#unknown.delete(what);
      throw error;
    }
  }
}

/** Not `randomUUID`, which browsers keep from pages that came without TLS. */
function draw(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
