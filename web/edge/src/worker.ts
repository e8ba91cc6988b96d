/**
 * HookDesk on Cloudflare: a Worker in front of one Durable Object, which keeps a desk's rows in its
 * own SQLite. All rules are the desk's; this moves bytes for it.
 */

import { DurableObject } from "cloudflare:workers";
import {
  init,
  misconfigured,
  mostBody,
  mostBodyWaitMs,
  mostRead,
  reset,
  StoredDesk,
  unanswered,
  unknownBindings,
  workerOptions,
} from "hookdesk";
import type {
  At,
  Failure,
  Handled,
  Options,
  Report,
  Request as Outgoing,
  SqlValue,
  Storage,
} from "hookdesk";

/**
 * While requests are open the alarm is never further away than this. Nobody else starts an object
 * that was evicted or killed over them, and only then are they sent again.
 */
const WATCH_MS = 5_000;
/**
 * Bytes of a body that is too long which are taken in all the same: a connection that is closed over
 * what its caller still sends breaks before the answer is read.
 */
const MAX_DISCARDED = 16 * 1024 * 1024;
/** From when a desk broke until its alarm has the next one go on, if nobody calls before. */
const REPAIR_MS = 15_000;

/** What `wrangler.jsonc` binds: the desk's object, and options as `HOOKDESK_…`. */
interface Env {
  DESK: DurableObjectNamespace<Desk>;
  [option: `HOOKDESK_${string}`]: string | number | undefined;
}

export default {
  async fetch(request: Request, env: Env): Promise<Response> {
    try {
      return await env.DESK.get(env.DESK.idFromName("desk")).fetch(request);
    } catch (error) {
      console.error(error);
      await init();
      const { status, headers, body } = unanswered();
      return new Response(body, { status, headers });
    }
  },
} satisfies ExportedHandler<Env>;

