/** Drawing of a recording on canvases. */

import { countUpTo, outcomeOf } from "../engine/recording";
import type { Outcome, Recording, Track } from "../engine/recording";
import type { Transition, TransitionKind } from "../engine/transitions";

export interface View {
  from: number;
  to: number;
}

/** The page's colours in the current theme. */
export interface Colours extends Record<Outcome, string> {
  line: string;
  soft: string;
  ink: string;
  good: string;
  bad: string;
  wash: string;
}

export function coloursOf(element: Element): Colours {
  const style = getComputedStyle(element);
  // `light-dark()` is resolved only where a property uses it.
  const probe = document.createElement("i");
  element.append(probe);
  const colour = (name: string): string => {
    probe.style.color = `var(--${name})`;
    return getComputedStyle(probe).color || style.color;
  };
  const colours = {
    delivered: colour("good"),
    retry: colour("bad"),
    busy: colour("warn"),
    lost: colour("info"),
    "given-up": colour("ink"),
    line: colour("line"),
    soft: colour("soft"),
    ink: colour("ink"),
    good: colour("good-wash"),
    bad: colour("bad-wash"),
    wash: colour("quiet-wash"),
  };
  probe.remove();
  return colours;
}

/** Sets a canvas to a size in CSS pixels, at the screen's resolution, and clears it. */
export function cleared(canvas: HTMLCanvasElement, width: number, height: number) {
  const ratio = globalThis.devicePixelRatio || 1;
  canvas.width = Math.max(1, Math.round(width * ratio));
  canvas.height = Math.max(1, Math.round(height * ratio));
  const context = canvas.getContext("2d");
  context?.scale(ratio, ratio);
  return context;
}

/** Number of rows of marks, one for each lane in turn, so that marks of a burst lie apart. */
const HEIGHTS = 5;
/** Half the size of a mark. */
const HALF = 3.5;

export function heightOf(lane: number | null, height: number): number {
  const row = lane === null ? 0 : lane % HEIGHTS;
  return HALF + 2 + (row * (height - 2 * HALF - 4)) / (HEIGHTS - 1);
}

/** Draws one track's attempts. Equal marks at the same place are drawn once. */
export function paintMarks(
  context: CanvasRenderingContext2D,
  { attempts, events }: Recording,
  track: number,
  { from, to }: View,
  [width, height]: [number, number],
  colours: Colours,
): void {
  const scale = width / (to - from);
  const drawn = new Set<string>();
  const first = Math.max(0, countUpTo(attempts, from, ({ at }) => at) - 1);
  for (let index = first; index < attempts.length; index += 1) {
    const sent = attempts[index];
    if (!sent || sent.at > to) break;
    if (sent.track !== track) continue;
    const x = Math.round((sent.at - from) * scale);
    const y = heightOf(events[sent.seq]?.lane ?? null, height);
    const outcome = outcomeOf(sent);
    const key = `${x} ${y} ${outcome}`;
    if (drawn.has(key)) continue;
    drawn.add(key);
    // How long it accepted is a line, where it is long enough to be seen.
    const long = (sent.end - sent.at) * scale;
    context.strokeStyle = context.fillStyle = colours[outcome];
    if (long > 2 * HALF) {
      context.globalAlpha = 0.4;
      context.fillRect(x, y - 1, long, 2);
      context.globalAlpha = 1;
    }
    paintMark(context, outcome, x, y);
  }
}

/** Draws the mark of an outcome. Outcomes differ in shape, not only in colour. */
export function paintMark(context: CanvasRenderingContext2D, outcome: Outcome, x: number, y: number): void {
  context.lineWidth = 1.75;
  context.beginPath();
  switch (outcome) {
    case "delivered":
      context.arc(x, y, HALF - 0.5, 0, 2 * Math.PI);
      context.fill();
      return;
    case "retry":
      context.moveTo(x - HALF, y - HALF);
      context.lineTo(x + HALF, y + HALF);
      context.moveTo(x + HALF, y - HALF);
      context.lineTo(x - HALF, y + HALF);
      break;
    case "busy":
      context.rect(x - HALF + 0.5, y - HALF + 0.5, 2 * HALF - 1, 2 * HALF - 1);
      break;
    case "lost":
      context.arc(x, y, HALF - 0.5, 0, 2 * Math.PI);
      break;
    case "given-up":
      context.rect(x - HALF, y - HALF, 2 * HALF, 2 * HALF);
      context.fill();
      return;
  }
  context.stroke();
}

