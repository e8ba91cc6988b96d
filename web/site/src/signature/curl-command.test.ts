/** Commands are run by a shell, against a receiver that checks with the published library. */

import { execFile, spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { createServer } from "node:http";
import type { Server } from "node:http";
import { createRequire } from "node:module";
import type { AddressInfo } from "node:net";
import { promisify } from "node:util";
import { init, sign } from "hookdesk";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { signInBrowser } from "./browser-signature";
import { curlCommand } from "./curl-command";
import type { Sign } from "./curl-command";
import type { Pair } from "./headers";
import { quoted, shellWords } from "./shell-words";

/** The library as the set-up of the tests installs it. */
const fromTests = createRequire(new URL("../../../../tests/verify/package.json", import.meta.url));
const SECRET = "whsec_BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=";
const SHELLS = ["sh", "bash", "dash", "zsh"].filter((shell) => existsSync(`/bin/${shell}`));
const HAS_CURL = spawnSync("curl", ["--version"]).error === undefined;
if (!HAS_CURL) console.warn("there is no curl: no command is run");
const SIGNERS: [string, Sign][] = [
  ["the package", sign],
  ["the browser", signInBrowser],
];

interface Received {
  path: string;
  headers: Record<string, string | string[] | undefined>;
  body: Buffer;
  refusal: string | null;
}

interface Library {
  Webhook: new (secret: string) => { verify(body: string | Buffer, headers: object): unknown };
}

let server: Server;
let received: Received[] = [];

beforeAll(async () => {
  await init();
  const { Webhook } = fromTests("standardwebhooks") as Library;
  const receiver = new Webhook(SECRET);
  server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks);
    received.push({
      path: request.url ?? "",
      headers: request.headers,
      body,
      refusal: refusalOf(receiver, body, request.headers),
    });
    response.writeHead(204).end();
  });
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
});

afterAll(() => void server.close());

/** Why the library refuses a delivery. It verifies the signature before it parses the JSON. */
function refusalOf(
  receiver: InstanceType<Library["Webhook"]>,
  body: Buffer,
  headers: object,
): string | null {
  try {
    receiver.verify(body, headers);
    return null;
  } catch (error) {
    return error instanceof SyntaxError ? null : String(error);
  }
}

async function run(shell: string, command: string): Promise<Received> {
  received = [];
  const quiet = command.replace("curl ", "curl --silent --noproxy '*' ");
  // By standard input, as a terminal would have it: a command may be longer than an argument.
  const running = promisify(execFile)(`/bin/${shell}`, ["-s"]);
  running.child.stdin?.end(`${quiet}\n`);
  await running;
  const [one] = received;
  if (!one) throw new Error(`nothing came of ${command.slice(0, 500)}`);
  return one;
}

const HEADERS: Pair[] = [
  ["Host", "partner.example"],
  ["Content-Type", "application/json"],
  ["Content-Length", "3"],
  ["User-Agent", "HookDesk/0.1.0"],
  ["Webhook-Id", "evt_1"],
  ["Webhook-Timestamp", "1"],
  ["Webhook-Signature", "v1,former"],
  ["X-Quoted", `it's "$HOME" \`id\` \\ ! é`],
  ["X-Empty", ""],
  ["@x", "no header"],
  ["X-Split", "a\r\nX-Smuggled: b"],
];

const BODIES: [what: string, body: string | Uint8Array][] = [
  ["plain", '{"a":1}'],
  ["empty", ""],
  ["single quotes", `{"a":"it's ''"}`],
  ["what a shell would read", '{"a":"$HOME `id` \\" \\\\ $(id) !! ~ *"}'],
  ["line ends", '{\n  "a": 1\n}\n\n'],
  ["line ends of Windows", '{\r\n"a": 1\r\n}\r\n'],
  ["not ASCII", '{"a":"Grüße, 東京 🔥"}'],
  ["an at sign first", "@/etc/passwd"],
  ["a dash first", "-d x"],
  ["a dash first, and no text", new Uint8Array([0x2d, 0x76, 0])],
  ["per cent and backslashes", "100%s \\n \\0 %%"],
  ["a byte order mark", '\ufeff{"a":1}'],
  ["a terminal's escape", '{"a":"\x1b[201~\nid\n"}'],
  ["every byte", Uint8Array.from({ length: 256 }, (_, byte) => byte)],
  ["longer than an argument may be", `{"a":"${"ß'".repeat(60_000)}"}`],
  ["long, and no text", new Uint8Array(60_000).fill(0xff)],
];

