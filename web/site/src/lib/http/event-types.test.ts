import { expect, test } from "vitest";

import { EventTypes } from "./event-types";

const PING = ': hello\n\nid: 1\nevent: ping\ndata: {"a":"event: not one"}\r\n\r\n';
const STREAM = `${PING}event:expired\ndata: {}\n\n`;

test("types are read from a stream that is cut anywhere", () => {
  for (let size = 1; size <= STREAM.length; size += 1) {
    const types = new EventTypes();
    const parts = STREAM.match(new RegExp(`[^]{1,${size}}`, "g")) ?? [];
    expect(parts.flatMap((part) => types.read(part)), `parts of ${size}`).toEqual(["ping", "expired"]);
  }
});

test("a line counts once its end has arrived", () => {
  const types = new EventTypes();
  expect(types.read("event: ticket_op")).toEqual([]);
  expect(types.read("ened")).toEqual([]);
  expect(types.read("\n")).toEqual(["ticket_opened"]);
});
