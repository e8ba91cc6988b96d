/** How certain a verdict is, in words. */

import type { Verdict } from "hookdesk";

export const CERTAINTY: Record<Verdict["certainty"], { name: string; why: string }> = {
  proven: { name: "Proven", why: "With this mistake undone, the signature matches." },
  evident: { name: "Evident", why: "The input shows this mistake, whatever its signature is." },
  likely: { name: "Likely", why: "Nothing that was tried makes the signature match. This fits best." },
};