/** Draws health as a band, the backlog as an area, and the window as a line. */
export function paintState(
  context: CanvasRenderingContext2D,
  { states }: Track,
  { from, to }: View,
  [width, height]: [number, number],
  end: number,
  colours: Colours,
): void {
  const scale = width / (to - from);
  const x = (at: number): number => Math.min(Math.max((at - from) * scale, -1), width + 1);
  const most = states.reduce((high, { backlog }) => Math.max(high, backlog), 1);
  const widest = states.reduce((high, { window }) => Math.max(high, window), 1);
  const first = Math.max(0, countUpTo(states, from, ({ at }) => at) - 1);
  let drawn = -2;
  context.lineWidth = 1.5;
  for (let index = first; index < states.length; index += 1) {
    const state = states[index];
    if (!state || state.at > to) break;
    const [left, right] = [x(state.at), x(states[index + 1]?.at ?? end)];
    // Of several states within a pixel, only the last is drawn.
    if (right <= drawn + 0.5 && states[index + 1]) continue;
    drawn = right;
    const isHealthy = state.status === "active" && !state.down;
    context.fillStyle = isHealthy ? colours.good : state.down ? colours.bad : colours.wash;
    context.fillRect(left, 0, Math.max(right - left, 0.75), height);
    const area = (state.backlog / most) * (height - 4);
    context.fillStyle = isHealthy ? colours.soft : colours.retry;
    context.globalAlpha = 0.45;
    context.fillRect(left, height - area, Math.max(right - left, 0.75), area);
    context.globalAlpha = 1;
    const level = height - 1 - (state.window / widest) * (height - 3);
    context.fillStyle = colours.ink;
    context.fillRect(left, level, Math.max(right - left, 0.75), 1);
  }
}

/** Draws transitions as flags. They differ in shape, not only in colour. */
export function paintTransitions(
  context: CanvasRenderingContext2D,
  transitions: Transition[],
  { from, to }: View,
  [width, height]: [number, number],
  colours: Colours,
): void {
  const last = new Map<TransitionKind, number>();
  for (const { at, kind } of transitions) {
    const x = Math.round(((at - from) / (to - from)) * width);
    if (x < -FLAG || x > width + FLAG || x - (last.get(kind) ?? -Infinity) < 3) continue;
    last.set(kind, x);
    const isBad = kind === "down" || kind === "disabled";
    context.fillStyle = isBad ? colours.retry : kind === "paused" ? colours.ink : colours.delivered;
    context.fillRect(x - 0.5, 0, 1, height);
    paintFlag(context, kind, x);
  }
}

/** Half the width of a flag. */
const FLAG = 5;

function paintFlag(context: CanvasRenderingContext2D, kind: TransitionKind, x: number): void {
  const points: Record<TransitionKind, [number, number][]> = {
    down: [[-FLAG, 0], [FLAG, 0], [0, 8]],
    back: [[-FLAG, 8], [FLAG, 8], [0, 0]],
    active: [[-FLAG, 8], [FLAG, 8], [0, 0]],
    "caught-up": [[0, 0], [FLAG, 5], [0, 10], [-FLAG, 5]],
    paused: [[-FLAG, 0], [-2, 0], [-2, 8], [-FLAG, 8]],
    disabled: [[-FLAG, 0], [FLAG, 0], [FLAG, 8], [-FLAG, 8]],
  };
  context.beginPath();
  for (const [dx, y] of points[kind]) context.lineTo(x + dx, y);
  context.fill();
  if (kind === "paused") context.fillRect(x + 2, 0, FLAG - 2, 8);
}

/** Pixels from a mark within which it is hit: a target of 24 pixels. */
const REACH = 12;

/** Index of a track's transition near a position in pixels, if there is one. */
export function nearestTransition(
  transitions: Transition[],
  track: number,
  { from, to }: View,
  width: number,
  px: number,
): number | null {
  let best: { index: number; far: number } | null = null;
  for (const [index, transition] of transitions.entries()) {
    const far = Math.abs(((transition.at - from) / (to - from)) * width - px);
    const isNear = far <= REACH && far < (best?.far ?? Infinity);
    if (transition.track === track && isNear) best = { index, far };
  }
  return best?.index ?? null;
}

/** Index of the attempt near a point, if there is one. */
export function nearestAttempt(
  { attempts, events }: Recording,
  track: number | null,
  { from, to }: View,
  [width, height]: [number, number],
  [px, py]: [number, number],
): number | null {
  const scale = width / (to - from);
  const first = Math.max(0, countUpTo(attempts, from + (px - REACH) / scale, ({ at }) => at) - 1);
  let best: { index: number; far: number } | null = null;
  for (let index = first; index < attempts.length; index += 1) {
    const sent = attempts[index];
    if (!sent) break;
    const x = (sent.at - from) * scale;
    if (x > px + REACH) break;
    if (track !== null && sent.track !== track) continue;
    const y = heightOf(events[sent.seq]?.lane ?? null, height);
    const far = (x - px) ** 2 + (y - py) ** 2;
    if (far <= REACH ** 2 && (!best || far < best.far)) best = { index, far };
  }
  return best?.index ?? null;
}
