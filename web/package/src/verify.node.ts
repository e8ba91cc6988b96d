import { load } from "./signature.node.js";

export type { KnownSecret, Verdict, VerdictCode } from "./hookdesk.js";
export { sign, verify } from "./signature.js";

/** Makes the module ready. Call it once before anything else; again it does nothing. */
export async function init(): Promise<void> {
  load();
}
