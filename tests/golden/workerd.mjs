// Runtime of the golden comparison: workerd, in which Cloudflare runs Workers.

import { createRequire } from "node:module";
import { mkdtempSync, rmSync, cpSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { lines, PACKAGE } from "./lines.mjs";

const require = createRequire(new URL("../../web/package.json", import.meta.url));
const { Log, LogLevel, Miniflare } = require("miniflare");
const { build } = require("esbuild");

const folder = mkdtempSync(join(tmpdir(), "hookdesk-golden-"));
const packed = fileURLToPath(PACKAGE);
await build({
  stdin: {
    contents: `
      import * as hookdesk from ${JSON.stringify(join(packed, "workerd.js"))};
      import { player } from "./player.mjs";
      const play = player(hookdesk);
      export default {
        async fetch(request) {
          return new Response(await play(await request.text()));
        },
      };`,
    resolveDir: fileURLToPath(new URL(".", import.meta.url)),
  },
  outfile: join(folder, "worker.js"),
  bundle: true,
  format: "esm",
  external: ["*.wasm"],
  logLevel: "warning",
});
cpSync(join(packed, "hookdesk_bg.wasm"), join(folder, "hookdesk_bg.wasm"));
const worker = new Miniflare({
  modulesRoot: folder,
  modules: [
    { type: "ESModule", path: join(folder, "worker.js") },
    { type: "CompiledWasm", path: join(folder, "hookdesk_bg.wasm") },
  ],
  compatibilityDate: "2026-07-01",
  cf: false,
  log: new Log(LogLevel.WARN),
});
try {
  await lines(async (body) => {
    const response = await worker.dispatchFetch("http://golden/", { method: "POST", body });
    if (!response.ok) throw new Error(await response.text());
    return response.text();
  });
} finally {
  await worker.dispose();
  rmSync(folder, { recursive: true, force: true });
}
