/** Idempotency keys: who does the same again after a lost answer does it under the same key. */
export class Once {
  #last = { text: "", key: "" };

  for(content: unknown): string {
    const text = JSON.stringify(content);
    if (text !== this.#last.text) this.#last = { text, key: draw() };
    return this.#last.key;
  }

  /** It was done, and the same again is meant as another. */
  done(): void {
    this.#last = { text: "", key: "" };
  }
}

/** Not `randomUUID`, which browsers keep from pages that came without TLS. */
function draw(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
