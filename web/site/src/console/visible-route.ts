/** Which view is shown to a caller that may not see every view. */

import type { Route } from "../lib/navigation/route.svelte";
import type { Permissions } from "../lib/state/permissions";

/** The route itself, or the first view that the caller may see. */
export function visibleRoute(route: Route, may: Permissions): Route {
  return isVisible(route, may) ? route : { view: may.readTickets ? "tickets" : "webhooks" };
}

function isVisible(route: Route, may: Permissions): boolean {
  switch (route.view) {
    case "tickets":
      return may.readTickets;
    case "webhooks":
    case "webhook":
      return may.readWebhooks;
    case "register":
      return may.changeWebhooks;
    case "partners":
      return may.readPartners;
    case "keys":
    case "audit":
      return may.administer;
  }
}
