/** A project that declares neither browser nor Node, and checks the declarations of its libraries. */

import { init, MemoryDesk, verify } from "hookdesk";
import type { EventBody, ProblemCode, Reason, Verdict } from "hookdesk";
import { verified } from "hookdesk/express";
import { verified as verifiedScope } from "hookdesk/fastify";
import { EVENT_TYPES } from "hookdesk/names";
import { Refused, TestDesk } from "hookdesk/testing";
import type { Answer, Receiver } from "hookdesk/testing";
import { init as initSmall, sign } from "hookdesk/verify";

const secret = "whsec_BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=";
const answer: Answer = { status: 200, headers: { get: () => null }, text: async () => "" };

const receiver: Receiver = async (request, clock) => {
  await clock.sleep(10);
  const verdict: Verdict = verify(request.headers, await request.text(), secret, 0);
  return verdict.code === "good" ? answer : "timeout";
};

function told(body: EventBody): string {
  switch (body.event) {
    case "ticket_opened":
    case "ticket_updated":
      return body.data.ticket_message;
    case "delivery_abandoned":
      return body.data.event_id;
    case "webhook_down":
    case "webhook_recovered":
    case "webhook_disabled":
      return body.data.reason satisfies Reason;
    case "ping":
    case "ticket_closed":
    case "service_unavailable":
    case "service_available":
      return body.created;
  }
}

export async function main(body: EventBody): Promise<void> {
  await init();
  await initSmall();
  const desk = new TestDesk();
  const { id, secret: shown } = desk.register("https://partner.example/", receiver, {
    events: EVENT_TYPES,
    retry_schedule: [5, 60] as const,
    rate_limit: null,
  });
  desk.replay(id, { since: desk.ping(id).id, only: "all" });
  await desk.settle();
  sign(shown, told(body), 0, "");
  new MemoryDesk({ nowMs: 0, chance: "" }, {});

  // What is spelled wrong does not compile.
  // @ts-expect-error
  desk.register("https://partner.example/", receiver, { retry_shedule: [1] });
  // @ts-expect-error
  desk.register("https://partner.example/", receiver, { event: ["ping"] });
  // @ts-expect-error
  desk.register("https://partner.example/", receiver, { events: ["ticket_open"] });
  // @ts-expect-error
  desk.replay(id, { since: "", only: "undeliverd" });
  // @ts-expect-error
  desk.call("PUT", "/tickets");
  // @ts-expect-error
  desk.call("GET", "tickets");
  // @ts-expect-error
  desk.call("GET", "/tickets").data;
  // @ts-expect-error
  verify([], "", secret, 0).code === "bad_signature";
  // @ts-expect-error
  told({ event: "ticket_opened", created: "", data: { message: "" } });
  // @ts-expect-error
  desk.register("https://partner.example/", () => "time-out");
  // @ts-expect-error
  new TestDesk({ sed: 1 });
}

export const code = (error: unknown): ProblemCode | undefined =>
  error instanceof Refused ? error.code : undefined;
// @ts-expect-error
export const typo = (error: Refused): boolean => error.code === "ticket_close";

declare const variable: string | undefined;
export const middleware = verified({ secrets: variable, now: () => 0 });
export const scope: typeof verifiedScope = verifiedScope;
