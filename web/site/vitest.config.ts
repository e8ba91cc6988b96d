// Unit tests of the site's logic, in Node. `e2e` has the stories in a browser.

import { join } from "node:path";

import { svelte } from "@sveltejs/vite-plugin-svelte";
import { defineConfig } from "vitest/config";

/** The package that `make pack` makes. */
const PACKAGE = join(import.meta.dirname, "../pkg/package");

export default defineConfig({
  // Effects run in browsers alone.
  plugins: [svelte({ configFile: false, dynamicCompileOptions: () => ({ generate: "client" }) })],
  ssr: { resolve: { conditions: ["browser"] } },
  resolve: {
    alias: { "hookdesk/names": join(PACKAGE, "names.js"), hookdesk: join(PACKAGE, "node.js") },
  },
  test: {
    root: import.meta.dirname,
    include: ["src/**/*.test.ts"],
    environment: "node",
    server: { deps: { inline: ["svelte"] } },
  },
});
