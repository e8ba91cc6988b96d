/** Short words on what was done, which go by themselves. */

const SHOWN_MS = 6_000;

export interface Notice {
  id: number;
  text: string;
}

let count = 0;
let shown = $state.raw<Notice[]>([]);

export function notices(): Notice[] {
  return shown;
}

export function say(text: string): void {
  count += 1;
  const id = count;
  shown = [...shown.slice(-2), { id, text }];
  setTimeout(() => (shown = shown.filter((notice) => notice.id !== id)), SHOWN_MS);
}
