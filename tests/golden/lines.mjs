// Standard input and output of a runtime: passes each line to a player, in order, and writes its answer.

import { createInterface } from "node:readline";

export async function lines(play) {
  for await (const line of createInterface({ input: process.stdin })) {
    const answer = await play(line);
    if (answer) process.stdout.write(`${answer}\n`);
  }
}

/** The package as it is packed. */
export const PACKAGE = new URL("../../web/pkg/package/", import.meta.url);
