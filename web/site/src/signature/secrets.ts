/** Secrets as they lie in a configuration: one a line, and marked where they have ended. */

export interface Line {
  text: string;
  ended: boolean;
}

/** How an ended secret may be marked: before it, or after it in brackets or as a comment. */
const BEFORE = /^\s*(?:ended|rotated|old)\s*[:=]?\s+/i;
const AFTER = /\s+[#(/[]*\s*(?:ended|rotated|old)[)\]]?\s*$/i;
/** What a file of the environment has before a value; base64 has its `=` at its end. */
const NAME = /^\s*(?:export\s+)?[A-Za-z_]\w*=(?=[^=\s])/;

/**
 * The secrets of a text. Blanks around one are kept, as they may be the mistake; a name as in
 * `WEBHOOK_SECRET=` is not, and no line that is all blank is one.
 */
export function readSecrets(text: string): Line[] {
  const lines = text.split("\n").filter((line) => line.trim() !== "");
  return lines.map((line) => {
    const bare = line.replace(BEFORE, "").replace(AFTER, "");
    return { text: bare.replace(NAME, ""), ended: bare !== line };
  });
}
