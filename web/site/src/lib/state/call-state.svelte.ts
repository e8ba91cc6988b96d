/** State of a call that the page makes: whether it is pending, and why it failed. */

import { problemOf } from "../http/backend";
import type { Problem } from "../http/backend";

export class CallState {
  busy = $state(false);
  /** Why the last call failed; `null` when it succeeded. */
  problem = $state.raw<Problem | null>(null);

  /** Makes a call, unless one is pending. Resolves with whether it succeeded. */
  async run(call: () => Promise<unknown>): Promise<boolean> {
    if (this.busy) return false;
    this.busy = true;
    try {
      await call();
      this.problem = null;
      return true;
    } catch (error) {
      this.problem = problemOf(error);
      return false;
    } finally {
      this.busy = false;
    }
  }

  /** What the desk says is wrong with a field, or with a part of it. */
  errorOf(field: string): string | undefined {
    const pointer = `#/${field}`;
    const isOfField = (of: string): boolean => of === pointer || of.startsWith(`${pointer}/`);
    return this.problem?.errors?.find((error) => isOfField(error.pointer))?.detail;
  }
}
