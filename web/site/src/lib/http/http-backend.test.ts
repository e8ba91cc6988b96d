import { afterEach, beforeEach, expect, test, vi } from "vitest";

import type { Method } from "./backend";
import { HttpBackend } from "./http-backend";

/** Answers that are to be given yet. */
let answers: (() => Response)[];
let sent: string[];

const LIMITED = { title: "Too many calls", detail: "Wait a second.", code: "rate_limited" };
const limited = (): Response => Response.json(LIMITED, { status: 429 });
const done = (): Response => Response.json({ data: "done" });

beforeEach(() => {
  vi.useFakeTimers();
  sent = [];
  vi.stubGlobal("fetch", async (path: string, { method = "GET" }: RequestInit) => {
    sent.push(`${method} ${path}`);
    return (answers.shift() ?? done)();
  });
});

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

/** What a call comes to: its document, or the code of its refusal. */
async function outcome(method: Method, given: (() => Response)[]): Promise<unknown> {
  answers = given;
  const call = new HttpBackend().call(method, "/webhooks").catch((error) => error.problem.code);
  await vi.advanceTimersByTimeAsync(1_500);
  return call;
}

test("a reading beyond the rate is repeated once", async () => {
  expect(await outcome("GET", [limited])).toEqual({ data: "done" });
  expect(await outcome("GET", [limited, limited])).toBe("rate_limited");
  expect(sent).toHaveLength(4);
});

test("a change beyond the rate is refused at once", async () => {
  expect(await outcome("POST", [limited])).toBe("rate_limited");
  expect(sent).toEqual(["POST ./webhooks"]);
});
