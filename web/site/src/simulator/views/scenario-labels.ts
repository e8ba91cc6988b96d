/** The simulator's own closed sets in words. */

import type { Outcome } from "../engine/recording";
import type { BehaviourKind, OutageKind } from "../engine/scenario";
import type { TurnKind } from "../engine/transitions";

export const KINDS: Record<BehaviourKind, string> = {
  healthy: "is healthy",
  slow: "is slow",
  failing: "fails with a status",
  hanging: "never answers",
  flapping: "comes and goes",
  limited: "takes so many a minute",
  choking: "chokes on some tickets",
  unheard: "has answers lost",
  gone: "answers 410 Gone",
  hostile: "is hostile",
  script: "does what you write",
};

export const OUTAGES: Record<OutageKind, string> = {
  refused: "refuses connections",
  error: "answers 503",
  hanging: "never answers",
  unheard: "takes it in, and the answer is lost",
};

export const OUTCOMES: Record<Outcome, string> = {
  delivered: "Delivered",
  retry: "Failed",
  busy: "Asked to wait",
  lost: "Taken in, and not heard",
  "given-up": "Given up",
};

export const TURNS: Record<TurnKind, { name: string; hint: string }> = {
  down: { name: "Down", hint: "From here on it is only probed, and no retry is used up." },
  back: { name: "Back", hint: "A probe got through. One request at a time follows, and then more." },
  "caught-up": { name: "Caught up", hint: "All that it was owed is delivered or given up." },
  paused: { name: "Paused", hint: "Nothing is sent, and nothing is lost." },
  disabled: { name: "Disabled", hint: "Nothing is sent until somebody enables it." },
  active: { name: "Active again", hint: "It goes on where it stood." },
};
