/** Pictures of a recording on a canvas. */

import type { Outcome, Recording, Track } from "../engine/recording";
import { lastBefore, outcomeOf } from "../engine/recording";
import type { Turn, TurnKind } from "../engine/transitions";

export interface View {
  from: number;
  to: number;
}

/** The colours of the page, as it has them at this time. */
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
  // A name may stand for one of two colours, which only a property that is used tells.
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

/** A canvas of so many CSS pixels, sharp on every screen and empty. */
export function blank(canvas: HTMLCanvasElement, width: number, height: number) {
  const ratio = globalThis.devicePixelRatio || 1;
  canvas.width = Math.max(1, Math.round(width * ratio));
  canvas.height = Math.max(1, Math.round(height * ratio));
  const context = canvas.getContext("2d");
  context?.scale(ratio, ratio);
  return context;
}

/** Marks are drawn on so many heights, by ticket, so that those of one burst lie apart. */
const HEIGHTS = 5;
/** Half the size of a mark. */
const HALF = 3.5;

export function heightOf(lane: number | null, height: number): number {
  const row = lane === null ? 0 : lane % HEIGHTS;
  return HALF + 2 + (row * (height - 2 * HALF - 4)) / (HEIGHTS - 1);
}

/** One track's attempts. Marks that would cover each other are drawn once. */
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
  const first = Math.max(0, lastBefore(attempts, from, ({ at }) => at) - 1);
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
    // How long it took is a line, where it is long enough to be seen.
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

/** Outcomes differ in shape, and not in colour alone. */
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

/** Health as a band, what is owed as a hill, and how wide the window is as a line. */
export function paintStanding(
  context: CanvasRenderingContext2D,
  { stands }: Track,
  { from, to }: View,
  [width, height]: [number, number],
  end: number,
  colours: Colours,
): void {
  const scale = width / (to - from);
  const x = (at: number): number => Math.min(Math.max((at - from) * scale, -1), width + 1);
  const most = stands.reduce((high, { backlog }) => Math.max(high, backlog), 1);
  const widest = stands.reduce((high, { window }) => Math.max(high, window), 1);
  const first = Math.max(0, lastBefore(stands, from, ({ at }) => at) - 1);
  let drawn = -2;
  context.lineWidth = 1.5;
  for (let index = first; index < stands.length; index += 1) {
    const stand = stands[index];
    if (!stand || stand.at > to) break;
    const [left, right] = [x(stand.at), x(stands[index + 1]?.at ?? end)];
    // Of many within a pixel the widest is seen, and the last.
    if (right <= drawn + 0.5 && stands[index + 1]) continue;
    drawn = right;
    const isWell = stand.status === "active" && !stand.down;
    context.fillStyle = isWell ? colours.good : stand.down ? colours.bad : colours.wash;
    context.fillRect(left, 0, Math.max(right - left, 0.75), height);
    const hill = (stand.backlog / most) * (height - 4);
    context.fillStyle = isWell ? colours.soft : colours.retry;
    context.globalAlpha = 0.45;
    context.fillRect(left, height - hill, Math.max(right - left, 0.75), hill);
    context.globalAlpha = 1;
    const level = height - 1 - (stand.window / widest) * (height - 3);
    context.fillStyle = colours.ink;
    context.fillRect(left, level, Math.max(right - left, 0.75), 1);
  }
}

/** Turns as flags on a band. They differ in shape, and not in colour alone. */
export function paintTurns(
  context: CanvasRenderingContext2D,
  turns: Turn[],
  { from, to }: View,
  [width, height]: [number, number],
  colours: Colours,
): void {
  const last = new Map<TurnKind, number>();
  for (const { at, kind } of turns) {
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

function paintFlag(context: CanvasRenderingContext2D, kind: TurnKind, x: number): void {
  const points: Record<TurnKind, [number, number][]> = {
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

/** The turn of a track that lies nearest to a place, if one is near enough. */
export function nearestTurn(turns: Turn[], track: number, { from, to }: View, width: number, px: number): number | null {
  let best: { index: number; far: number } | null = null;
  for (const [index, turn] of turns.entries()) {
    const far = Math.abs(((turn.at - from) / (to - from)) * width - px);
    if (turn.track === track && far <= FLAG + 4 && far < (best?.far ?? Infinity)) best = { index, far };
  }
  return best?.index ?? null;
}

/** The attempt that lies nearest to a point, if one is near enough. */
export function nearest(
  { attempts, events }: Recording,
  track: number | null,
  { from, to }: View,
  [width, height]: [number, number],
  [px, py]: [number, number],
): number | null {
  const scale = width / (to - from);
  const reach = 9;
  const first = Math.max(0, lastBefore(attempts, from + (px - reach) / scale, ({ at }) => at) - 1);
  let best: { index: number; far: number } | null = null;
  for (let index = first; index < attempts.length; index += 1) {
    const sent = attempts[index];
    if (!sent) break;
    const x = (sent.at - from) * scale;
    if (x > px + reach) break;
    if (track !== null && sent.track !== track) continue;
    const y = heightOf(events[sent.seq]?.lane ?? null, height);
    const far = (x - px) ** 2 + (y - py) ** 2;
    if (far <= reach ** 2 * 2 && (!best || far < best.far)) best = { index, far };
  }
  return best?.index ?? null;
}
