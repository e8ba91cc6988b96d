// Installs the packed package into an empty project, checks its types, and runs the tests that lie
// here and the examples of its README: node tests/package/check.mjs

import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const here = import.meta.dirname ?? new URL(".", import.meta.url).pathname;
const packed = join(here, "../../web/pkg");
const tarball = readdirSync(packed).find((name) => name.endsWith(".tgz"));
const project = mkdtempSync(join(tmpdir(), "hookdesk-package-"));
const run = (program, args, cwd = project) => execFileSync(program, args, { cwd, stdio: "inherit" });

try {
  for (const name of readdirSync(here)) {
    if (name !== "check.mjs") cpSync(join(here, name), join(project, name), { recursive: true });
  }
  const quiet = ["--no-audit", "--no-fund", "--loglevel", "error"];
  run("npm", ["ci", ...quiet]);
  run("npm", ["install", "--no-save", ...quiet, join(packed, tarball)]);
  const jest = writeExamples(join(project, "node_modules/hookdesk/README.md"));
  cpSync(join(here, "../data/mutations.jsonl"), join(project, "built/mutations.jsonl"));
  run("npm", ["test"]);
  run("npm", ["test"], jest);
} finally {
  rmSync(project, { recursive: true, force: true });
}

/** Writes each example where the tests run it, and gives the folder of the one for Jest. */
function writeExamples(readme) {
  const blocks = [...readFileSync(readme, "utf8").matchAll(/```(js|json)\n(.*?)```/gs)];
  const built = join(project, "built");
  const jest = join(project, "jest");
  mkdirSync(built);
  mkdirSync(jest);
  symlinkSync(join(project, "node_modules"), join(jest, "node_modules"));
  // Examples of the same file stand one after another; an import begins the next one.
  const files = [];
  for (const [, language, code] of blocks) {
    if (language === "json") writeFileSync(join(jest, "package.json"), code);
    else if (/^import /.test(code)) files.push(code);
    else files[files.length - 1] += code;
  }
  const places = [
    ["@jest/globals", join(jest, "desk.test.js")],
    ["hookdesk/express", join(built, "readme-express.js")],
    ["hookdesk/fastify", join(built, "readme-fastify.js")],
    ["node:test", join(built, "readme.test.js")],
    ["hookdesk/verify", join(built, "readme-verify.test.js")],
  ];
  for (const code of files) {
    const index = places.findIndex(([name]) => code.includes(name));
    if (index < 0) throw new Error(`nothing runs this example of ${readme}:\n${code}`);
    const [[, path]] = places.splice(index, 1);
    writeFileSync(path, code);
  }
  if (places.length > 0) throw new Error(`${readme} has lost the examples of ${places.join("; ")}`);
  return jest;
}
