/** Secrets as they lie in a configuration: one a line, and marked where they have ended. */

export interface Line {
  text: string;
  ended: boolean;
}

/** How an ended secret may be marked: before it, or after it in brackets or as a comment. */
const BEFORE = /^\s*(?:ended|rotated|old)\s*[:=]?\s+/i;
const AFTER = /\s+[#(/[]*\s*(?:ended|rotated|old)[)\]]?\s*$/i;

/**
 * The secrets of a text: its lines that are not all blank. Blanks, quotes or a name around one are
 * kept, as they may be the mistake.
 */
export function readSecrets(text: string): Line[] {
  const lines = text.split("\n").filter((line) => line.trim() !== "");
  return lines.map((line) => {
    const bare = line.replace(BEFORE, "").replace(AFTER, "");
    return { text: bare, ended: bare !== line };
  });
}
