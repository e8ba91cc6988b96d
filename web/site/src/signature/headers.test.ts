import { describe, expect, test } from "vitest";

import { missing, readHeaders, valueOf } from "./headers";
import type { HeaderFormat, Pair } from "./headers";

const PAIRS: Pair[] = [
  ["Webhook-Id", "evt_1"],
  ["Webhook-Timestamp", "1750000000"],
  ["Webhook-Signature", "v1,a+b/c= v1,d'e="],
];
const LINES = PAIRS.map(([name, value]) => `${name}: ${value}`);

describe("headers are read as people have them", () => {
  const table: [what: string, form: HeaderFormat, text: string][] = [
    ["lines", "lines", LINES.join("\n")],
    ["lines of Windows", "lines", `\r\n${LINES.join("\r\n")}\r\n`],
    ["lines without blanks", "lines", LINES.map((line) => line.replace(": ", ":")).join("\n")],
    ["lines with blanks", "lines", LINES.map((line) => `  ${line}  `).join("\n")],
    ["in two parts", "lines", `${LINES[0]}\n\n${LINES[1]}\n${LINES[2]}`],
    ["a value over two lines", "lines", LINES.join("\n").replace("= v1", "=\n  v1")],
    ["a status first", "lines", `HTTP/1.1 200 OK\n${LINES.join("\n")}`],
    [
      "curl's dump",
      "dump",
      `* Connected\n> POST / HTTP/1.1\n${dump(">")}\n>\n< HTTP/1.1 200 OK\n< x: y`,
    ],
    ["curl's dump of an answer", "dump", `< HTTP/1.1 200 OK\n${dump("<")}\n<\n{ [5 bytes data]`],
    ["a command", "curl", `curl ${options("'")} https://partner.example/hook`],
    [
      "a command in many lines",
      "curl",
      `$ curl -X POST \\\n ${options('"').replaceAll(" -H", " \\\n -H")}`,
    ],
    ["options alone", "curl", options("'")],
    ["long options", "curl", LINES.map((line) => `--header "${line}"`).join(" ")],
    ["Node's headers", "json", JSON.stringify(Object.fromEntries(PAIRS), null, 2)],
    ["Node's rawHeaders", "json", JSON.stringify(PAIRS.flat())],
    [
      "lists of values",
      "json",
      JSON.stringify(Object.fromEntries(PAIRS.map(([n, v]) => [n, [v]]))),
    ],
    ["pairs", "json", JSON.stringify(PAIRS)],
    ["a HAR file's", "json", JSON.stringify(PAIRS.map(([name, value]) => ({ name, value })))],
    ["a request with headers", "json", JSON.stringify({ headers: Object.fromEntries(PAIRS) })],
    ["Python's", "literal", `{${PAIRS.map(([n, v]) => `'${n}': "${v}"`).join(", ")},}`],
    [
      "what Node prints",
      "literal",
      `{\n${PAIRS.map(([n, v]) => `  '${n}': "${v}"`).join(",\n")}\n}`,
    ],
    ["a Lambda's event, as Python prints it", "literal", `{'a': None, 'b': {'c': False}, 'headers': {${python()}}}`],
    ["a Lambda's many values", "json", JSON.stringify({ multiValueHeaders: Object.fromEntries(PAIRS.map(([n, v]) => [n, [v]])) })],
    ["pairs of Python", "literal", `[${PAIRS.map(([n, v]) => `('${n}', "${v}")`).join(", ")}]`],
    ["pairs of bytes", "literal", `[${PAIRS.map(([n, v]) => `(b'${n}', b"${v}")`).join(", ")}]`],
    ["Starlette's", "literal", `Headers({${python()}})`],
    ["what Node prints of a fetch", "literal", `Headers {\n${python()}\n}`],
    ["Ruby's", "literal", `{${PAIRS.map(([n, v]) => `"${n}"=>"${v}"`).join(", ")}, "x"=>nil}`],
    ["an object's lines", "literal", PAIRS.map(([n, v]) => `  "${n}": "${v}",`).join("\n")],
    [
      "a whole HAR file",
      "json",
      JSON.stringify({
        log: {
          entries: [
            { time: 5, request: { headers: [{ name: "a", value: "b" }] } },
            { request: { headers: PAIRS.map(([name, value]) => ({ name, value })) } },
          ],
        },
      }),
    ],
    ["what PHP prints", "lines", PAIRS.map(([n, v]) => `    [${n}] => ${v}`).join("\n")],
  ];
  test.each(table)("%s", (_, form, text) => {
    const read = readHeaders(text);
    expect(read.form).toBe(form);
    expect(read.pairs.filter(([name]) => /^webhook-/i.test(name))).toEqual(PAIRS);
    expect(missing(read.pairs)).toEqual([]);
  });

  function dump(mark: string): string {
    return LINES.map((line) => `${mark} ${line}`).join("\n");
  }

  function options(quote: string): string {
    const inside = (line: string): string => (quote === "'" ? line.replaceAll("'", "'\\''") : line);
    return LINES.map((line) => `-H ${quote}${inside(line)}${quote}`).join(" ");
  }
});

