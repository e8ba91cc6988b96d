// Makes one file of the worker, and its module beside it: node web/edge/build.mjs

import { cpSync } from "node:fs";
import { join } from "node:path";

import { build } from "esbuild";

const edge = import.meta.dirname ?? new URL(".", import.meta.url).pathname;
const packed = join(edge, "../pkg/package");

await build({
  entryPoints: [join(edge, "src/worker.ts")],
  outfile: join(edge, "dist/worker.js"),
  bundle: true,
  format: "esm",
  target: "es2022",
  alias: { hookdesk: join(packed, "workerd.js") },
  external: ["cloudflare:*", "*.wasm"],
  logLevel: "warning",
});
cpSync(join(packed, "hookdesk_bg.wasm"), join(edge, "dist/hookdesk_bg.wasm"));
