/** The simulator's web worker: it runs scenarios, so that the page stays responsive. */

import { IncidentPlayer, init, reset, sign, verify } from "hookdesk";

import { Refused, problemOf } from "../../lib/http/backend";
import { DeskHistory, incidentFile, newDesk } from "./desk-history";
import { replay } from "./incident-replay";
import type { AttemptDetail, WorkerReply, WorkerRequest } from "./messages";
import type { Recording } from "./recording";
import { behaviourSource } from "./scenario";
import type { Scenario } from "./scenario";
import { ScenarioRun } from "./scenario-run";
import type { ApiResponse } from "./scenario-run";
import { ScriptSandbox } from "./script-sandbox";
import { PURPOSE } from "./seeded-random";

/** Milliseconds between two reports of progress. */
const REPORT_MS = 30;

const ready = init();
const sandbox = new ScriptSandbox();
/** The history of the latest finished run. */
let history: DeskHistory | null = null;
/** Id of the latest request that computes something. It supersedes earlier ones. */
let latest = 0;

function reply(message: WorkerReply): void {
  postMessage(message);
}

onmessage = async ({ data, ports }: MessageEvent<{ id: number; request: WorkerRequest }>) => {
  const { id, request } = data;
  try {
    await ready;
    const [port] = ports;
    if (request.what === "sandbox" && port) sandbox.connect(port);
    else if (request.what !== "sandbox") reply({ id, done: await handle(id, request) });
  } catch (error) {
    const cause = error instanceof Refused ? error.cause : error;
    if (cause instanceof Error && cause.name === "Broken") restart();
    reply({ id, refused: problemOf(error) });
  }
};

/** Replaces the WebAssembly instance, which a malformed file may break. Its desks are rebuilt. */
function restart(): void {
  reset();
  if (history) history = new DeskHistory(history.run);
}

type Computable = Exclude<WorkerRequest, { what: "sandbox" }>;

async function handle(id: number, request: Computable): Promise<unknown> {
  switch (request.what) {
    case "compute":
      return compute(id, request.scenario);
    case "detail":
      return detail(request.index);
    case "read":
      return read(request.at, request.path);
    case "response":
      return history?.run.responses.get(request.call) ?? null;
    case "sign":
      return sign(request.secret, request.id, request.seconds, request.body);
    case "export":
      return incidentFile(latestRun());
    case "incident":
      return replay(request.text, (header) => new IncidentPlayer(header), reporter(id));
  }
}

/** A function that reports progress, lets other messages in, and returns whether to go on. */
function reporter(id: number): (done: number) => Promise<boolean> {
  latest = id;
  let reported = performance.now();
  return async (done) => {
    // The page would take progress of a superseded request for that of the latest.
    if (latest !== id) return false;
    if (performance.now() - reported < REPORT_MS) return true;
    reported = performance.now();
    reply({ id, progress: done });
    await new Promise((resolve) => setTimeout(resolve));
    return latest === id;
  };
}

/** The recording of a scenario; `null` when another request superseded this one. */
async function compute(id: number, scenario: Scenario): Promise<Recording | null> {
  const desk = newDesk(scenario);
  const run = new ScenarioRun(desk, scenario, (index, request) =>
    sandbox.react({ run: id, index, source: scriptOf(scenario, index), request }),
  );
  try {
    if (!(await run.finish(reporter(id)))) return null;
  } finally {
    desk.free();
  }
  history?.free();
  history = new DeskHistory(run);
  return run.recording;
}

function scriptOf({ receivers }: Scenario, index: number): string {
  const behaviour = receivers[behaviourSource(receivers, index)]?.behaviour;
  return behaviour?.kind === "script" ? behaviour.source : "";
}

/** An attempt's request, and the verification of its signature. */
function detail(index: number): AttemptDetail | null {
  const run = history?.run;
  const request = run?.requests[index];
  if (!run || !request) return null;
  const { url, headers, body, key } = request;
  const own = run.secrets.filter(({ webhook }) => webhook === key.webhook);
  const secrets = own.map(({ secret }) => secret);
  const verdict = verify(headers, body, secrets, key.sentAtMs);
  return { url, headers, body, secrets, verdict };
}

/** The response to a GET at a time of the run. */
function read(at: number, target: string): ApiResponse {
  const run = latestRun();
  const desk = history?.deskAt(at);
  const [path = "", query = ""] = target.split("?");
  const call = { method: "GET", path, query };
  const input = { at: { nowMs: at, chance: run.random.chance(PURPOSE.desk) }, call };
  const response = desk?.run([input])[0]?.response;
  if (!response) throw noRun();
  return { status: response.status, body: response.body };
}

function latestRun(): ScenarioRun {
  if (!history) throw noRun();
  return history.run;
}

function noRun(): Refused {
  const detail = "No scenario has been computed yet. Wait until it is.";
  return new Refused({ title: "There is no desk yet", detail, code: "no_scenario" });
}
