/** Light or dark: as the system has it, or as was chosen here. */

export type Theme = "system" | "light" | "dark";
export const THEMES: Theme[] = ["system", "light", "dark"];

const KEY = "hookdesk-theme";

const begun = THEMES.find((theme) => theme === remembered()) ?? "system";
let chosen = $state<Theme>(begun);
apply(begun);

export function theme(): Theme {
  return chosen;
}

export function choose(next: Theme): void {
  chosen = next;
  apply(next);
  try {
    localStorage.setItem(KEY, next);
  } catch {
    // It is kept until the page is closed.
  }
}

function apply(next: Theme): void {
  if (next === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = next;
}

function remembered(): string | null {
  try {
    return localStorage.getItem(KEY);
  } catch {
    return null;
  }
}