export class Desk extends DurableObject<Env> {
  #desk: StoredDesk | undefined;
  /** What is bound, or what is wrong with it: then there is no desk. */
  #options: Options | Error = new Error("it has not begun");
  /** When the alarm is set to go, in milliseconds of unix time. */
  #alarm = Infinity;
  #open = 0;
  /** Goes off when the desk that sent what is open is let go of. */
  #end = new AbortController();
  /** Cuts off what is open, by webhook. */
  readonly #cuts = new Map<string, Set<AbortController>>();

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    // What was in flight when the object was last evicted or killed is sent again now.
    void ctx.blockConcurrencyWhile(async () => {
      await init();
      this.#configure();
      this.#wake();
    });
  }

  /** Reads the bindings, and logs what is wrong with them before all else. */
  #configure(): void {
    try {
      for (const name of unknownBindings(this.env)) {
        console.warn(`${name} is not an option of a Worker, and is ignored`);
      }
      this.#options = workerOptions(this.env);
      if (this.#options.paused) console.warn("paused: nothing is sent while HOOKDESK_PAUSED is set");
    } catch (error) {
      this.#options = error instanceof Error ? error : new Error(String(error));
      console.error(`the desk cannot start: ${this.#options.message}`);
    }
  }

  override async fetch(request: Request): Promise<Response> {
    if (this.#options instanceof Error) {
      const { status, headers, body } = misconfigured(this.#options.message);
      return new Response(body, { status, headers });
    }
    const { pathname, search } = new URL(request.url);
    const headers = [...request.headers] as [string, string][];
    const call = { method: request.method, path: pathname, query: search.slice(1), headers };
    // What the head alone decides is answered before the body is read.
    const { refused, headers: left } = this.#guard(() => this.#opened().admit(moment(), call));
    if (refused !== undefined) {
      return new Response(bodyOf(refused), { status: refused.status, headers: refused.headers });
    }
    let body: Uint8Array;
    try {
      body = await take(request.body, mostBody() + 1, MAX_DISCARDED);
    } catch {
      // The caller hung up in the middle of it, and hears of nothing.
      return new Response(null, { status: 400 });
    }
    const { response } = this.#work((desk) => desk.call(moment(), call, body));
    if (response === undefined) throw new Error("a call has a response");
    const { status, list } = response;
    const whole = list === undefined ? bodyOf(response) : this.#pages(response.body, list);
    return new Response(whole, { status, headers: [...left, ...response.headers] });
  }

  override async alarm(): Promise<void> {
    this.#alarm = Infinity;
    this.#wake();
  }

  /** Has the desk do what is due. */
  #wake(): void {
    if (this.#options instanceof Error) return;
    try {
      this.#work((desk) => desk.wake(moment()));
    } catch {
      // It is logged; the platform would try a failed alarm six times and then never again.
    }
  }

  /** Has the desk do a step, and does what follows. All of it is one write to the disk. */
  #work(step: (desk: StoredDesk) => Handled): Handled {
    const handled = this.#guard(() => step(this.#opened()));
    if (handled.fault !== undefined) console.error(`the store failed: ${handled.fault}`);
    for (const webhook of handled.cancels ?? []) {
      for (const cut of this.#cuts.get(webhook) ?? []) cut.abort();
    }
    for (const request of handled.requests) void this.#carry(request);
    const watch = this.#open > 0 ? Date.now() + WATCH_MS : Infinity;
    const next = Math.min(handled.nextWakeMs ?? Infinity, watch);
    this.#setAlarm(next);
    return handled;
  }

  /** Sets the alarm, unless it goes before: one that goes too early only looks, and is set anew. */
  #setAlarm(at: number): void {
    if (at >= this.#alarm) return;
    this.#alarm = at;
    void this.ctx.storage.setAlarm(at);
  }

  /** Lets go of a desk that broke, so that the next step has a new one over the same rows. */
  #guard<T>(step: () => T): T {
    try {
      return step();
    } catch (error) {
      console.error(error);
      const name = error instanceof Error ? error.name : "";
      // What makes no sense to a desk does not break it.
      if (name === "TypeError") throw error;
      this.#desk = undefined;
      this.#setAlarm(Date.now() + REPAIR_MS);
      this.#end.abort();
      this.#end = new AbortController();
      if (name === "Broken" || name === "RuntimeError") reset();
      throw error;
    }
  }

  #opened(): StoredDesk {
    if (this.#options instanceof Error) throw this.#options;
    this.#desk ??= new StoredDesk(storage(this.ctx.storage), moment(), this.#options);
    return this.#desk;
  }

  async #carry(request: Outgoing): Promise<void> {
    const start = Date.now();
    const { webhook } = request.key;
    const cut = new AbortController();
    const cuts = this.#cuts.get(webhook) ?? new Set<AbortController>();
    this.#cuts.set(webhook, cuts.add(cut));
    const signal = AbortSignal.any([this.#end.signal, cut.signal]);
    this.#open += 1;
    const heard = await send(request, signal);
    this.#open -= 1;
    cuts.delete(cut);
    if (cuts.size === 0) this.#cuts.delete(webhook);
    // The desk that came after sends it again, and what is unregistered is not asked for.
    if (signal.aborted) return;
    const report: Report = { key: request.key, durationMs: Date.now() - start, ...heard };
    try {
      this.#work((desk) => desk.report(moment(), report));
    } catch {
      // It is logged; the desk that comes next sends the request again.
    }
  }

  /** The body of a long list, each page read when the one before it is taken. */
  #pages(first: string, list: number): ReadableStream<Uint8Array> {
    const encoder = new TextEncoder();
    // Another desk has other lists: what fails here ends this answer in the middle, and no more.
    const desk = this.#opened();
    return new ReadableStream({
      start: (controller) => controller.enqueue(encoder.encode(first)),
      pull: (controller) => {
        const { text, more } = desk.page(moment(), list);
        controller.enqueue(encoder.encode(text));
        if (!more) controller.close();
      },
      cancel: () => {
        if (desk === this.#desk) desk.closeList(list);
      },
    });
  }
}

