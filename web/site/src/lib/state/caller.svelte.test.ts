import { afterEach, beforeEach, expect, test, vi } from "vitest";

import { HttpBackend } from "../http/http-backend";
import { Caller } from "./caller.svelte";

const KEY = "hdk_right";
/** The keys that the desk takes. */
let live: Set<string>;
/** What was sent: the path and the key. */
let sent: [path: string, key: string | null][];
/** Whether the desk sets cookies, and the key of the session whose cookie the browser has. */
let setsCookies: boolean;
let session: string | null;

beforeEach(() => {
  live = new Set([KEY]);
  sent = [];
  setsCookies = false;
  session = null;
  vi.stubGlobal("fetch", async (path: string, request: RequestInit) => {
    const { authorization } = request.headers as Record<string, string>;
    const bearer = authorization?.replace("Bearer ", "") ?? null;
    sent.push([path, bearer]);
    if (path === "./session" && request.method === "POST") {
      if (!setsCookies) return refusal(409, "no_public_url", "This desk sets no cookies.");
      const shown = JSON.parse(String(request.body)) as { key?: string; link?: string };
      session = shown.key ?? shown.link ?? null;
    }
    const key = bearer ?? session;
    if (path === "./session" && request.method === "DELETE") session = null;
    const caller = bearer === null ? "session" : "key";
    if (key !== null && live.has(key)) return Response.json({ data: { caller, name: key, scopes: [] } });
    const detail = key === null ? "Send an API key." : "The key is unknown, revoked or expired.";
    return refusal(401, "unauthorized", detail);
  });
});

function refusal(status: number, code: string, detail: string): Response {
  return Response.json({ title: "Refused", detail, code }, { status });
}

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
  await caller.signOut();
  expect(caller).toMatchObject({ me: null, isAsked: true, refusal: null });
  await expect(backend.call("GET", "/me")).rejects.toThrow("Send an API key.");
  expect(sent).toEqual([["./me", null]]);
});

test("where the desk sets cookies the browser is signed in, and no key is kept", async () => {
  setsCookies = true;
  const { caller, backend } = await signedIn();
  await backend.call("GET", "/tickets");
  expect(sent).toEqual([["./tickets", null]]);
  expect(caller).toMatchObject({ me: { name: KEY, caller: "session" }, isAsked: false });
  const reloaded = new Caller(new HttpBackend());
  await reloaded.load();
  expect(reloaded).toMatchObject({ me: { name: KEY }, isAsked: false });
  await caller.signOut();
  expect(sent.at(-1)).toEqual(["./session", null]);
  expect([session, caller.me]).toEqual([null, null]);
});

test("a session that ends is told, and one that began in another tab goes on", async () => {
  setsCookies = true;
  const { caller, backend } = await signedIn();
  live.clear();
  await expect(backend.call("GET", "/tickets")).rejects.toThrow("revoked or expired");
  expect(caller).toMatchObject({ me: { name: KEY }, isAsked: true });
  expect(caller.refusal).not.toBeNull();
  await expect(caller.resume()).rejects.toThrow();
  session = "hdk_other";
  live.add(session);
  await caller.resume();
  await backend.call("GET", "/tickets");
  expect(caller).toMatchObject({ me: { name: "hdk_other" }, isAsked: false, refusal: null });
});

test("signing out of a session that has ended signs out", async () => {
  setsCookies = true;
  const { caller } = await signedIn();
  live.clear();
  await caller.signOut();
  expect(caller).toMatchObject({ me: null, isAsked: true });
});

test("a link signs in as its partner", async () => {
  setsCookies = true;
  live.add("hdl_link");
  const caller = new Caller(new HttpBackend());
  await caller.followLink("hdl_link", "acme");
  expect(caller).toMatchObject({ me: { name: "hdl_link", caller: "session" }, isAsked: false });
  await expect(caller.followLink("hdl_used", "acme")).rejects.toThrow();
  expect(caller.me).toMatchObject({ name: "hdl_link" });
});

test("a desk of another origin is shown the key with each call, and keeps no session", async () => {
  setsCookies = true;
  const backend = new HttpBackend("https://desk.example/");
  const caller = new Caller(backend);
  await caller.signIn(KEY);
  await backend.call("GET", "/tickets");
  expect(sent).toEqual([
    ["https://desk.example/me", KEY],
    ["https://desk.example/tickets", KEY],
  ]);
  expect(session).toBeNull();
});
