/** A delivery as it stands in the page's fields. It is in memory alone, and goes with the page. */

import { reset, verify } from "hookdesk";
import type { Verdict } from "hookdesk";

import { missing, readHeaders, valueOf } from "./headers";
import type { Needed, Pair } from "./headers";
import { readSecrets } from "./secret-lines";

/** The clock by which a delivery is judged. */
export type Clock = "delivery" | "now";

/** A body's file, taken as it is. */
export interface Chosen {
  name: string;
  bytes: Uint8Array;
}

export interface Fields {
  headers: string;
  body: string;
  secrets: string;
  clock: Clock;
  file: Chosen | null;
}

export const EMPTY: Fields = { headers: "", body: "", secrets: "", clock: "delivery", file: null };

/** Milliseconds without a key after which it is judged: finding a mistake can take longer. */
const PAUSE_MS = 150;

/** Seconds of unix time up to which milliseconds of it are exact. */
const LAST_SECOND = Number.MAX_SAFE_INTEGER / 1_000;

export class Draft {
  headers = $state("");
  body = $state("");
  secrets = $state("");
  clock = $state<Clock>("delivery");
  file = $state.raw<Chosen | null>(null);
  /** Milliseconds of unix time at which it was last looked at. */
  now = $state(Date.now());
  /** Whether what was pasted as a body had line ends that the field does not keep. */
  mended = $state(false);

  readonly pasted = $derived(readHeaders(this.headers));
  readonly pairs: Pair[] = $derived(this.pasted.pairs);
  readonly missing: Needed[] = $derived(missing(this.pairs));
  readonly lines = $derived(readSecrets(this.secrets));
  readonly bytes: Uint8Array = $derived(this.file?.bytes ?? new TextEncoder().encode(this.body));
  readonly isEmpty = $derived(
    this.file === null && [this.headers, this.body, this.secrets].every((one) => one.trim() === ""),
  );
  /** When it was signed, in milliseconds of unix time; `null` when the headers do not say. */
  readonly signedAt: number | null = $derived.by(() => {
    const timestamp = this.value("webhook-timestamp") ?? "";
    const seconds = /^\d+$/.test(timestamp) ? Number(timestamp) : Infinity;
    return seconds <= LAST_SECOND ? seconds * 1_000 : null;
  });
  readonly at: number = $derived(
    this.clock === "delivery" ? (this.signedAt ?? this.now) : this.now,
  );
  /** What was said when it was last looked at. */
  verdict = $state.raw<Verdict | null>(null);
  /** Why nothing could be said. */
  fault = $state.raw<string | null>(null);
  /** Whether something was typed since. */
  isBehind = $state(false);
  #timer: ReturnType<typeof setTimeout> | undefined;

  value(needed: Needed): string | undefined {
    return valueOf(this.pairs, needed);
  }

  /** What is in the fields. */
  get fields(): Fields {
    const { headers, body, secrets, clock, file } = this;
    return { headers, body, secrets, clock, file };
  }

  fill(fields: Fields): void {
    Object.assign(this, fields);
    this.mended = false;
    this.look();
  }

  /** Judges it by the time that it is. */
  look(): void {
    clearTimeout(this.#timer);
    this.now = Date.now();
    this.isBehind = false;
    this.fault = null;
    try {
      this.verdict = this.isEmpty ? null : verify(this.pairs, this.bytes, this.lines, this.at);
    } catch (error) {
      // A bug of ours, after which only a new instance answers.
      reset();
      this.verdict = null;
      this.fault = String(error);
    }
  }

  /** Judges it when nobody has typed for a moment. */
  lookSoon(): void {
    clearTimeout(this.#timer);
    this.isBehind = true;
    this.#timer = setTimeout(() => this.look(), PAUSE_MS);
  }
}
