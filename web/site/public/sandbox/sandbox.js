// The sandbox for receivers that a visitor wrote. The frame has an opaque origin and may load nothing.
// Each receiver runs in its own worker, which is terminated when it does not respond in time. Each run
// of a scenario starts new workers, so that its recording is always the same.

/** Milliseconds for a receiver to return its response. */
const TIMEOUT_MS = 500;
/** Milliseconds for a worker to start, on a busy machine. */
const START_MS = 5_000;
/** Timeouts of a receiver after which it is not run again: a run would take hours. */
const MAX_TIMEOUTS = 3;
const NO_RESPONSE = { latency: Infinity, accepted: false };

/**
 * Precedes the visitor's code on its first line, so that line numbers of errors are those of the editor.
 * It takes `postMessage` away from the visitor's code.
 */
const PREAMBLE = `{
  const post = postMessage.bind(null);
  Object.defineProperty(self, "postMessage", { value: undefined });
  addEventListener("message", async ({ data: { number, request } }) => {
    if (request === undefined) return post({ ready: true });
    try {
      post({ number, given: { ...(await receive(request)) } });
    } catch (error) {
      post({ number, error: String(error) });
    }
  });
} `.replaceAll(/\n\s*/g, " ");

/** A scripted receiver over one run. */
class ScriptedReceiver {
  /** @type {Worker | null} */
  #worker = null;
  /** Whether its worker has started. */
  #isReady = false;
  #timeouts = 0;
  /** Why its code does not load. @type {string | null} */
  #broken = null;
  /** @type {((given: { error: string } | { given: any } | null) => void) | null} */
  #waiting = null;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  #number = 0;

  /** @param {string} source */
  constructor(source) {
    this.source = source;
  }

  /** Its result; `null` after a timeout. One request at a time. @param {object} request */
  receive(request) {
    this.#number += 1;
    return new Promise((resolve) => {
      this.#waiting = resolve;
      if (this.#broken !== null) return this.#finish({ error: this.#broken });
      if (this.#timeouts >= MAX_TIMEOUTS) return this.#finish(null);
      this.#worker ??= this.#start();
      this.#timer = setTimeout(() => this.#timeOut(), this.#isReady ? TIMEOUT_MS : START_MS);
      this.#worker.postMessage({ number: this.#number, request });
    });
  }

  stop() {
    this.#worker?.terminate();
    this.#worker = null;
    this.#isReady = false;
    this.#finish(null);
  }

  #start() {
    const url = URL.createObjectURL(new Blob([PREAMBLE, this.source], { type: "text/javascript" }));
    const worker = new Worker(url);
    // It replies to this once its code has loaded.
    worker.postMessage({});
    worker.onmessage = ({ data }) => {
      if (!this.#isReady) {
        this.#isReady = true;
        URL.revokeObjectURL(url);
        clearTimeout(this.#timer);
        this.#timer = setTimeout(() => this.#timeOut(), TIMEOUT_MS);
      }
      if (data?.number === this.#number) this.#finish(data);
    };
    worker.onerror = (event) => {
      URL.revokeObjectURL(url);
      const message = `${event.message} (line ${event.lineno})`;
      if (!this.#isReady) this.#broken = message;
      this.#finish({ error: message });
      this.stop();
    };
    return worker;
  }

  #timeOut() {
    this.#timeouts = this.#isReady ? this.#timeouts + 1 : MAX_TIMEOUTS;
    this.stop();
  }

  /** @param {{ error: string } | { given: any } | null} given */
  #finish(given) {
    clearTimeout(this.#timer);
    this.#waiting?.(given);
    this.#waiting = null;
  }
}

/** The receivers of the current run, by their indexes. @type {Map<number, ScriptedReceiver>} */
const receivers = new Map();
let run = 0;
/** @type {MessagePort | undefined} */
let port;

addEventListener("message", ({ source, ports }) => {
  if (source !== parent || port) return;
  port = ports[0];
  if (!port) return;
  port.onmessage = ({ data }) => void receive(data);
});

/** @param {{ run: number, number: number, index: number, source: string, request: any }} message */
async function receive({ run: of, number, index, source, request }) {
  if (of > run) {
    for (const receiver of receivers.values()) receiver.stop();
    receivers.clear();
    run = of;
  }
  const headers = Object.fromEntries(request.headers);
  const isOver = of < run;
  const given = isOver ? null : await receiverAt(index, source).receive({ ...request, headers });
  port?.postMessage({ number, reaction: reactionOf(given) });
}

/** @param {number} index @param {string} source */
function receiverAt(index, source) {
  const receiver = receivers.get(index) ?? new ScriptedReceiver(source);
  receivers.set(index, receiver);
  return receiver;
}

/** The reaction of a receiver whose code failed: status 500. @param {string} reason */
function failed(reason) {
  const body = `the receiver threw ${reason}`.slice(0, 4_096);
  return { latency: 20, status: 500, body, accepted: false };
}

/** The reaction of a receiver, from the valid parts of its result. @param {any} result */
function reactionOf(result) {
  if (result === null) return NO_RESPONSE;
  if ("error" in result) return failed(result.error);
  const { given } = result;
  const status = Number(given.status ?? 200);
  if (!Number.isInteger(status) || status < 100 || status > 599) return failed(`status ${status}`);
  const latency = Number(given.latency ?? 20);
  const reaction = {
    latency: latency >= 0 ? Math.round(latency) : 20,
    status,
    body: String(given.body ?? "").slice(0, 4_096),
    accepted: status >= 200 && status < 300,
  };
  if (given.retryAfter === undefined) return reaction;
  return { ...reaction, retryAfter: String(given.retryAfter).slice(0, 200) };
}
