import initialise from "./signature.js";

export type { KnownSecret, Verdict, VerdictCode } from "./hookdesk.js";
export { sign, verify } from "./signature.js";

/** Makes the module ready. Call it once before anything else; again it does nothing. */
export async function init(): Promise<void> {
  await initialise({ module_or_path: new URL("./signature_bg.wasm", import.meta.url) });
}
