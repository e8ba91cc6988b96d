import { afterEach, beforeEach, expect, test, vi } from "vitest";

import { HttpBackend } from "../http/http-backend";
import { Caller } from "./caller.svelte";

const KEY = "hdk_right";
/** The keys that the desk takes. */
let live: Set<string>;
/** What was sent: the path and the key. */
let sent: [path: string, key: string | null][];

beforeEach(() => {
  live = new Set([KEY]);
  sent = [];
  vi.stubGlobal("fetch", async (path: string, request: RequestInit) => {
    const { authorization } = request.headers as Record<string, string>;
    const key = authorization?.replace("Bearer ", "") ?? null;
    sent.push([path, key]);
    if (key !== null && live.has(key)) return Response.json({ data: { name: key, scopes: [] } });
    const detail = key === null ? "Send an API key." : "The key is unknown, revoked or expired.";
    return Response.json({ title: "Not signed in", detail, code: "unauthorized" }, { status: 401 });
  });
});

afterEach(() => void vi.unstubAllGlobals());

async function signedIn(): Promise<{ caller: Caller; backend: HttpBackend }> {
  const backend = new HttpBackend();
  const caller = new Caller(backend);
  await caller.load();
  await caller.signIn(KEY);
  sent = [];
  return { caller, backend };
}

test("a desk that asks for a key refuses nothing that was given", async () => {
  const caller = new Caller(new HttpBackend());
  await caller.load();
  expect(caller).toMatchObject({ me: null, isAsked: true, refusal: null, problem: null });
});

test("a key is sent with each call once the desk takes it, without the spaces of its copying", async () => {
  const backend = new HttpBackend();
  const caller = new Caller(backend);
  await caller.load();
  await expect(caller.signIn("hdk_wrong")).rejects.toThrow("unknown, revoked");
  expect(caller).toMatchObject({ me: null, isAsked: true });
  await caller.signIn("  hdk_ri\nght ");
  await backend.call("GET", "/tickets");
  expect(sent.at(-1)).toEqual(["./tickets", KEY]);
  expect(caller).toMatchObject({ me: { name: KEY }, isAsked: false });
});

test("what no header can hold is refused without a call", async () => {
  const { caller } = await signedIn();
  for (const text of ["", "  ", "hdk_ключ"]) {
    await expect(caller.signIn(text)).rejects.toThrow("Copy it again");
  }
  expect(sent).toEqual([]);
});

test("a key that is revoked is asked for again, sent no more, and the caller stays", async () => {
  const { caller, backend } = await signedIn();
  live.clear();
  await expect(backend.call("PATCH", "/tickets/1")).rejects.toThrow("revoked");
  await expect(backend.call("GET", "/tickets")).rejects.toThrow("revoked");
  expect(sent).toEqual([["./tickets/1", KEY]]);
  expect(caller).toMatchObject({ me: { name: KEY }, isAsked: true });
  expect(caller.refusal?.detail).toContain("revoked");
  live.add("hdk_other");
  await caller.signIn("hdk_other");
  await backend.call("GET", "/tickets");
  expect(sent.at(-1)).toEqual(["./tickets", "hdk_other"]);
  expect(caller).toMatchObject({ isAsked: false, refusal: null });
});

test("the late refusal of a former key does not end what another key began", async () => {
  const { caller, backend } = await signedIn();
  live.delete(KEY);
  live.add("hdk_other");
  const late = backend.call("GET", "/tickets");
  backend.useKey("hdk_other");
  await expect(late).rejects.toThrow("revoked");
  expect(caller.isAsked).toBe(false);
});

test("signing out forgets the key", async () => {
  const { caller, backend } = await signedIn();
  caller.signOut();
  expect(caller).toMatchObject({ me: null, isAsked: true, refusal: null });
  await expect(backend.call("GET", "/me")).rejects.toThrow("Send an API key.");
  expect(sent).toEqual([["./me", null]]);
});
