// Runs receivers that a visitor wrote. This frame has an origin of its own and may load nothing; each
// receiver runs in a worker of its own, which is ended when it does not answer in time.

/** Milliseconds that a receiver has to say how it answers. */
const PATIENCE_MS = 500;

/** What stands around the visitor's code. A receiver has no way out, and needs none. */
const AROUND = [
  "'use strict'; const answer = (port) => { onmessage = async ({ data: { number, request } }) => {",
  "  try { const given = await receive(request); port({ number, given: { ...given } }); }",
  "  catch (error) { port({ number, error: String(error) }); } } };",
  "answer(postMessage.bind(null));",
];

/** @type {Map<string, Worker>} */
const workers = new Map();
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
  const worker = workers.get(key) ?? begin(key, source);
  const headers = Object.fromEntries(request.headers);
  /** @param {object} reaction */
  const end = (reaction) => {
    clearTimeout(timer);
    worker.removeEventListener("message", heard);
    worker.removeEventListener("error", failed);
    port?.postMessage({ number, reaction });
  };
  const timer = setTimeout(() => {
    worker.terminate();
    workers.delete(key);
    end({ latency: Infinity, took: false });
  }, PATIENCE_MS);
  /** @param {MessageEvent} event */
  const heard = ({ data }) => {
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
