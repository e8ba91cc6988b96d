/** Retry schedules as they are typed. */

import { parseSchedule, scheduleText } from "../../console/settings-form";
import type { Reading } from "../../parts/reading";
import { RETRIES } from "../engine/scenario";

/** The text of a receiver's setting, which a file may have of any type. */
export function textOfSchedule(setting: unknown): string {
  return Array.isArray(setting) ? scheduleText(setting) : "";
}

/** The waits of a text in seconds; `undefined` for the desk's own schedule. */
export function readSchedule(text: string): Reading<number[] | undefined> {
  const waits = parseSchedule(text);
  if (waits === null) return { value: undefined };
  const wrong = waits.find((wait) => typeof wait === "string" || wait > RETRIES.maxWait);
  if (wrong !== undefined) {
    return { error: `must be whole seconds from 0 to ${RETRIES.maxWait}, which “${wrong}” is not` };
  }
  if (waits.length > RETRIES.max) return { error: `must have at most ${RETRIES.max} waits` };
  return { value: waits.map(Number) };
}
