import { init } from "hookdesk";
import { beforeAll, expect, test } from "vitest";

import { HOUR, MINUTE } from "../../lib/format/durations";
import { newDesk } from "./desk-history";
import { blank } from "./presets";
import type { Recording } from "./recording";
import { newReceiver } from "./scenario";
import type { Scenario, ScenarioCall } from "./scenario";
import { ScenarioRun } from "./scenario-run";

beforeAll(async () => {
  await init();
});

async function recorded(parts: Partial<Scenario>): Promise<Recording> {
  const scenario = { ...blank(), length: 2 * HOUR, ...parts };
  const desk = newDesk(scenario);
  try {
    const run = new ScenarioRun(desk, scenario, () => Promise.reject(new Error("there is no script")));
    await run.finish(() => Promise.resolve(true));
    return run.recording;
  } finally {
    desk.free();
  }
}

function call(id: number, minute: number, method: ScenarioCall["method"], path: string): ScenarioCall {
  return { id, at: minute * MINUTE, method, path };
}

test("a webhook is unregistered by the call that the console makes", async () => {
  const { start, tracks } = await recorded({
    receivers: [newReceiver("Shop"), newReceiver("Other")],
    acts: [
      call(1, 10, "DELETE", "/webhooks/unregister/{webhook:0}"),
      call(2, 20, "DELETE", "/webhooks/{webhook:1}"),
      call(3, 30, "DELETE", "/webhooks/{webhook:1}/secrets/none"),
    ],
  });
  expect(tracks.map(({ unregisteredAt }) => unregisteredAt)).toEqual([start + 10 * MINUTE, null]);
});

test("while a webhook is down, its attempts wait for a probe and not for the retry schedule", async () => {
  const outage = { from: 0, to: 2 * HOUR, kind: "refused" } as const;
  const { attempts, end } = await recorded({
    receivers: [{ ...newReceiver("Shop"), outages: [outage] }],
    load: { tickets: 40, from: 0, to: HOUR, updates: 0, closes: false },
  });
  const latest = new Map(attempts.map((sent) => [sent.seq, sent]));
  expect(latest.size).toBeGreaterThan(1);
  for (const { next, held } of latest.values()) {
    expect(next).toBeNull();
    expect(held?.reason).toBe("failing");
    expect(held?.probe).toBeGreaterThan(end - HOUR);
  }
});
