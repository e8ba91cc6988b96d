/** When each attempt of a recording is followed by the next one. */

import type { Hold, Recording, SentAttempt, Track } from "./recording";

/**
 * Replaces planned times by those at which the next attempts were sent. What was not sent by the end
 * of the recording keeps its planned time only if its webhook may send then.
 *
 * A time is planned when an attempt ends. Its webhook may go down, be paused or be unregistered
 * before that time.
 */
export function resolveNextAttempts({ attempts, tracks }: Recording): void {
  const following = new Map<string, SentAttempt>();
  for (const sent of attempts.toReversed()) {
    const key = `${sent.track} ${sent.seq}`;
    const next = following.get(key);
    following.set(key, sent);
    if (FINAL.has(sent.reason)) continue;
    sent.held = next ? null : holdOf(tracks[sent.track]);
    if (next) sent.next = next.at;
    else if (sent.held) sent.next = null;
  }
}

/** Reasons after which there is no next attempt. */
const FINAL = new Set<SentAttempt["reason"]>(["delivered", "retries_used_up", "late", "stopped"]);

/** What a webhook is held by at the end; `null` while it sends. */
function holdOf(track: Track | undefined): Hold | null {
  if (track?.unregisteredAt != null) return { reason: null, probe: null };
  const state = track?.states.at(-1);
  if (!state || (state.status === "active" && !state.down)) return null;
  const probe = state.status === "active" ? (state.nextProbeAtMs ?? null) : null;
  return { reason: state.reason ?? null, probe };
}
