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
const library = ["--package", "hookdesk-web", "--lib", "--target", TRIPLE];
run("cargo", ["build", "--locked", "--profile", "wasm", ...library], encoded);
const bindgen = ["--package", "hookdesk-web", "--features", "bindgen", "--bin", "bindgen"];
const compiled = join(target, TRIPLE, "wasm", "hookdesk_web.wasm");
run("cargo", ["run", "--quiet", "--locked", ...bindgen, "--", compiled, build]);
const features = ["--enable-bulk-memory", "--enable-nontrapping-float-to-int", "--enable-sign-ext"];
features.push("--enable-mutable-globals", "--enable-multivalue", "--enable-reference-types");
const wasm = join(out, "hookdesk_bg.wasm");
run(tool("wasm-opt"), ["-Os", ...features, join(build, "hookdesk_bg.wasm"), "-o", wasm]);

// The module as Workers import it.
const declaration = "declare const module: WebAssembly.Module;\nexport default module;\n";
writeFileSync(join(build, "hookdesk_bg.d.wasm.ts"), declaration);
for (const file of ["hookdesk.js", "hookdesk.d.ts", "hookdesk_bg.d.wasm.ts"]) {
  cpSync(join(build, file), join(out, file));
}
// What is declared must be known to every project, also to one without the newest library.
const types = join(out, "hookdesk.d.ts");
writeFileSync(types, readFileSync(types, "utf8").replace(/^.*\[Symbol\.dispose\].*\n/gm, ""));
run(tool("tsc"), ["--project", join(web, "package/tsconfig.json")]);
for (const file of ["package.json", "README.md"]) {
  cpSync(join(web, "package", file), join(out, file));
}
execFileSync("npm", ["pack", "--silent", "--pack-destination", pkg, out], { stdio: "inherit" });

const bytes = readFileSync(wasm);
const sizes = { raw: bytes.length, gzip: gzipSync(bytes, { level: 9 }).length };
sizes.brotli = brotliCompressSync(bytes).length;
console.log(JSON.stringify({ module: "hookdesk_bg.wasm", ...sizes }));
