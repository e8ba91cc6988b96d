/** Parser of the field for secrets: one a line, some marked as rotated. */

export interface SecretLine {
  text: string;
  ended: boolean;
}

/** Marks of an ended secret: before it, or after it in brackets or as a comment. */
const BEFORE = /^\s*(?:ended|rotated|old)\s*[:=]?\s+/i;
const AFTER = /\s+[#(/[]*\s*(?:ended|rotated|old)[)\]]?\s*$/i;

/**
 * The secrets of a text: its lines that are not blank. Blanks, quotes or a name around a secret are
 * kept, because they may be the mistake.
 */
export function readSecrets(text: string): SecretLine[] {
  const lines = text.split("\n").filter((line) => line.trim() !== "");
  return lines.map((line) => {
    const bare = line.replace(BEFORE, "").replace(AFTER, "");
    return { text: bare, ended: bare !== line };
  });
}
