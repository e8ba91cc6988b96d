/**
 * A lenient parser of pasted headers: a raw request, a curl command or its verbose output, or the
 * output of a framework. It takes whatever looks like a header, and never fails.
 */

import { shellWords } from "./shell-words";

export type Pair = [name: string, value: string];

/** The format that was recognised. */
export type HeaderFormat = "nothing" | "lines" | "dump" | "curl" | "json" | "literal";

export interface ParsedHeaders {
  form: HeaderFormat;
  pairs: Pair[];
  /** The request's URL, if it is there. */
  url?: string | undefined;
  /** The body, if it follows the headers. */
  body?: string;
}

export const NEEDED = ["webhook-id", "webhook-timestamp", "webhook-signature"] as const;
export type Needed = (typeof NEEDED)[number];

/** Characters of a header's name (RFC 9110 §5.6.2). */
const NAME = "[!#$%&'*+.^_`|~0-9A-Za-z-]+";
const LINE = new RegExp(`^\\s*(${NAME})\\s*:(.*)$`);
/** A header as PHP, Ruby and shells print it, with CGI's names. */
const ENTRY = new RegExp(`^\\s*[\\["']?(${NAME}?)[\\]"']?\\s*=>?\\s*["']?(.*?)["']?,?\\s*$`);
const REQUEST = /^(?:GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS) (\S+)(?: HTTP\/[\d.]+)?\s*$/;
const STATUS = /^HTTP\/[\d.]+ \d{3}/;

/** Parses pasted text in its most likely format. */
export function readHeaders(text: string): ParsedHeaders {
  const read = readAny(text);
  return { ...read, pairs: read.pairs.map(([name, value]) => [wellFormed(name), wellFormed(value)]) };
}

/** Replaces lone surrogates, which JSON can contain and a request cannot. */
function wellFormed(text: string): string {
  return text.replaceAll(/\p{Surrogate}/gu, "\ufffd");
}

