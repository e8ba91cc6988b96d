import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { brotliCompressSync, gzipSync } from "node:zlib";

import { svelte } from "@sveltejs/vite-plugin-svelte";
import { defineConfig } from "vite";
import type { Plugin } from "vite";

/** The desk behind `vite dev`. */
const DESK = process.env.HOOKDESK_URL ?? "http://127.0.0.1:8080";

/** The desk that a folder of the page is built for, where another server serves that. */
const OTHER_DESK = process.env.VITE_DESK ? ` ${new URL(process.env.VITE_DESK).origin}` : "";

/** The package from `make pack`. */
const PACKAGE = join(import.meta.dirname, "../pkg/package");

/**
 * The content security policy, for servers that send none. It is that of the binary
 * (`host/src/server/assets.rs`) without `frame-ancestors`, which a document cannot set.
 */
const POLICY =
  "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; " +
  `connect-src 'self'${OTHER_DESK}; ` +
  "worker-src 'self'; frame-src 'self'; img-src 'self' data:; font-src 'self'; base-uri 'none'; " +
  "form-action 'none'; require-trusted-types-for 'script'; " +
  "trusted-types svelte-trusted-html hookdesk-worker";

export default defineConfig({
  plugins: [svelte({ configFile: false, compilerOptions: { cssHash } }), template(), policy(), compressed()],
  // Relative URLs, so that any web server can serve the folder under any path.
  base: "./",
  resolve: {
    alias: { "hookdesk/names": join(PACKAGE, "names.js"), hookdesk: join(PACKAGE, "browser.js") },
  },
  worker: { format: "es" },
  build: {
    target: "es2022",
    rolldownOptions: { input: ["index.html", "simulator.html", "signature.html"].map(inHere) },
    modulePreload: { polyfill: false },
    // Inlined files would be `data:` URLs, which the policy allows for images only.
    assetsInlineLimit: 0,
  },
  server: {
    proxy: { "^/(tickets|webhooks|service|events|keys|me|health)": DESK },
    fs: { allow: [import.meta.dirname, PACKAGE] },
  },
});

function inHere(name: string): string {
  return join(import.meta.dirname, name);
}

/** Completes each document with the head and the body that all of them share. */
function template(): Plugin {
  const head = [
    { tag: "meta", attrs: { charset: "utf-8" } },
    { tag: "meta", attrs: { name: "viewport", content: "width=device-width, initial-scale=1" } },
    { tag: "meta", attrs: { name: "color-scheme", content: "light dark" } },
    { tag: "link", attrs: { rel: "icon", href: "./favicon.svg", type: "image/svg+xml" } },
  ];
  const body = [{ tag: "noscript", children: "This page needs JavaScript, which is disabled here." }];
  const transformIndexHtml = () => [
    ...head.map((tag) => ({ ...tag, injectTo: "head-prepend" as const })),
    ...body.map((tag) => ({ ...tag, injectTo: "body-prepend" as const })),
  ];
  return { name: "template", transformIndexHtml };
}

/** Writes the content security policy into each document, before anything that it applies to. */
function policy(): Plugin {
  const tag = { tag: "meta", attrs: { "http-equiv": "Content-Security-Policy", content: POLICY } };
  const transformIndexHtml = () => [{ ...tag, injectTo: "head-prepend" as const }];
  return { name: "policy", apply: "build", transformIndexHtml };
}

/** The class of a component's style, from its content instead of its path. */
function cssHash({ css, hash }: { css: string; hash: (text: string) => string }): string {
  return `s${hash(css)}`;
}

/** Writes a `.br` and a `.gz` beside each file that they make smaller, and prints the total sizes. */
function compressed(): Plugin {
  let folder = "";
  return {
    name: "compressed",
    apply: "build",
    configResolved: (config) => void (folder = resolve(config.root, config.build.outDir)),
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
