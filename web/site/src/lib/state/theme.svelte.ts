/** Light or dark: as the system has it, or as was chosen here. */

import { Kept } from "./stored-text";

export type Theme = "system" | "light" | "dark";
export const THEMES: Theme[] = ["system", "light", "dark"];

const kept = new Kept("hookdesk-theme");
const begun = THEMES.find((theme) => theme === kept.get()) ?? "system";
let chosen = $state<Theme>(begun);
apply(begun);

export function theme(): Theme {
  return chosen;
}

export function choose(next: Theme): void {
  chosen = next;
  apply(next);
  kept.put(next);
}

function apply(next: Theme): void {
  if (next === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = next;
}
