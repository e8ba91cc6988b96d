/** Labels of the simulator's own enumerations. */

import type { Outcome } from "../engine/recording";
import type { BehaviourKind, OutageKind } from "../engine/scenario";
import type { TransitionKind } from "../engine/transitions";

export const BEHAVIOURS: Record<BehaviourKind, string> = {
  healthy: "healthy",
  slow: "slow",
  failing: "fails with a status",
  hanging: "never responds",
  flapping: "up and down in turns",
  limited: "limits its rate with 429",
  choking: "fails on some tickets",
  unheard: "loses responses",
  gone: "responds 410 Gone",
  hostile: "hostile",
  script: "runs your code",
};

export const OUTAGES: Record<OutageKind, string> = {
  refused: "refuses connections",
  error: "responds 503",
  hanging: "never responds",
  unheard: "processes requests, and responses are lost",
};

export const OUTCOMES: Record<Outcome, string> = {
  delivered: "Delivered",
  retry: "Failed",
  busy: "Asked to wait",
  lost: "Processed, response lost",
  "given-up": "Given up",
};

export const TRANSITIONS: Record<TransitionKind, { name: string; hint: string }> = {
  down: { name: "Down", hint: "From here on it is only probed, and no retry is used up." },
  back: { name: "Back", hint: "A probe succeeded. One request at a time follows, and then more." },
  "caught-up": { name: "Caught up", hint: "The backlog is empty: all of it is delivered or given up." },
  paused: { name: "Paused", hint: "Nothing is sent. Events are kept for it." },
  disabled: { name: "Disabled", hint: "Nothing is sent until it is enabled again." },
  active: { name: "Active again", hint: "Delivery continues where it stopped." },
};
