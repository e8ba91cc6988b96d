// Builds the npm package and packs it as web/pkg/hookdesk-VERSION.tgz: node web/pack.mjs
//
// The same sources make the same bytes, wherever they lie.

import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { brotliCompressSync, gzipSync } from "node:zlib";

const web = import.meta.dirname ?? new URL(".", import.meta.url).pathname;
const root = join(web, "..");
const target = process.env.CARGO_TARGET_DIR ?? join(root, "target");
const cargoHome = process.env.CARGO_HOME ?? join(homedir(), ".cargo");
const [pkg, build, out] = ["pkg", "pkg/build", "pkg/package"].map((path) => join(web, path));
const TRIPLE = "wasm32-unknown-unknown";

const run = (program, args, env = {}) =>
  execFileSync(program, args, { cwd: root, stdio: "inherit", env: { ...process.env, ...env } });
const tool = (name) => join(web, "node_modules/.bin", name);

rmSync(pkg, { recursive: true, force: true });
mkdirSync(out, { recursive: true });
cpSync(join(web, "package/src"), build, { recursive: true });

// Panics name their places; places must not name this machine.
const flags = [`--remap-path-prefix=${root}=hookdesk`, `--remap-path-prefix=${cargoHome}=cargo`];
const encoded = { CARGO_ENCODED_RUSTFLAGS: flags.join("\x1f") };
const optimisations = ["--enable-bulk-memory", "--enable-nontrapping-float-to-int", "--enable-sign-ext"];
optimisations.push("--enable-mutable-globals", "--enable-multivalue", "--enable-reference-types");

// The desks with all that belongs to them, and what receivers need alone.
const sizes = [module("hookdesk", []), module("signature", ["--no-default-features"])];

const declared = join(build, "hookdesk.d.ts");
writeFileSync(join(out, "hookdesk.d.ts"), published(readFileSync(declared, "utf8")));
writeFileSync(join(out, "signature.d.ts"), 'export { sign, verify } from "./hookdesk.js";\n');
run(tool("tsc"), ["--project", join(web, "package/tsconfig.json")]);
for (const file of ["package.json", "README.md"]) {
  cpSync(join(web, "package", file), join(out, file));
}
execFileSync("npm", ["pack", "--silent", "--pack-destination", pkg, out], { stdio: "inherit" });

sizes.forEach((size) => console.log(JSON.stringify(size)));
// For the benchmark.
writeFileSync(join(pkg, "sizes.json"), JSON.stringify(sizes));

/** Compiles a module and makes its JavaScript, and gives its sizes. */
function module(name, features) {
  const library = ["--package", "hookdesk-web", "--lib", "--target", TRIPLE, ...features];
  run("cargo", ["build", "--locked", "--profile", "wasm", ...library], encoded);
  const bindgen = ["--package", "hookdesk-web", "--features", "bindgen", "--bin", "bindgen"];
  const compiled = join(target, TRIPLE, "wasm", "hookdesk_web.wasm");
  run("cargo", ["run", "--quiet", "--locked", ...bindgen, "--", compiled, build, name]);
  const file = `${name}_bg.wasm`;
  run(tool("wasm-opt"), ["-Os", ...optimisations, join(build, file), "-o", join(out, file)]);
  // The module as Workers import it.
  const declaration = "declare const module: WebAssembly.Module;\nexport default module;\n";
  for (const folder of [build, out]) {
    writeFileSync(join(folder, `${name}_bg.d.wasm.ts`), declaration);
  }
  const script = readFileSync(join(build, `${name}.js`), "utf8");
  writeFileSync(join(out, `${name}.js`), guarded(script));
  const bytes = readFileSync(join(out, file));
  const gzip = gzipSync(bytes, { level: 9 }).length;
  return { module: file, raw: bytes.length, gzip, brotli: brotliCompressSync(bytes).length };
}

/** The script, which says so when it is used before `init()`. */
function guarded(script) {
  const why = "hookdesk is not ready: await init() once before anything else";
  const unready = `new Proxy({}, { get() { throw new Error(${JSON.stringify(why)}); } })`;
  return [
    ["let wasmModule, wasmInstance, wasm;", `let wasmModule, wasmInstance, wasm = ${unready};`, 1],
    ["if (wasm !== undefined) return wasm;", "if (wasmModule !== undefined) return wasm;", 2],
    ["    __wbg_instance_id++;", "    if (wasmModule === undefined) return;\n    __wbg_instance_id++;", 1],
  ].reduce((text, [from, to, times]) => {
    const parts = text.split(from);
    if (parts.length !== times + 1) throw new Error(`wasm-bindgen writes no more: ${from}`);
    return parts.join(to);
  }, script);
}

/**
 * The declarations without those of the loading, which `init` does, and which name types that only
 * projects for browsers know.
 */
function published(declarations) {
  const [desk, ...loading] = declarations.split("export type InitInput =");
  if (loading.length !== 1) throw new Error("wasm-bindgen declares the loading in another way");
  return desk
    .replace(/^.*\[Symbol\.dispose\].*\n/gm, "")
    .replace("export function __wbg_reset_state(): void;\n\n", "");
}
