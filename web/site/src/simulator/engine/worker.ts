/** Runs rehearsals beside the page, so that the page never waits for one. */

import { IncidentPlayer, MemoryDesk, init, reset, sign, verify } from "hookdesk";
import type { Handled } from "hookdesk";

import { problemOf, Refused } from "../../lib/http/backend";
import type { Ask, Reply } from "./messages";
import { Dice } from "./seeded-random";
import { replay } from "./incident-replay";
import type { Incoming, Reaction } from "./simulated-receiver";
import { original } from "./scenario";
import type { Rehearsal } from "./scenario";
import { OPTIONS, Run } from "./scenario-run";

/** Inputs that are told at once when a desk is brought to some time. */
const CHUNK = 500;
/** Milliseconds for the frame of visitors' receivers to be there, and to say what one of them gave. */
const FRAME_MS = 10_000;

const ready = init();
let run: Run | null = null;
let latest = 0;
let connected: (port: MessagePort) => void;
const sandbox = new Promise<MessagePort>((resolve) => (connected = resolve));

/** The desk as it stood at some time of the run. */
let past: { of: Run; desk: MemoryDesk; told: number; at: number } | null = null;

function say(reply: Reply): void {
  postMessage(reply);
}

onmessage = async ({ data, ports }: MessageEvent<{ id: number; ask: Ask }>) => {
  const { id, ask } = data;
  try {
    await ready;
    const [port] = ports;
    if (ask.what === "sandbox" && port) connect(port);
    else if (ask.what !== "sandbox") say({ id, done: await answer(id, ask) });
  } catch (error) {
    const cause = error instanceof Refused ? error.cause : error;
    if (cause instanceof Error && cause.name === "Broken") renew();
    say({ id, refused: problemOf(error) });
  }
};

/** A file that no desk can decide over may break the core. What was rehearsed can be told anew. */
function renew(): void {
  reset();
  past = null;
}

async function answer(id: number, ask: Exclude<Ask, { what: "sandbox" }>): Promise<unknown> {
  switch (ask.what) {
    case "compute":
      return compute(id, ask.rehearsal);
    case "detail":
      return detail(ask.index);
    case "read":
      return read(ask.at, ask.path);
    case "answer":
      return run?.answers.get(ask.act) ?? null;
    case "sign":
      return sign(ask.secret, ask.id, ask.seconds, ask.body);
    case "export":
      return exported();
    case "incident":
      return replay(ask.text, (header) => new IncidentPlayer(header), stretch(id));
  }
}

/** Lets other messages in, tells how far it is, and says whether to go on. */
function stretch(id: number): (done: number) => Promise<boolean> {
  latest = id;
  let told = performance.now();
  return async (done) => {
    // Whoever is not wanted says nothing more, or the page would take it for the progress of another.
    if (latest !== id) return false;
    if (performance.now() - told < 30) return true;
    told = performance.now();
    say({ id, progress: done });
    await new Promise((resolve) => setTimeout(resolve));
    return latest === id;
  };
}

async function compute(id: number, rehearsal: Rehearsal): Promise<unknown> {
  const desk = begin(rehearsal);
  const react = (place: number, request: Incoming): Promise<Reaction> =>
    ask({ run: id, place, source: sourceOf(rehearsal, place), request });
  const next = new Run(desk, rehearsal, react);
  try {
    if (!(await next.go(stretch(id)))) return null;
  } finally {
    desk.free();
  }
  run = next;
  return next.recording;
}

function begin({ start, seed }: Rehearsal): MemoryDesk {
  return new MemoryDesk({ nowMs: start, chance: new Dice(seed).chance(0) }, OPTIONS);
}

/** What went out, and how its signature is checked. */
function detail(index: number): unknown {
  const outgoing = run?.outgoing[index];
  if (!run || !outgoing) return null;
  const { url, headers, body, key } = outgoing;
  const own = run.secrets.filter(({ webhook }) => webhook === key.webhook);
  const secrets = own.map(({ secret }) => secret);
  const verdict = verify(headers, body, secrets, key.sentAtMs);
  return { url, headers, body, secrets, verdict };
}

/** What a call would be answered at a time. Only calls that change nothing are made so. */
function read(at: number, target: string): unknown {
  if (!run) throw unknown();
  const desk = standing(run, at);
  const [path = "", query = ""] = target.split("?");
  const call = { method: "GET", path, query };
  const [handled] = desk.run([{ at: { nowMs: at, chance: run.dice.chance(0) }, call }]);
  return answered(handled);
}

function answered(handled: Handled | undefined): { status: number; body: string } {
  const response = handled?.response;
  if (!response) throw unknown();
  return { status: response.status, body: response.body };
}

function unknown(): Refused {
  const detail = "Nothing was rehearsed yet. Wait for it to be computed.";
  return new Refused({ title: "There is no desk yet", detail, code: "no_rehearsal" });
}

/** A desk that was told all up to a time. It only goes forward; for earlier times it begins anew. */
function standing(of: Run, at: number): MemoryDesk {
  if (past && (past.of !== of || past.at > at)) {
    past.desk.free();
    past = null;
  }
  past ??= { of, desk: begin(of.rehearsal), told: 0, at };
  const due = of.inputs.findIndex((input) => input.at.nowMs > at);
  const to = due < 0 ? of.inputs.length : due;
  for (; past.told < to; past.told = Math.min(to, past.told + CHUNK)) {
    past.desk.run(of.inputs.slice(past.told, Math.min(to, past.told + CHUNK)));
  }
  past.at = at;
  return past.desk;
}

/** The run as a file that `hookdesk replay` decides again. */
function exported(): string {
  if (!run) throw unknown();
  const desk = begin(run.rehearsal);
  try {
    const at = { nowMs: run.rehearsal.start, chance: run.dice.chance(11) };
    let file = desk.record(at);
    for (let from = 0; from < run.inputs.length; from += CHUNK) {
      const all = desk.run(run.inputs.slice(from, from + CHUNK));
      file += all.map(({ lines }) => lines ?? "").join("");
    }
    return file;
  } finally {
    desk.free();
  }
}

function sourceOf({ receivers }: Rehearsal, place: number): string {
  const behaviour = receivers[original(receivers, place)]?.behaviour;
  return behaviour?.kind === "script" ? behaviour.source : "";
}

const waiting = new Map<number, (reaction: Reaction) => void>();
let asked = 0;

function connect(port: MessagePort): void {
  port.onmessage = ({ data }: MessageEvent<{ number: number; reaction: Reaction }>) => {
    waiting.get(data.number)?.(data.reaction);
    waiting.delete(data.number);
  };
  connected(port);
}

/** Asks the visitor's own receiver, which runs in a frame apart. */
async function ask(of: { run: number; place: number; source: string; request: Incoming }): Promise<Reaction> {
  asked += 1;
  const number = asked;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Refused(NO_FRAME)), FRAME_MS);
  });
  const answered = new Promise<Reaction>((resolve) => waiting.set(number, resolve));
  try {
    const port = await Promise.race([sandbox, late]);
    port.postMessage({ ...of, number });
    return await Promise.race([answered, late]);
  } finally {
    clearTimeout(timer);
    waiting.delete(number);
  }
}

const NO_FRAME = {
  title: "The receiver's code does not run",
  detail: "The frame that it runs in is not there, or is held up by it. Mend the code, or load the page again.",
  code: "no_frame",
};