describe.runIf(HAS_CURL).each(SHELLS)("%s sends what the page has, to the byte", (shell) => {
  test.each(BODIES)("%s", async (_, text) => {
    const body = typeof text === "string" ? new TextEncoder().encode(text) : text;
    for (const [, signer] of SIGNERS) {
      const { port } = server.address() as AddressInfo;
      const url = `http://127.0.0.1:${port}/hook/[a]{b}?c='d'&e=$f`;
      const seconds = Math.floor(Date.now() / 1_000);
      const of = { url, secret: SECRET, headers: HEADERS, body };
      const one = await run(shell, await curlCommand(of, seconds, signer));
      expect(one.body.equals(body), `${one.body.length} of ${body.length} bytes`).toBe(true);
      if (isUtf8(body)) expect(one.refusal).toBeNull();
      expect(one.path).toBe("/hook/[a]%7Bb%7D?c=%27d%27&e=$f");
      expect(one.headers["webhook-signature"]).toBe(sign(SECRET, "evt_1", seconds, body));
      expect(one.headers["content-type"]).toBe("application/json");
      expect(one.headers["user-agent"]).toBe("HookDesk/0.1.0");
      const sent = Buffer.from(String(one.headers["x-quoted"]), "latin1").toString();
      expect(sent).toBe(`it's "$HOME" \`id\` \\ ! é`);
      expect(one.headers["x-empty"]).toBe("");
      expect(one.headers).not.toHaveProperty("x-smuggled");
      expect(one.headers["host"]).toBe(`127.0.0.1:${port}`);
    }
  });
});

/** The library reads bytes as UTF-8, and so has others than were sent where they are none. */
function isUtf8(bytes: Uint8Array): boolean {
  return Buffer.from(Buffer.from(bytes).toString()).equals(Buffer.from(bytes));
}

test.runIf(HAS_CURL)("a receiver refuses a signature with another secret", async () => {
  const { port } = server.address() as AddressInfo;
  const of = {
    url: `http://127.0.0.1:${port}/`,
    headers: HEADERS,
    body: new Uint8Array([0x7b, 0x7d]),
  };
  const secret = SECRET.replace("Bwc", "CAg");
  const now = Math.floor(Date.now() / 1_000);
  const { refusal } = await run("sh", await curlCommand({ ...of, secret }, now, sign));
  expect(refusal).toContain("No matching signature");
});

test("a delivery that cannot be sent is refused with a message", async () => {
  const of = {
    url: "https://partner.example/",
    secret: SECRET,
    headers: HEADERS,
    body: new Uint8Array(),
  };
  for (const url of ["", "partner.example", "file:///etc/passwd", "javascript:alert(1)"]) {
    await expect(curlCommand({ ...of, url }, 0, sign)).rejects.toThrow("must begin with http");
  }
  await expect(curlCommand({ ...of, headers: [] }, 0, sign)).rejects.toThrow("no webhook-id");
  for (const [, signer] of SIGNERS) {
    for (const secret of ["", "whsec_", "whsec_?"]) {
      await expect(curlCommand({ ...of, secret }, 0, signer)).rejects.toThrow(/must be whsec_ and/);
    }
  }
});

test("quoted words are split into the same words", () => {
  const words = ["a", "it's", "", "two words", "$x", "a\nb", '"', "\\", "é", "=x", "~", "#c"];
  expect(shellWords(words.map(quoted).join(" \\\n  "))).toEqual(words);
  expect(shellWords(`a'b'"c\\"d"\\ e`)).toEqual([`abc"d e`]);
  expect(shellWords("$'\\x41\\u00e9\\n\\'' $x")).toEqual(["Aé\n'", "$x"]);
});
