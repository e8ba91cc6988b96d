import { expect, test } from "vitest";

import { PRESETS } from "./presets";
import { fromFragment, parse, toFragment } from "./scenario-file";

test("every ready-made rehearsal comes out of a link and of a file as it went in", async () => {
  for (const make of Object.values(PRESETS)) {
    const rehearsal = make();
    const fragment = await toFragment(rehearsal);
    expect(await fromFragment(fragment ?? "")).toEqual(rehearsal);
    expect(parse(JSON.stringify(rehearsal))).toEqual(rehearsal);
  }
});

test("what is no rehearsal is refused, with the field that is wrong", () => {
  const good = PRESETS.weekend?.();
  const [receiver] = good?.receivers ?? [];
  for (const [parts, why] of [
    [{ hookdesk_rehearsal: 2 }, "newer version"],
    [{ length: 0 }, "length must be a whole number"],
    [{ start: 0.5 }, "start must be"],
    [{ title: 5 }, "title must be a text"],
    [{ receivers: Array(13).fill(receiver) }, "receivers has 13 entries; the most are 12"],
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
    expect(() => parse(JSON.stringify({ ...good, ...parts })), why).toThrow(why);
  }
  expect(() => parse("[]")).toThrow("must be an object");
  expect(() => parse("{")).toThrow("not JSON");
});

test("a link that was cut, or that unpacks to more than it should, is refused", async () => {
  const fragment = (await toFragment(PRESETS.weekend?.() as never)) ?? "";
  await expect(fromFragment(fragment.slice(0, -20))).rejects.toThrow("The link is not whole");
  await expect(fromFragment("#rehearsal=%%%")).rejects.toThrow("The link is not whole");
  const bomb = { title: "x".repeat(5_000_000) };
  await expect(fromFragment((await toFragment(bomb as never)) ?? "")).rejects.toThrow("not whole");
});
