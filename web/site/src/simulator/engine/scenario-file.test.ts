import { expect, test } from "vitest";

import { PRESETS } from "./presets";
import { parseScenario } from "./scenario-file";
import { fromFragment, sharedFragment, toFragment, withShared } from "./share-link";

test("every preset comes out of a link and of a file unchanged", async () => {
  for (const make of Object.values(PRESETS)) {
    const scenario = make();
    const fragment = await toFragment(scenario);
    expect(await fromFragment(fragment ?? "")).toEqual(scenario);
    expect(parseScenario(JSON.stringify(scenario))).toEqual(scenario);
  }
});

test("an invalid scenario is refused, and the wrong field is named", () => {
  const good = PRESETS.weekend?.();
  const [receiver] = good?.receivers ?? [];
  for (const [parts, why] of [
    [{ hookdesk_rehearsal: 2 }, "newer version"],
    [{ length: 0 }, "length must be a whole number"],
    [{ start: 0.5 }, "start must be"],
    [{ title: 5 }, "title must be a text"],
    [{ receivers: Array(13).fill(receiver) }, "receivers has 13 entries; the limit is 12"],
    [{ receivers: [{ ...receiver, behaviour: { kind: "kind" } }] }, "receivers[0].behaviour.kind"],
    [{ receivers: [{ ...receiver, like: 1 }] }, "receivers[0].like"],
    [{ receivers: [{ ...receiver, outages: [{ from: 9, to: 1, kind: "refused" }] }] }, "outages[0].to"],
    [{ load: { ...good?.load, tickets: 1e9 } }, "load.tickets"],
    [{ acts: [{ id: 1, at: 0, method: "GET", path: "/" }] }, "acts[0].method"],
    [{ acts: Array(2).fill({ id: 7, at: 0, method: "POST", path: "/" }) }, "acts has the id 7 twice"],
    [
      { receivers: [{ ...receiver, behaviour: { kind: "failing", status: 99_999, retryAfter: "" } }] },
      "receivers[0].behaviour.status",
    ],
  ] as const) {
    expect(() => parseScenario(JSON.stringify({ ...good, ...parts })), why).toThrow(why);
  }
  expect(() => parseScenario("[]")).toThrow("must be an object");
  expect(() => parseScenario("{")).toThrow("not JSON");
});

test("the address of a view has the scenario as well", () => {
  for (const [hash, shared, expected] of [
    ["", "#rehearsal=new", "#rehearsal=new"],
    ["#rehearsal=old", "#rehearsal=new", "#rehearsal=new"],
    ["#/webhooks", "#rehearsal=new", "#/webhooks&rehearsal=new"],
    ["#/webhooks&rehearsal=old", "#rehearsal=new", "#/webhooks&rehearsal=new"],
    ["#/webhooks&rehearsal=old", null, "#/webhooks"],
    ["#rehearsal=old", null, ""],
  ] as const) {
    expect(withShared(hash, shared), hash).toBe(expected);
    expect(sharedFragment(expected), expected).toBe(shared);
  }
});

test("a truncated link, and one that unpacks to too much, are refused", async () => {
  const fragment = (await toFragment(PRESETS.weekend?.() as never)) ?? "";
  await expect(fromFragment(fragment.slice(0, -20))).rejects.toThrow("The link is incomplete");
  await expect(fromFragment("#rehearsal=%%%")).rejects.toThrow("The link is incomplete");
  const bomb = { title: "x".repeat(5_000_000) };
  await expect(fromFragment((await toFragment(bomb as never)) ?? "")).rejects.toThrow("incomplete");
});
