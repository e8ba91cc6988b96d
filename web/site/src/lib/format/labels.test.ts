import { expect, test } from "vitest";

import { shortId } from "./labels";

test("an id in short keeps its kind, and the digits in which ids differ", () => {
  expect(shortId("tkt_01977420dca37000800000000000002a")).toBe("tkt_…00002a");
  expect(shortId("service")).toBe("service");
  expect(shortId("wh_1")).toBe("wh_1");
});
