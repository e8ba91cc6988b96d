/** Idempotency keys: a call that is repeated after a lost response has the key of the first. */
export class IdempotencyKeys {
  /** Keys of calls with an unknown outcome, by what was called. */
  readonly #unknown = new Map<string, string>();

  /** Makes a call under a key. `isUnknown` says whether an error leaves the call's outcome unknown. */
  async run<T>(
    call: string,
    make: (key: string) => Promise<T>,
    isUnknown: (error: unknown) => boolean,
  ): Promise<T> {
    const key = this.#unknown.get(call) ?? newKey();
    try {
      const result = await make(key);
      this.#unknown.delete(call);
      return result;
    } catch (error) {
      if (isUnknown(error)) this.#unknown.set(call, key);
      else this.#unknown.delete(call);
      throw error;
    }
  }
}

/** Not by `randomUUID`, which browsers offer to secure origins only. */
function newKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