/** A response without a body has null in its place. */
function bodyOf({ status, body }: { status: number; body: string }): string | null {
  return status === 204 ? null : body;
}

/** Now, and chance for one step. */
function moment(): At {
  const bytes = crypto.getRandomValues(new Uint8Array(48));
  const chance = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return { nowMs: Date.now(), chance };
}

/** The object's SQLite as the desk wants it. */
function storage(rows: DurableObjectStorage): Storage {
  const { sql } = rows;
  return {
    query: (text, values) => [...sql.exec(text, ...values).raw<SqlValue[]>()],
    commit: (statements) => {
      const conflict = new Error("a row is not as it was expected");
      try {
        rows.transactionSync(() => {
          for (const [text, values, changes] of statements) {
            sql.exec(text, ...values);
            if (changes === undefined) continue;
            const { changed } = sql.exec("SELECT changes() AS changed").one();
            if (changed !== changes) throw conflict;
          }
        });
        return true;
      } catch (error) {
        if (error === conflict) return false;
        throw error;
      }
    },
  };
}

type Heard = Pick<Report, "status" | "retryAfter" | "body" | "failure">;

/**
 * Sends a request, whose answer's head must come within its time. The status counts from then on, and
 * the body is what comes of it in a short while.
 */
async function send(request: Outgoing, end: AbortSignal): Promise<Heard> {
  const { url, headers, body, timeoutMs } = request;
  const time = AbortSignal.timeout(timeoutMs);
  const signal = AbortSignal.any([time, end]);
  let response: Response;
  try {
    response = await fetch(url, { method: "POST", headers, body, redirect: "manual", signal });
  } catch (error) {
    return { failure: time.aborted ? "timeout" : failure(url, error) };
  }
  const text = new TextDecoder().decode(await beginning(response.body, mostRead(), mostBodyWaitMs()));
  const retryAfter = response.headers.get("retry-after");
  return { status: response.status, retryAfter, body: text };
}

/** What comes of a body within so many milliseconds, and of that at most so many bytes. */
async function beginning(
  body: ReadableStream<Uint8Array> | null,
  most: number,
  waitMs: number,
): Promise<Uint8Array> {
  const reader = body?.getReader();
  let read = new Uint8Array();
  if (reader === undefined) return read;
  let timer: number | null = null;
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(resolve, waitMs);
  });
  try {
    while (read.byteLength < most) {
      const next = await Promise.race([reader.read(), late]);
      if (next === undefined || next.done) break;
      const longer = new Uint8Array(Math.min(most, read.byteLength + next.value.byteLength));
      longer.set(read);
      longer.set(next.value.subarray(0, most - read.byteLength), read.byteLength);
      read = longer;
    }
  } catch {
    // A body that breaks off has begun all the same.
  } finally {
    clearTimeout(timer);
  }
  reader.cancel().catch(() => undefined);
  return read;
}

/** The platform tells no more than this of why a connection failed. */
function failure(url: string, error: unknown): Failure {
  const words = String(error);
  // A name that leads nowhere, or with TLS also a certificate that does not hold.
  if (words.includes("internal error")) return url.startsWith("https:") ? "connect" : "dns";
  return words.includes("Network connection lost") ? "connect" : "protocol";
}

/** The beginning of a body, of at most so many bytes; so many more are let go of. */
async function take(
  body: ReadableStream<Uint8Array> | null,
  most: number,
  discarded = 0,
): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  let length = 0;
  const reader = body?.getReader();
  while (reader !== undefined && length < most + discarded) {
    const { done, value } = await reader.read();
    if (done) break;
    if (length < most) pieces.push(value.subarray(0, most - length));
    length += value.byteLength;
  }
  if (length >= most + discarded) await reader?.cancel();
  const taken = new Uint8Array(Math.min(length, most));
  let at = 0;
  for (const piece of pieces) {
    taken.set(piece, at);
    at += piece.byteLength;
  }
  return taken;
}
