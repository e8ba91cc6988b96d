import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { brotliCompressSync, gzipSync } from "node:zlib";

import { svelte } from "@sveltejs/vite-plugin-svelte";
import { defineConfig } from "vite";
import type { Plugin } from "vite";

/** Where `npm run dev` finds a desk. */
const DESK = process.env.HOOKDESK_URL ?? "http://127.0.0.1:8080";

/** The package that `make pack` makes. */
const PACKAGE = join(import.meta.dirname, "../pkg/package");

/**
 * What the documents may do where a server says nothing of it, as the binary does
 * (`host/src/server/assets.rs`). It cannot say who may frame them.
 */
const POLICY =
  "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; connect-src 'self'; " +
  "worker-src 'self'; frame-src 'self'; img-src 'self' data:; font-src 'self'; base-uri 'none'; " +
  "form-action 'none'; require-trusted-types-for 'script'; " +
  "trusted-types svelte-trusted-html hookdesk-worker";

export default defineConfig({
  plugins: [svelte({ configFile: false, compilerOptions: { cssHash } }), strict(), compressed()],
  // The simulator and the explainer are a folder that any web server can have, at any place in it.
  base: "./",
  resolve: {
    alias: { "hookdesk/names": join(PACKAGE, "names.js"), hookdesk: join(PACKAGE, "browser.js") },
  },
  worker: { format: "es" },
  build: {
    target: "es2022",
    rolldownOptions: { input: ["index.html", "simulator.html", "signature.html"].map(inHere) },
    modulePreload: { polyfill: false },
    // An inlined file would be a `data:` URL, which the page's own policy allows for images alone.
    assetsInlineLimit: 0,
  },
  server: {
    proxy: { "^/(tickets|webhooks|service|events)": DESK },
    fs: { allow: [import.meta.dirname, PACKAGE] },
  },
});

function inHere(name: string): string {
  return join(import.meta.dirname, name);
}

/** Writes the policy into each document. */
function strict(): Plugin {
  const tag = { tag: "meta", attrs: { "http-equiv": "Content-Security-Policy", content: POLICY } };
  const transformIndexHtml = () => [{ ...tag, injectTo: "head-prepend" as const }];
  return { name: "strict", apply: "build", transformIndexHtml };
}

/** A component's class, by what it says and not by where its file lies. */
function cssHash({ css, hash }: { css: string; hash: (text: string) => string }): string {
  return `s${hash(css)}`;
}

/** Lays a `.br` and a `.gz` beside each file that is smaller so, and says what the first load is. */
function compressed(): Plugin {
  let folder = "";
  return {
    name: "compressed",
    apply: "build",
    configResolved: (config) => void (folder = join(config.root, config.build.outDir)),
    closeBundle() {
      const total = { raw: 0, gzip: 0, brotli: 0 };
      for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
        if (!entry.isFile() || /\.(br|gz)$/.test(entry.name)) continue;
        const path = join(entry.parentPath, entry.name);
        const plain = readFileSync(path);
        const [gzip, brotli] = [gzipSync(plain, { level: 9 }), brotliCompressSync(plain)];
        if (brotli.length < plain.length) writeFileSync(`${path}.br`, brotli);
        if (gzip.length < plain.length) writeFileSync(`${path}.gz`, gzip);
        total.raw += plain.length;
        total.gzip += gzip.length;
        total.brotli += brotli.length;
      }
      console.log(JSON.stringify({ page: "all files", ...total }));
    },
  };
}
