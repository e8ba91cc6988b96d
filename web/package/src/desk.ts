/** The exports of every entry point, whichever platform it is for. */

import { __wbg_reset_state } from "./hookdesk.js";

export {
  IncidentPlayer,
  MemoryDesk,
  misconfigured,
  mostBody,
  mostBodyWaitMs,
  mostRead,
  sign,
  StoredDesk,
  unanswered,
  unknownBindings,
  verify,
  workerOptions,
} from "./hookdesk.js";
export type * from "./hookdesk.js";

/**
 * Starts a new instance of the module, after an error of the name `Broken`: open your desks again.
 * Do not `free()` those of before.
 */
export function reset(): void {
  __wbg_reset_state();
}
