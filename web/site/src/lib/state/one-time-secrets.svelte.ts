/** Secrets that are shown this once: they stay until somebody has them, wherever one goes meanwhile. */

interface Handed {
  secret: string;
  taken: () => void;
}

let waiting = $state.raw<Handed[]>([]);

/** Shows a secret until somebody says that it is kept. */
export function hand(secret: string, taken: () => void = () => {}): void {
  waiting = [...waiting, { secret, taken }];
}

/** The one to be shown. */
export function handed(): Handed | undefined {
  return waiting[0];
}

export function take(): void {
  const [first, ...others] = waiting;
  waiting = others;
  first?.taken();
}
