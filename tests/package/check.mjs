// Installs the packed package into an empty project, checks its types, and runs the tests that lie
// here and the example of its README: node tests/package/check.mjs

import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const here = import.meta.dirname ?? new URL(".", import.meta.url).pathname;
const packed = join(here, "../../web/pkg");
const tarball = readdirSync(packed).find((name) => name.endsWith(".tgz"));
const project = mkdtempSync(join(tmpdir(), "hookdesk-package-"));
const run = (program, ...args) => execFileSync(program, args, { cwd: project, stdio: "inherit" });

try {
  for (const name of readdirSync(here)) {
    if (name !== "check.mjs") cpSync(join(here, name), join(project, name));
  }
  const quiet = ["--no-audit", "--no-fund", "--loglevel", "error"];
  run("npm", "ci", ...quiet);
  run("npm", "install", "--no-save", ...quiet, join(packed, tarball));
  const readme = readFileSync(join(project, "node_modules/hookdesk/README.md"), "utf8");
  const examples = [...readme.matchAll(/```js\n(.*?)```/gs)].map(([, code]) => code);
  mkdirSync(join(project, "built"));
  writeFileSync(join(project, "built/readme.test.js"), examples.join(""));
  cpSync(join(here, "../data/mutations.jsonl"), join(project, "built/mutations.jsonl"));
  run("npm", "test");
} finally {
  rmSync(project, { recursive: true, force: true });
}
