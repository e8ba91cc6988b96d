import { readFileSync } from "node:fs";

import { initSync } from "./hookdesk.js";

export * from "./desk.js";

/** Makes the module ready. Call it once before anything else; again it does nothing. */
export async function init(): Promise<void> {
  initSync({ module: readFileSync(new URL("./hookdesk_bg.wasm", import.meta.url)) });
}
