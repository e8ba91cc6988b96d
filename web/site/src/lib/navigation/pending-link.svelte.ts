/** The link that the page was opened with, until it is dealt with. */

import { linkIn } from "./link";
import type { Link } from "./link";

/** Takes the link out of the address, where others could read it. */
function taken(): Link | null {
  const link = linkIn(location.hash);
  if (link !== null) history.replaceState(null, "", location.pathname + location.search);
  return link;
}

let current = $state.raw(taken());
addEventListener("hashchange", () => (current = taken() ?? current));

export function pendingLink(): Link | null {
  return current;
}

export function dropLink(): void {
  current = null;
}
