/** Messages between the page and its worker. */

import type { Verdict } from "hookdesk";

import type { Problem } from "../../lib/http/backend";
import type { Scenario } from "./scenario";

export type WorkerRequest =
  /** Comes with a port to the frame in which the visitor's receivers run. */
  | { what: "sandbox" }
  | { what: "compute"; scenario: Scenario }
  | { what: "detail"; index: number }
  | { what: "read"; at: number; path: string }
  | { what: "response"; call: number }
  | { what: "sign"; secret: string; id: string; seconds: number; body: Uint8Array }
  | { what: "export" }
  | { what: "incident"; text: string };

export type WorkerReply =
  | { id: number; done: unknown }
  | { id: number; refused: Problem }
  | { id: number; progress: number };

/** An attempt's request as it was sent. */
export interface AttemptDetail {
  url: string;
  headers: [string, string][];
  body: string;
  /** The webhook's secrets, oldest first. */
  secrets: string[];
  verdict: Verdict;
}
