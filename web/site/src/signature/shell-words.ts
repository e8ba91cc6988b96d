/** Quoting and splitting of shell words (POSIX.1-2024, Shell Command Language, §2.2). */

/** A text as one word of a POSIX shell, quoted where needed. */
export function quoted(text: string): string {
  return /^[\w./:-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

/** Escapes between `$'` and `'` in bash and zsh. */
const ESCAPES: Record<string, string> = {
  n: "\n",
  r: "\r",
  t: "\t",
  "0": "\0",
};

/** Splits a command into words. It also reads `$'…'`, which browsers use in copied curl commands. */
export function shellWords(command: string): string[] {
  const part =
    /\$'((?:[^'\\]|\\.)*)'|'([^']*)'|"((?:[^"\\]|\\.)*)"|\\\r?\n|\\(.)|(\s+)|([^\s'"\\$]+|\$)/gs;
  const words: string[] = [];
  let word: string | null = null;
  for (const [whole, ansi, single, double, escaped, blank, bare] of command.matchAll(part)) {
    if (blank !== undefined) {
      if (word !== null) words.push(word);
      word = null;
    } else if (!/^\\\r?\n$/.test(whole)) {
      const read = ansi === undefined ? undefined : fromAnsi(ansi);
      const within = double?.replaceAll(/\\(["\\$`])/g, "$1").replaceAll(/\\\r?\n/g, "");
      word = (word ?? "") + (read ?? single ?? within ?? escaped ?? bare ?? "");
    }
  }
  return word === null ? words : [...words, word];
}

function fromAnsi(text: string): string {
  const escape = /\\(u[0-9a-fA-F]{4}|x[0-9a-fA-F]{2}|.)/gs;
  return text.replaceAll(escape, (_, code: string) =>
    /^[ux]./.test(code)
      ? String.fromCharCode(parseInt(code.slice(1), 16))
      : (ESCAPES[code] ?? code),
  );
}