function readAny(text: string): ParsedHeaders {
  const bare = text.trim();
  if (bare === "") return { form: "nothing", pairs: [] };
  if (/^(?:[A-Za-z_][\w.]*\s*)?[[{(]/.test(bare)) {
    const pairs = fromJson(bare);
    if (pairs.length > 0) return { form: "json", pairs };
    const literal = fromJson(jsonOf(bare));
    if (literal.length > 0) return { form: "literal", pairs: literal };
  }
  if (/^["']/.test(bare)) {
    const literal = fromJson(jsonOf(`{${bare}}`));
    if (literal.length > 0) return { form: "literal", pairs: literal };
  }
  if (/(^|\s)curl\s/.test(bare) || /^(-H|--header)\b/m.test(bare)) {
    const read = fromCurl(bare);
    if (read.pairs.length > 0) return read;
  }
  return /^\s*[<>] /m.test(text) ? fromDump(text) : fromLines(text);
}

/** The needed headers that are not there. */
export function missing(pairs: Pair[]): Needed[] {
  return NEEDED.filter((needed) => valueOf(pairs, needed) === undefined);
}

/**
 * The value that counts for a header, as the checker takes it: blanks at its ends do not count, and
 * signatures of several headers are joined by one.
 */
export function valueOf(pairs: Pair[], needed: Needed): string | undefined {
  const all = pairs.filter(([name]) => normalised(name) === needed).map(([, value]) => value.trim());
  const given = all.filter((value) => value !== "");
  return needed === "webhook-signature" && given.length > 0 ? given.join(" ") : given[0];
}

/**
 * A header's name in lower case and without what CGI makes of it, nor blanks and a colon, as the
 * checker takes it.
 */
export function normalised(name: string): string {
  return name
    .trim()
    .replace(/:+$/, "")
    .toLowerCase()
    .replace(/^http_/, "")
    .replaceAll("_", "-");
}

function fromJson(text: string): Pair[] {
  try {
    return best(JSON.parse(text));
  } catch {
    return [];
  }
}

/** Limits of the search for headers in JSON: values, and depth. */
const MAX_VALUES = 20_000;
const MAX_DEPTH = 12;

/**
 * Of all candidates in a JSON value, the one with the most needed headers: Node's `headers` and
 * `rawHeaders`, pairs, a Lambda's event, an entry of a HAR file, or whatever holds one of them.
 */
function best(value: unknown): Pair[] {
  let found: Pair[] = [];
  let left = MAX_VALUES;
  const look = (at: unknown, depth: number): void => {
    left -= 1;
    if (left < 0 || depth > MAX_DEPTH || typeof at !== "object" || at === null) return;
    for (const inner of Object.values(at)) look(inner, depth + 1);
    const pairs = pairsOf(at);
    const isBetter = missing(pairs).length < missing(found).length;
    if (isBetter || (found.length === 0 && pairs.length > 0)) found = pairs;
  };
  look(value, 0);
  return found;
}

function pairsOf(value: object): Pair[] {
  if (Array.isArray(value)) return pairsOfList(value);
  return Object.entries(value).flatMap(([name, of]) => texts(of).map((one): Pair => [name, one]));
}

function pairsOfList(list: unknown[]): Pair[] {
  if (list.every((one) => typeof one === "string")) {
    return list.flatMap((name, index): Pair[] =>
      index % 2 === 0 ? [[name, list[index + 1] ?? ""]] : [],
    );
  }
  return list.flatMap((one): Pair[] => {
    if (Array.isArray(one)) return texts(one[1]).map((value): Pair => [String(one[0]), value]);
    if (typeof one !== "object" || one === null) return [];
    const { name, key = name, value } = one as Record<string, unknown>;
    return typeof key === "string" ? texts(value).map((of): Pair => [key, of]) : [];
  });
}

function texts(value: unknown): string[] {
  if (Array.isArray(value)) return value.flatMap(texts);
  return ["string", "number"].includes(typeof value) ? [String(value)] : [];
}

/**
 * A literal of Python, JavaScript or Ruby as JSON: with double quotes, without a last comma, tuples
 * as lists, and without the name of a class in front.
 */
function jsonOf(literal: string): string {
  const parts = literal.split(/((?:\b[brfu]{1,2})?(?:"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'))/s);
  return parts.map((part, index) => (index % 2 === 0 ? between(part) : quoted(part))).join("");
}

function quoted(text: string): string {
  const bare = text.replace(/^[brfu]+/, "");
  if (bare.startsWith('"')) return bare;
  return JSON.stringify(bare.slice(1, -1).replaceAll(/\\(['\\])/g, "$1"));
}

/** The parts of a literal outside of its strings. */
function between(part: string): string {
  return part
    .replaceAll("=>", ":")
    .replaceAll(/[A-Za-z_][\w.]*\s*(?=[[{(])/g, "")
    .replaceAll("(", "[")
    .replaceAll(")", "]")
    .replaceAll(/([{,]\s*)([A-Za-z_]\w*)\s*:/g, '$1"$2":')
    .replaceAll(/\b(?:None|undefined|nil)\b/g, "null")
    .replaceAll(/\bTrue\b/g, "true")
    .replaceAll(/\bFalse\b/g, "false")
    .replaceAll(/,(\s*[}\]])/g, "$1");
}

/** Options of curl that take a value which is no header and no body. */
const TAKES_VALUE =
  /^(-[XAeuboxmwT]|--(request|user-agent|referer|user|cookie|output|proxy|max-time))$/;
const BODY = /^(-d|--data(-raw|-binary|-ascii)?|--json)$/;

function fromCurl(text: string): ParsedHeaders {
  const words = shellWords(text);
  const read: ParsedHeaders = { form: "curl", pairs: [] };
  const headers: string[] = [];
  for (let at = 0; at < words.length; at += 1) {
    const word = words[at] ?? "";
    const [, joined] = /^(?:-H|--header=)(.+)$/s.exec(word) ?? [];
    if (joined !== undefined) headers.push(joined);
    else if (word === "-H" || word === "--header") headers.push(words[(at += 1)] ?? "");
    else if (BODY.test(word)) read.body = words[(at += 1)] ?? "";
    else if (word === "--url") read.url = words[(at += 1)] ?? "";
    else if (TAKES_VALUE.test(word)) at += 1;
    else if (/^https?:\/\//.test(word)) read.url = word;
  }
  read.pairs = headers.flatMap(pairOf);
  // `@` names a file, which the page does not have.
  if (read.body?.startsWith("@")) delete read.body;
  return read;
}

function pairOf(line: string): Pair[] {
  const [, name, value] = LINE.exec(line) ?? [];
  return name === undefined ? [] : [[name, (value ?? "").trim()]];
}

/** The output of `curl -v`: sent lines begin with `>` and take precedence, received ones with `<`. */
function fromDump(text: string): ParsedHeaders {
  const linesWith = (mark: string): string[] =>
    text.split(/\r?\n/).flatMap((line) => {
      const bare = line.trimStart();
      return bare.startsWith(mark) ? [bare.slice(1).replace(/^ /, "")] : [];
    });
  const sent = fromLines(linesWith(">").join("\n"));
  const read = sent.pairs.length > 0 ? sent : fromLines(linesWith("<").join("\n"));
  return { ...read, form: "dump" };
}

function fromLines(text: string): ParsedHeaders {
  const read: ParsedHeaders = { form: "lines", pairs: [] };
  const lines = text.replace(/^\s*\n/, "").split("\n");
  for (let from = 0; from < lines.length; ) {
    let to = from;
    while (to < lines.length && lines[to]?.trim() !== "") to += 1;
    const part = fromBlock(lines.slice(from, to));
    const all = [...read.pairs, ...part.pairs];
    // A second block of headers, as some logs print them, is not a body.
    if (read.pairs.length > 0 && missing(all).length === missing(read.pairs).length) {
      const body = lines.slice(from).join("\n");
      if (body.trim() !== "") read.body = body;
      break;
    }
    read.pairs = all;
    read.url ??= part.url;
    from = to + 1;
  }
  const host = read.pairs.find(([name]) => normalised(name) === "host")?.[1];
  if (read.url?.startsWith("/") && host) read.url = `https://${host}${read.url}`;
  return read;
}

function fromBlock(lines: string[]): { url: string | undefined; pairs: Pair[] } {
  let url: string | undefined;
  const pairs: Pair[] = [];
  for (const line of lines.map((whole) => whole.replace(/\r$/, ""))) {
    const request = REQUEST.exec(line.trim());
    if (request) url = request[1];
    else if (!STATUS.test(line)) pairs.push(...lineOf(line, pairs.at(-1)));
  }
  return { url, pairs };
}

/** The header of a line. A folded line is joined to the header before it (RFC 9112 §5.2). */
function lineOf(line: string, before: Pair | undefined): Pair[] {
  const pair = pairOf(line);
  if (pair.length > 0) return pair;
  if (/^[ \t]/.test(line) && line.trim() !== "" && before && !line.includes("=>")) {
    before[1] = `${before[1]} ${line.trim()}`;
    return [];
  }
  const [, name, value] = ENTRY.exec(line) ?? [];
  return name ? [[name, value ?? ""]] : [];
}
