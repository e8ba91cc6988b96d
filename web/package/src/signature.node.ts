import { readFileSync } from "node:fs";

import { initSync } from "./signature.js";

/** Makes the module ready at once; again it does nothing. */
export function load(): void {
  initSync({ module: readFileSync(new URL("./signature_bg.wasm", import.meta.url)) });
}
