// Runs receivers that a visitor wrote. This frame has an origin of its own and may load nothing; each
// receiver runs in a worker of its own, which is ended when it does not answer in time. Each run of a
// scenario begins with new ones, so that it goes the same way each time.

/** Milliseconds that a receiver has to say how it answers. */
const PATIENCE_MS = 500;
/** Milliseconds until its worker runs, which a busy machine may take. */
const BEGIN_MS = 5_000;
/** A receiver that hung so often is taken to do nothing else, or a scenario would last for hours. */
const MOST_HANGS = 3;
const HANGS = { latency: Infinity, accepted: false };

/**
 * What stands before the visitor's code, in its first line, so that lines are counted as they are
 * seen. It alone can tell this frame anything: what else could is taken away.
 */
const BEFORE = `{
  const tell = postMessage.bind(null);
  Object.defineProperty(self, "postMessage", { value: undefined });
  addEventListener("message", async ({ data: { number, request } }) => {
    if (request === undefined) return tell({ ready: true });
    try {
      tell({ number, given: { ...(await receive(request)) } });
    } catch (error) {
      tell({ number, error: String(error) });
    }
  });
} `.replaceAll(/\n\s*/g, " ");

/** A receiver over one run. */
class Written {
  /** @type {Worker | null} */
  #worker = null;
  /** Whether its worker runs. */
  #isReady = false;
  #hangs = 0;
  /** What it threw before it ran: it does so each time. @type {string | null} */
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

  /** What it gives, or `null` when it hangs. One request at a time. @param {object} request */
  ask(request) {
    this.#number += 1;
    return new Promise((resolve) => {
      this.#waiting = resolve;
      if (this.#broken !== null) return this.#end({ error: this.#broken });
      if (this.#hangs >= MOST_HANGS) return this.#end(null);
      this.#worker ??= this.#begin();
      this.#timer = setTimeout(() => this.#hang(), this.#isReady ? PATIENCE_MS : BEGIN_MS);
      this.#worker.postMessage({ number: this.#number, request });
    });
  }

  stop() {
    this.#worker?.terminate();
    this.#worker = null;
    this.#isReady = false;
    this.#end(null);
  }

  #begin() {
    const url = URL.createObjectURL(new Blob([BEFORE, this.source], { type: "text/javascript" }));
    const worker = new Worker(url);
    // It hears that once its code has run.
    worker.postMessage({});
    worker.onmessage = ({ data }) => {
      if (!this.#isReady) {
        this.#isReady = true;
        URL.revokeObjectURL(url);
        clearTimeout(this.#timer);
        this.#timer = setTimeout(() => this.#hang(), PATIENCE_MS);
      }
      if (data?.number === this.#number) this.#end(data);
    };
    worker.onerror = (event) => {
      URL.revokeObjectURL(url);
      const words = `${event.message} (line ${event.lineno})`;
      if (!this.#isReady) this.#broken = words;
      this.#end({ error: words });
      this.stop();
    };
    return worker;
  }

  #hang() {
    this.#hangs = this.#isReady ? this.#hangs + 1 : MOST_HANGS;
    this.stop();
  }

  /** @param {{ error: string } | { given: any } | null} given */
  #end(given) {
    clearTimeout(this.#timer);
    this.#waiting?.(given);
    this.#waiting = null;
  }
}

/** The receivers of the run under way, by their places. @type {Map<number, Written>} */
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

/** @param {{ run: number, number: number, place: number, source: string, request: any }} asked */
async function receive({ run: of, number, place, source, request }) {
  if (of > run) {
    for (const receiver of receivers.values()) receiver.stop();
    receivers.clear();
    run = of;
  }
  const headers = Object.fromEntries(request.headers);
  const isOver = of < run;
  const given = isOver ? null : await receiverAt(place, source).ask({ ...request, headers });
  port?.postMessage({ number, reaction: reactionOf(given) });
}

/** @param {number} place @param {string} source */
function receiverAt(place, source) {
  const receiver = receivers.get(place) ?? new Written(source);
  receivers.set(place, receiver);
  return receiver;
}

/** A receiver that fails is a server that fails. @param {string} why */
function broken(why) {
  const body = `the receiver threw ${why}`.slice(0, 4_096);
  return { latency: 20, status: 500, body, accepted: false };
}

/** What a receiver gave, as far as it makes sense. @param {any} answered */
function reactionOf(answered) {
  if (answered === null) return HANGS;
  if ("error" in answered) return broken(answered.error);
  const { given } = answered;
  const status = Number(given.status ?? 200);
  if (!Number.isInteger(status) || status < 100 || status > 599) return broken(`status ${status}`);
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
