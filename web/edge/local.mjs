// Runs the worker on this machine, in the runtime that Cloudflare runs it in:
// node web/edge/local.mjs PORT FOLDER, with options as HOOKDESK_… in the environment.

import { join } from "node:path";

import { Log, LogLevel, Miniflare } from "miniflare";

const edge = import.meta.dirname ?? new URL(".", import.meta.url).pathname;
const [port = "8787", folder = "hookdesk-edge"] = process.argv.slice(2);
const options = Object.entries(process.env).filter(([name]) => name.startsWith("HOOKDESK_"));

const worker = new Miniflare({
  name: "hookdesk",
  modulesRoot: join(edge, "dist"),
  modules: [
    { type: "ESModule", path: join(edge, "dist/worker.js") },
    { type: "CompiledWasm", path: join(edge, "dist/hookdesk_bg.wasm") },
  ],
  compatibilityDate: "2026-07-01",
  durableObjects: { DESK: { className: "Desk", useSQLite: true } },
  durableObjectsPersist: folder,
  bindings: Object.fromEntries(options),
  cf: false,
  host: "127.0.0.1",
  port: Number(port),
  log: new Log(LogLevel.WARN),
  structuredWorkerdLogs: true,
  handleStructuredLogs: ({ timestamp, level, message }) => {
    // The runtime takes a receiver that cannot be reached for an error of its own.
    const isReceiver = message.startsWith("e = kj/");
    const severity = (isReceiver ? "warn" : level).toUpperCase().padStart(5);
    const words = isReceiver ? message.split("\n")[0] : message;
    console.error(new Date(timestamp).toISOString(), severity, words);
  },
});
const url = await worker.ready;
console.error(`listening on http://127.0.0.1:${url.port}, with the data in ${folder}`);
for (const signal of ["SIGINT", "SIGTERM"]) {
  process.on(signal, () => worker.dispose().then(() => process.exit(0)));
}