test("headers with CGI's names count by their own names", () => {
  const { pairs } = readHeaders("HTTP_WEBHOOK_ID=evt_1\nHTTP_WEBHOOK_TIMESTAMP=1");
  expect(missing(pairs)).toEqual(["webhook-signature"]);
  expect(valueOf(pairs, "webhook-id")).toBe("evt_1");
});

test("a name counts as the checker takes it, with blanks and a colon around it", () => {
  const pairs: Pair[] = [[" webhook_id: ", "evt_1"]];
  expect(missing(pairs)).toEqual(["webhook-timestamp", "webhook-signature"]);
  expect(valueOf(pairs, "webhook-id")).toBe("evt_1");
});

test("the URL and the body of a request are read", () => {
  const text = `POST /hook?a=1 HTTP/1.1\nHost: partner.example\n${LINES.join("\n")}\n\n{"a":\n\n1}`;
  const { url, body } = readHeaders(text);
  expect(url).toBe("https://partner.example/hook?a=1");
  expect(body).toBe('{"a":\n\n1}');
});

test("the URL and the body of a command are read, except for files", () => {
  const command = `curl -s -X POST -A x 'https://partner.example/' ${`-H '${LINES[0]}'`} --data-raw $'it\\'s \\u00e9\\n'`;
  expect(readHeaders(command)).toMatchObject({ url: "https://partner.example/", body: "it's é\n" });
  expect(readHeaders(`curl -H '${LINES[0]}' -d @body.json`).body).toBeUndefined();
});

test("an empty value counts as missing, and signatures of several headers are joined", () => {
  const pairs: Pair[] = [
    ["webhook-id", " "],
    ["Webhook-Signature", " v1,a "],
    ["webhook-signature", "v1,b"],
  ];
  expect(missing(pairs)).toEqual(["webhook-id", "webhook-timestamp"]);
  expect(valueOf(pairs, "webhook-signature")).toBe("v1,a v1,b");
});

test("no pasted text is an error", () => {
  const texts = [
    "",
    "  \n",
    "{",
    "[",
    "{}",
    "[1]",
    "null",
    "[[]]",
    "[null]",
    "{'",
    "curl",
    "curl '",
    "> ",
    ":",
  ];
  texts.push(
    "-H",
    "curl -H",
    '{"a":{"b":1}}',
    "GET",
    "=>",
    "[] => x",
    "a\0b",
    "\ud800",
    "'".repeat(99),
  );
  for (const text of texts) expect(Array.isArray(readHeaders(text).pairs), text).toBe(true);
  expect(readHeaders('{"a":"\\ud800🔥"}').pairs).toEqual([["a", "\ufffd🔥"]]);
  expect(readHeaders("nothing of the kind").pairs).toEqual([]);
});

test("syntax of a literal inside of a string is text", () => {
  const { pairs } = readHeaders(`{'a': 'x, b: None => (c)', "d": "e"}`);
  expect(pairs).toEqual([
    ["a", "x, b: None => (c)"],
    ["d", "e"],
  ]);
});

test("many blocks are read one after another", () => {
  const text = `${LINES[0]}\n\n${"a: b\n\n".repeat(12_000)}`;
  expect(readHeaders(text).pairs).toHaveLength(1);
});

/** Entries of a literal in Python. */
function python(): string {
  return PAIRS.map(([name, value]) => `'${name}': "${value}"`).join(", ");
}
