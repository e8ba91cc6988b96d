// Runs receivers that a visitor wrote. This frame has an origin of its own and may load nothing; each
// receiver runs in a worker of its own, which is ended when it does not answer in time.

/** Milliseconds that a receiver has to say how it answers. */
const PATIENCE_MS = 500;
/** Milliseconds until its worker runs, which a busy machine may take. */
const BEGIN_MS = 5_000;

/** A receiver that hung so often is taken to do nothing else, or a rehearsal would last for hours. */
const MOST_HANGS = 3;
const HANGS = { latency: Infinity, took: false };

/** What stands around the visitor's code. A receiver has no way out, and needs none. */
const AROUND = [
  "'use strict'; const answer = (port) => { onmessage = async ({ data: { number, request } }) => {",
  "  try { const given = await receive(request); port({ number, given: { ...given } }); }",
  "  catch (error) { port({ number, error: String(error) }); } } };",
  "postMessage({ ready: true }); answer(postMessage.bind(null));",
];

/** @type {Map<string, Worker>} */
const workers = new Map();
/** Workers that run. @type {WeakSet<Worker>} */
const running = new WeakSet();
/** How often each did not answer. @type {Map<string, number>} */
const hung = new Map();
/** @type {MessagePort | undefined} */
let port;

addEventListener("message", ({ source, ports }) => {
  if (source !== parent || port) return;
  port = ports[0];
  if (!port) return;
  port.onmessage = ({ data }) => receive(data);
});

/** @param {{ number: number, place: number, source: string, request: any }} asked */
function receive({ number, place, source, request }) {
  const key = `${place}\n${source}`;
  const before = hung.get(key) ?? 0;
  if (before >= MOST_HANGS) return port?.postMessage({ number, reaction: HANGS });
  const worker = workers.get(key) ?? begin(key, source);
  const headers = Object.fromEntries(request.headers);
  /** @param {object} reaction */
  const end = (reaction) => {
    clearTimeout(timer);
    worker.removeEventListener("message", heard);
    worker.removeEventListener("error", failed);
    port?.postMessage({ number, reaction });
  };
  const hang = () => {
    worker.terminate();
    workers.delete(key);
    hung.set(key, running.has(worker) ? before + 1 : MOST_HANGS);
    end(HANGS);
  };
  let timer = setTimeout(hang, running.has(worker) ? PATIENCE_MS : BEGIN_MS);
  /** @param {MessageEvent} event */
  const heard = ({ data }) => {
    if (data.ready) {
      clearTimeout(timer);
      timer = setTimeout(hang, PATIENCE_MS);
    }
    if (data.number === number) end(data.error ? broken(data.error) : reactionOf(data.given));
  };
  /** @param {ErrorEvent} event */
  const failed = (event) => {
    workers.delete(key);
    end(broken(`${event.message} (line ${event.lineno})`));
  };
  worker.addEventListener("message", heard);
  worker.addEventListener("error", failed);
  worker.postMessage({ number, request: { ...request, headers } });
}

/** @param {string} key @param {string} source */
function begin(key, source) {
  const code = new Blob([source, "\n", ...AROUND], { type: "text/javascript" });
  const url = URL.createObjectURL(code);
  const worker = new Worker(url);
  workers.set(key, worker);
  worker.addEventListener("message", () => running.add(worker), { once: true });
  return worker;
}

/** A receiver that fails is a server that fails. @param {string} why */
function broken(why) {
  return { latency: 20, status: 500, body: `the receiver threw ${why}`, took: false };
}

/** What a receiver gave, as far as it makes sense. @param {any} given */
function reactionOf(given) {
  const status = Number(given?.status ?? 200);
  if (!Number.isInteger(status) || status < 100 || status > 599) return broken(`status ${status}`);
  const latency = Number(given?.latency ?? 20);
  const reaction = {
    latency: latency >= 0 ? latency : 20,
    status,
    body: String(given?.body ?? "").slice(0, 4_096),
    took: status >= 200 && status < 300,
  };
  return given?.retryAfter === undefined ? reaction : { ...reaction, retryAfter: String(given.retryAfter) };
}
