/** Share links: a whole scenario, compressed into the fragment of the page's URL. */

import { Refused } from "../../lib/http/backend";
import type { Scenario } from "./scenario";
import { MAX_FILE_LENGTH, invalid, parseScenario } from "./scenario-file";

/** What stands before the scenario in a fragment. */
const NAME = "rehearsal=";
/** What the fragment of a share link begins with. */
export const FRAGMENT_PREFIX = `#${NAME}`;
/** A scenario in a fragment, alone or behind the route of a view: `#/webhooks&rehearsal=…`. */
const PLAN = new RegExp(`[#&]${NAME}(.*)$`);

/** Characters of a fragment: browsers and chats cut longer links. */
const MAX_FRAGMENT_LENGTH = 30_000;

/** The part of a page's fragment that is a share link's; `null` when it has none. */
export function sharedFragment(hash: string): string | null {
  const [, packed] = PLAN.exec(hash) ?? [];
  return packed === undefined ? null : FRAGMENT_PREFIX + packed;
}

/** A page's fragment with the scenario of a share link in place of the one in it, if there is one. */
export function withShared(hash: string, shared: string | null): string {
  const route = hash.replace(PLAN, "").replace(/^#/, "");
  if (shared === null) return route === "" ? "" : `#${route}`;
  return route === "" ? shared : `#${route}&${shared.slice(1)}`;
}

/** The fragment of a share link; `null` when the scenario is too large for one. */
export async function toFragment(scenario: Scenario): Promise<string | null> {
  const text = new Blob([JSON.stringify(scenario)]).stream();
  const packed = text.pipeThrough(new CompressionStream("deflate-raw"));
  const bytes = new Uint8Array(await new Response(packed).arrayBuffer());
  let binary = "";
  for (const byte of bytes) binary += String.fromCharCode(byte);
  const base64 = btoa(binary).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
  return base64.length > MAX_FRAGMENT_LENGTH ? null : FRAGMENT_PREFIX + base64;
}

/** The scenario of a share link. Throws `Refused` when the link is incomplete or invalid. */
export async function fromFragment(fragment: string): Promise<Scenario> {
  const base64 = fragment.slice(FRAGMENT_PREFIX.length).replaceAll("-", "+").replaceAll("_", "/");
  try {
    const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate-raw"));
    return parseScenario(await new Response(limited(stream)).text());
  } catch (error) {
    if (error instanceof Refused) throw error;
    throw invalid("The link is incomplete. Ask for it again, or for the scenario as a file.");
  }
}

/** Fails a stream that unpacks to more than any scenario has. */
function limited(stream: ReadableStream<Uint8Array>): ReadableStream<Uint8Array> {
  let size = 0;
  const count = new TransformStream<Uint8Array, Uint8Array>({
    transform(chunk, controller) {
      size += chunk.length;
      if (size > MAX_FILE_LENGTH) controller.error(new RangeError("too long"));
      else controller.enqueue(chunk);
    },
  });
  return stream.pipeThrough(count);
}
