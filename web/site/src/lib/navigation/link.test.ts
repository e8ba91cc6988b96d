import { expect, test } from "vitest";

import { linkIn } from "./link";

test("a link is a partner and a token", () => {
  expect(linkIn("#link/acme/hdl_abc")).toEqual({ partner: "acme", token: "hdl_abc" });
  for (const hash of ["", "#/webhooks", "#link", "#link/acme", "#link/acme/", "#link//t", "#link/a/b/c"]) {
    expect(linkIn(hash), hash).toBeNull();
  }
});
