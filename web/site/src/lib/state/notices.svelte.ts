/** Notices: short confirmations that disappear after a few seconds. */

const SHOWN_MS = 6_000;
/** Notices at once. */
const MAX_NOTICES = 3;

export interface Notice {
  id: number;
  text: string;
}

let count = 0;
let shown = $state.raw<Notice[]>([]);

export function notices(): Notice[] {
  return shown;
}

export function notify(text: string): void {
  count += 1;
  const id = count;
  shown = [...shown.slice(1 - MAX_NOTICES), { id, text }];
  setTimeout(() => (shown = shown.filter((notice) => notice.id !== id)), SHOWN_MS);
}
