import { problemOf } from "../http/backend";
import type { Problem } from "../http/backend";

/** Something that somebody asked for: whether it is under way, and why it failed. */
export class Act {
  busy = $state(false);
  problem = $state.raw<Problem | null>(null);

  /** Whether it was done. One at a time: a second press of a button is none. */
  async run(work: () => Promise<unknown>): Promise<boolean> {
    if (this.busy) return false;
    this.busy = true;
    try {
      await work();
      this.problem = null;
      return true;
    } catch (error) {
      this.problem = problemOf(error);
      return false;
    } finally {
      this.busy = false;
    }
  }

  /** What is wrong with a field or a part of it. */
  about(field: string): string | undefined {
    const pointer = `#/${field}`;
    const fits = (of: string): boolean => of === pointer || of.startsWith(`${pointer}/`);
    return this.problem?.errors?.find((error) => fits(error.pointer))?.detail;
  }
}
