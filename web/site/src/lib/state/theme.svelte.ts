/** The colour theme: the system's, or the one that was chosen here. */

import { StoredText } from "./stored-text";

export type Theme = "system" | "light" | "dark";
export const THEMES: Theme[] = ["system", "light", "dark"];

const stored = new StoredText("hookdesk-theme");
const initial = THEMES.find((theme) => theme === stored.get()) ?? "system";
let chosen = $state<Theme>(initial);
apply(initial);

export function theme(): Theme {
  return chosen;
}

export function chooseTheme(next: Theme): void {
  chosen = next;
  apply(next);
  stored.set(next);
}

function apply(next: Theme): void {
  if (next === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = next;
}
