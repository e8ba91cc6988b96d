/** The delivery in the page's fields, and the verdict on it. It is kept in memory only. */

import { reset, verify } from "hookdesk";
import type { Verdict } from "hookdesk";

import { missing, readHeaders, valueOf } from "./headers";
import type { Needed, Pair } from "./headers";
import { readSecrets } from "./secret-lines";

/** The clock for the age of the timestamp: the time of sending, or now. */
export type ReferenceClock = "delivery" | "now";

/** A body that was chosen as a file, whose bytes are taken as they are. */
export interface BodyFile {
  name: string;
  bytes: Uint8Array;
}

export interface DeliveryFields {
  headers: string;
  body: string;
  secrets: string;
  clock: ReferenceClock;
  file: BodyFile | null;
}

export const EMPTY: DeliveryFields = { headers: "", body: "", secrets: "", clock: "delivery", file: null };

/** Milliseconds after the last key before it is verified, which can take longer than that. */
const DEBOUNCE_MS = 150;

/** Largest timestamp whose milliseconds are exact. */
const MAX_TIMESTAMP = Number.MAX_SAFE_INTEGER / 1_000;

export class PastedDelivery {
  headers = $state("");
  body = $state("");
  secrets = $state("");
  clock = $state<ReferenceClock>("delivery");
  file = $state.raw<BodyFile | null>(null);
  /** Time of the last verification, in milliseconds of unix time. */
  now = $state(Date.now());
  /** Whether the pasted body had line ends (CR) that the field does not keep. */
  hadCarriageReturns = $state(false);

  readonly parsed = $derived(readHeaders(this.headers));
  readonly pairs: Pair[] = $derived(this.parsed.pairs);
  readonly missing: Needed[] = $derived(missing(this.pairs));
  readonly secretLines = $derived(readSecrets(this.secrets));
  readonly bytes: Uint8Array = $derived(this.file?.bytes ?? new TextEncoder().encode(this.body));
  readonly isEmpty = $derived(
    this.file === null && [this.headers, this.body, this.secrets].every((one) => one.trim() === ""),
  );
  /** The timestamp header in milliseconds of unix time; `null` when it is missing or invalid. */
  readonly signedAt: number | null = $derived.by(() => {
    const timestamp = this.value("webhook-timestamp") ?? "";
    const seconds = /^\d+$/.test(timestamp) ? Number(timestamp) : Infinity;
    return seconds <= MAX_TIMESTAMP ? seconds * 1_000 : null;
  });
  readonly verifiedAt: number = $derived(
    this.clock === "delivery" ? (this.signedAt ?? this.now) : this.now,
  );
  /** The verdict of the last verification. */
  verdict = $state.raw<Verdict | null>(null);
  /** Why there is no verdict: an error of the checker. */
  fault = $state.raw<string | null>(null);
  /** Whether a field has changed since. */
  isOutdated = $state(false);
  #timer: ReturnType<typeof setTimeout> | undefined;

  value(needed: Needed): string | undefined {
    return valueOf(this.pairs, needed);
  }

  /** The contents of the fields. */
  get fields(): DeliveryFields {
    const { headers, body, secrets, clock, file } = this;
    return { headers, body, secrets, clock, file };
  }

  fill(fields: DeliveryFields): void {
    Object.assign(this, fields);
    this.hadCarriageReturns = false;
    this.verify();
  }

  /** Verifies it now. */
  verify(): void {
    clearTimeout(this.#timer);
    this.now = Date.now();
    this.isOutdated = false;
    this.fault = null;
    try {
      this.verdict = this.isEmpty ? null : verify(this.pairs, this.bytes, this.secretLines, this.verifiedAt);
    } catch (error) {
      // The checker has crashed: only a new WebAssembly instance works.
      reset();
      this.verdict = null;
      this.fault = String(error);
    }
  }

  /** Verifies it once nothing is typed for a moment. */
  verifySoon(): void {
    clearTimeout(this.#timer);
    this.isOutdated = true;
    this.#timer = setTimeout(() => this.verify(), DEBOUNCE_MS);
  }
}
