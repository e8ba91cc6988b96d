/** One-time secrets: each is shown until it is confirmed, in whichever view. */

export interface OneTimeSecret {
  secret: string;
  kind: "signing secret" | "API key" | "link";
  onConfirm: () => void;
}

let pending = $state.raw<OneTimeSecret[]>([]);

/** Shows a secret until somebody confirms that they have it. */
export function showOneTimeSecret(secret: string, onConfirm: () => void = () => {}): void {
  pending = [...pending, { secret, kind: "signing secret", onConfirm }];
}

/** Shows an API key likewise. */
export function showOneTimeKey(key: string): void {
  pending = [...pending, { secret: key, kind: "API key", onConfirm: () => {} }];
}

/** Shows the URL of a link likewise. */
export function showOneTimeLink(url: string): void {
  pending = [...pending, { secret: url, kind: "link", onConfirm: () => {} }];
}

/** The secret to show next. */
export function currentSecret(): OneTimeSecret | undefined {
  return pending[0];
}

export function confirmSecret(): void {
  const [first, ...others] = pending;
  pending = others;
  first?.onConfirm();
}
