// Player of a transcript, the same in every runtime: passes the inputs to a desk of the package, and
// hashes all output.

/** @param {typeof import("hookdesk")} hookdesk */
export function player({ init, IncidentPlayer, MemoryDesk }) {
  let desk;
  let damage;
  let step = 0;
  let hash = "";
  let outputs = [];
  let worked = 0;
  let ran = 0;

  /** Takes a line, and gives the line to answer with, if one is due. */
  return async function play(line) {
    const told = JSON.parse(line);
    if (told.beginning !== undefined) {
      await init();
      damage = told.damage ?? undefined;
      desk = new MemoryDesk(told.beginning.at, told.beginning.options, true);
      return undefined;
    }
    if (told.show) return JSON.stringify(outputs);
    if (told.crossings) return JSON.stringify(crossings(desk, told.crossings));
    if (told.incident) return JSON.stringify(again(IncidentPlayer, told.incident));
    const start = performance.now();
    const handled = desk.run(told.inputs);
    ran += performance.now() - start;
    outputs = handled.map((one) => JSON.stringify(one));
    if (damage >= step && damage < step + outputs.length) {
      outputs[damage - step] = outputs[damage - step].replace("requests", "Requests");
    }
    step += outputs.length;
    const text = new TextEncoder().encode(`${hash}\n${outputs.join("\n")}`);
    const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", text));
    hash = Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
    worked += performance.now() - start;
    return JSON.stringify({ hash, worked_ms: worked, ran_ms: ran });
  };
}

/** Decides an incident file again, and gives where the chain ends and the first difference. */
function again(IncidentPlayer, [header, ...lines]) {
  const incident = new IncidentPlayer(header);
  const steps = lines.map((line) => incident.play(line));
  const difference = steps.find((step) => step.difference !== undefined)?.difference ?? null;
  return { chain: steps.at(-1).chain, difference };
}

/** Microseconds that one call of the module takes beyond what is done in it. */
function crossings(desk, inputs) {
  const timed = (step) => {
    const start = performance.now();
    step();
    return performance.now() - start;
  };
  const apart = timed(() => inputs.forEach((input) => desk.run([input])));
  const together = timed(() => desk.run(inputs));
  return ((apart - together) * 1000) / inputs.length;
}
