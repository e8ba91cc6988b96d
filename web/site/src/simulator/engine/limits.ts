/** Attempts of one run at the most: what went out is kept for the inspector, a kilobyte each. */
export const MOST_ATTEMPTS = 50_000;
