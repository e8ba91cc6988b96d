/** Which host leads a desk that several hosts may share, in words. */

import type { Problem } from "../lib/http/backend";
import type { Host } from "../lib/rows";

/** A sentence about the lead, which the time `since` ends, if there is one. */
export interface Lead {
  text: string;
  since: string | null;
}

/** Digits of a host's random id that tell it from the few others of its desk. */
const ID_DIGITS = 8;

/**
 * What to say by the host that answered last, and by the problem if there was one since. `null` where no hosts
 * share the desk.
 */
export function leadOf(host: Host | undefined, problem: Problem | null): Lead | null {
  if (host === undefined) return null;
  if (problem !== null) return { text: `Which host leads is not known. ${problem.detail}`, since: null };
  const { leads, since } = host;
  const [own, leader] = [shortHost(host.id), shortHost(host.leader)];
  if (leads) return { text: `Host ${own} answers this page, and leads the desk since`, since };
  const text = `Host ${leader} leads the desk. Host ${own} answers this page, and follows it since`;
  return { text, since };
}

function shortHost(id: string): string {
  return id.length > ID_DIGITS ? `${id.slice(0, ID_DIGITS)}…` : id;
}
