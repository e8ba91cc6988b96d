import { expect, test } from "vitest";

import { excerptAt, fromBase64, hex, visible } from "./bytes";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

test("an excerpt is around a whole character, wherever in it the offset is", () => {
  for (const offset of [2, 3, 4, 5]) {
    expect(excerptAt(bytes("ab🔥cd"), offset, 99)).toEqual({
      before: "ab",
      at: "🔥",
      after: "cd",
      cut: [false, false],
    });
  }
});

test("an excerpt at the end has an empty character, and distant text is cut", () => {
  expect(excerptAt(bytes("abcdef"), 6, 2)).toEqual({
    before: "ef",
    at: "",
    after: "",
    cut: [true, false],
  });
  expect(excerptAt(bytes("abcdef"), 99, 2).at).toBe("");
  expect(excerptAt(bytes("abcdef"), 2, 1)).toEqual({
    before: "b",
    at: "c",
    after: "d",
    cut: [true, true],
  });
  const broken = excerptAt(new Uint8Array([0x61, 0xff, 0x80, 0x80, 0x80, 0x80, 0x80]), 4, 2);
  expect(broken.at).not.toBe("");
});

test("nothing in a text is invisible", () => {
  expect(visible("a\r\n\t\0\x7f\u00a0\ufeff\u202eb\u0085")).toBe(
    "a⟨CR⟩↵\n⇥⟨NUL⟩⟨U+007F⟩⟨NBSP⟩⟨BOM⟩⟨U+202E⟩b⟨U+0085⟩",
  );
  expect(visible("Grüße 🔥")).toBe("Grüße 🔥");
});

test("bytes are read from base64 and shown in hex", () => {
  expect(hex(fromBase64("AP8K") ?? new Uint8Array())).toBe("00ff0a");
  expect(fromBase64("_")).toBeNull();
});
