/** The layers of the page: which folder may import from which others. */

import { readFileSync, readdirSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { expect, test } from "vitest";

/** Each folder, and the folders that its files may import from beside their own. */
const MAY_IMPORT: Record<string, string[]> = {
  lib: [],
  "lib/format": ["lib"],
  "lib/http": ["lib"],
  "lib/navigation": [],
  "lib/state": ["lib", "lib/http"],
  parts: ["lib", "lib/format", "lib/http", "lib/navigation", "lib/state"],
  signature: ["lib", "lib/format", "lib/http", "lib/navigation", "lib/state", "parts"],
  console: ["lib", "lib/format", "lib/http", "lib/navigation", "lib/state", "parts", "signature"],
  "simulator/engine": ["lib", "lib/format", "lib/http"],
  "simulator/state": ["lib", "lib/format", "lib/http", "simulator/engine"],
  "simulator/views": [
    "lib",
    "lib/format",
    "lib/http",
    "lib/navigation",
    "lib/state",
    "parts",
    "signature",
    "console",
    "simulator/engine",
    "simulator/state",
  ],
  // The entry points: each mounts the component of one document.
  ".": ["lib/http", "lib/navigation", "console", "signature", "simulator/views"],
};

/** What only a document has; a worker has no such names. */
const DOM = /(?<![.\w])(?:document|window|localStorage|sessionStorage)(?:\.\w|\[)|\bHTML\w*Element\b/;

const ROOT = import.meta.dirname;
const SOURCES = readdirSync(ROOT, { recursive: true, encoding: "utf8" })
  .filter((file) => /(?<!\.test)\.(?:ts|svelte)$/.test(file))
  .sort();

function textOf(file: string): string {
  return readFileSync(join(ROOT, file), "utf8");
}

/** The modules that a file imports: those of the page as paths from `ROOT`, packages by name. */
function importsOf(file: string): string[] {
  const imports = /^\s*(?:import|export)\s(?:[^"';]*\sfrom\s)?["']([^"'?]+)/gm;
  return [...textOf(file).matchAll(imports)].map(([, name = ""]) => {
    if (!name.startsWith(".")) return name;
    const path = relative(ROOT, join(ROOT, dirname(file), name));
    return SOURCES.find((source) => source === path || source === `${path}.ts`) ?? path;
  });
}

/** `file` and all that it imports, directly or not. */
function reachableFrom(file: string, known = new Set<string>()): Set<string> {
  if (known.has(file)) return known;
  known.add(file);
  if (SOURCES.includes(file)) for (const other of importsOf(file)) reachableFrom(other, known);
  return known;
}

test("every folder has its place among the layers", () => {
  const folders = new Set(SOURCES.map((file) => dirname(file)));
  expect([...folders].sort()).toEqual(Object.keys(MAY_IMPORT).sort());
});

test("no file imports from a layer above its own", () => {
  const wrong = SOURCES.flatMap((file) => {
    const own = dirname(file);
    const allowed = [own, ...(MAY_IMPORT[own] ?? [])];
    const others = importsOf(file).filter((other) => SOURCES.includes(other));
    return others.filter((other) => !allowed.includes(dirname(other))).map((other) => `${file} -> ${other}`);
  });
  expect(wrong).toEqual([]);
});

test("the simulator's engine needs neither Svelte nor a document", () => {
  const engine = SOURCES.filter((file) => dirname(file) === "simulator/engine");
  expect(engine).toContain("simulator/engine/worker.ts");
  for (const file of engine) {
    const reached = [...reachableFrom(file)];
    expect(reached.filter((of) => of.includes("svelte")), `${file} reaches`).toEqual([]);
    expect(DOM.exec(textOf(file))?.[0], file).toBeUndefined();
  }
});
