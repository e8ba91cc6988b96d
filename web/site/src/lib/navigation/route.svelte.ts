/** The route of the console: which view the URL's fragment names. */

export type Tab = "deliveries" | "replay" | "settings" | "secrets";
export const TABS: Tab[] = ["deliveries", "replay", "settings", "secrets"];

export type Route =
  | { view: "tickets" }
  | { view: "webhooks" }
  | { view: "register" }
  | { view: "keys" }
  | { view: "partners" }
  | { view: "audit" }
  | { view: "webhook"; id: string; tab: Tab; event: string | null };

/** The route of a fragment. What follows an ampersand is not the route's. */
export function parse(hash: string): Route {
  const [view, id, tab, event] = hash.replace(/^#\/?/, "").replace(/&.*$/, "").split("/");
  if (view === "keys" || view === "partners" || view === "audit") return { view };
  if (view !== "webhooks") return { view: "tickets" };
  if (!id) return { view: "webhooks" };
  if (id === "new") return { view: "register" };
  const known = TABS.find((name) => name === tab) ?? "deliveries";
  return { view: "webhook", id, tab: known, event: event || null };
}

export function href(route: Route): string {
  switch (route.view) {
    case "tickets":
    case "webhooks":
    case "keys":
    case "partners":
    case "audit":
      return `#/${route.view}`;
    case "register":
      return "#/webhooks/new";
    case "webhook":
      return `#/webhooks/${route.id}/${route.tab}${route.event ? `/${route.event}` : ""}`;
  }
}

let current = $state.raw(parse(location.hash));
addEventListener("hashchange", () => (current = parse(location.hash)));

export function route(): Route {
  return current;
}

export function go(to: Route): void {
  location.hash = href(to);
}
