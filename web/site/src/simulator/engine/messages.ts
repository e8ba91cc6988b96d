/** What the page and its worker say to each other. */

import type { Verdict } from "hookdesk";

import type { Problem } from "../../lib/http/backend";
import type { Rehearsal } from "./scenario";

export type Ask =
  /** A port to the frame in which receivers run that a visitor wrote. */
  | { what: "sandbox" }
  | { what: "compute"; rehearsal: Rehearsal }
  | { what: "detail"; index: number }
  | { what: "read"; at: number; path: string }
  | { what: "answer"; act: number }
  | { what: "sign"; secret: string; id: string; seconds: number; body: Uint8Array }
  | { what: "export" }
  | { what: "incident"; text: string };

export type Reply =
  | { id: number; done: unknown }
  | { id: number; refused: Problem }
  | { id: number; progress: number };

/** A request as it went out. */
export interface Detail {
  url: string;
  headers: [string, string][];
  body: string;
  /** Of its webhook, the oldest first. */
  secrets: string[];
  verdict: Verdict;
}
