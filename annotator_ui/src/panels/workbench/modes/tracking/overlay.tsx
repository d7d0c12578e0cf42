/** What lies over the picture: trails, outlines before and after, what is chosen, what is suspicious. */

import { useComputed, useSignal, useSignalEffect } from "@preact/signals";
import { useRef } from "preact/hooks";
import { outlines, type Side } from "../../../../labels/outlines";
import { trackColour } from "../../../../lineage/colours";
import type { Cell } from "../../../../lineage/cells";
import { linksOf } from "../../../../lineage/fixes";
import { cellIn, lastUpTo } from "../../../../lineage/lineage";
import { trails } from "../../../../lineage/trails";
import { toScreen } from "../../../../layers/view";
import type { Tracking } from "../../../../session/tracking";
import type { Display } from "../../display";
import type { Look } from "./look";

/** Of a cell in another frame. */
interface Ghost {
  readonly cell: Cell;
  readonly kind: "before" | "after" | "chosen";
}

export const GHOST_COLOURS: Readonly<Record<Ghost["kind"], string>> = { before: "#ff8fb1", after: "#6ee7ff", chosen: "#ffffff" };
const FIX_COLOURS = { made: "#5fe08a", cut: "#ff7a70" } as const;
const SUSPICIOUS = "#f2b84b";
/** Beyond so many trails their age is no longer shown: a stroke each instead of one a step. */
const MANY = 300;

/** The selected track's cells next to this frame, and those chosen for the tool in hand. */
function ghostsOf(tracking: Tracking, onion: boolean): Ghost[] {
  const frame = tracking.movie.shown.value?.frame;
  if (frame === undefined) return [];
  const lineage = tracking.lineage.value;
  const track = tracking.track.value;
  const found = new Map<string, Ghost>();
  if (onion && track) {
    const here = cellIn(track, frame);
    const last = here ?? lastUpTo(track, frame);
    const before = here ? lineage.parentOf(here.key) : last;
    const after = last ? lineage.childrenOf(last.key) : [track.cells[0]!];
    for (const cell of after) if (cell.frame > frame) found.set(cell.key, { cell, kind: "after" });
    if (before) found.set(before.key, { cell: before, kind: "before" });
  }
  for (const key of tracking.choosing.value.chosen) {
    const cell = tracking.detections.value.get(key);
    if (cell) found.set(key, { cell, kind: "chosen" });
  }
  return [...found.values()];
}

/** The outline of one cell, image coordinates. */
async function outlineOf(tracking: Tracking, { frame, id, box }: Cell): Promise<Side[]> {
  const map = await tracking.masks.at(frame);
  const { y0, x0, y1, x1 } = box;
  const width = x1 - x0;
  const part = new Uint8Array((y1 - y0) * width);
  for (let y = y0; y < y1; y++) for (let x = x0; x < x1; x++) if (map.at(y, x) === id) part[(y - y0) * width + x - x0] = 1;
  return outlines(part, y1 - y0, width).map((side) => ({ ...side, y0: side.y0 + y0, x0: side.x0 + x0, y1: side.y1 + y0, x1: side.x1 + x0 }));
}

class Pen {
  constructor(
    private readonly context: CanvasRenderingContext2D,
    private readonly display: Display,
  ) {}

  private at(cell: { y: number; x: number }): { y: number; x: number } {
    return toScreen(this.display.view.value, cell);
  }

  line(points: readonly { y: number; x: number }[], colour: string, width: number, alpha = 1, dash: number[] = []): void {
    const { context } = this;
    context.globalAlpha = alpha;
    context.strokeStyle = colour;
    context.lineWidth = width;
    context.setLineDash(dash);
    context.beginPath();
    points.forEach((point, i) => {
      const { y, x } = this.at(point);
      if (i === 0) context.moveTo(x, y);
      else context.lineTo(x, y);
    });
    context.stroke();
  }

  sides(sides: readonly Side[], colour: string, dash: number[]): void {
    const { context } = this;
    context.globalAlpha = 1;
    context.strokeStyle = colour;
    context.lineWidth = 1.6;
    context.setLineDash(dash);
    context.beginPath();
    for (const { y0, x0, y1, x1 } of sides) {
      const from = this.at({ y: y0, x: x0 });
      const to = this.at({ y: y1, x: x1 });
      context.moveTo(from.x, from.y);
      context.lineTo(to.x, to.y);
    }
    context.stroke();
  }

  /** A box with a margin around a cell. */
  frame({ box }: Cell, colour: string, width: number): void {
    const { context } = this;
    const from = this.at({ y: box.y0, x: box.x0 });
    const to = this.at({ y: box.y1, x: box.x1 });
    context.globalAlpha = 1;
    context.strokeStyle = colour;
    context.lineWidth = width;
    context.setLineDash([]);
    context.strokeRect(from.x - 5, from.y - 5, to.x - from.x + 10, to.y - from.y + 10);
  }

  dot(cell: Cell, colour: string, radius: number): void {
    const { y, x } = this.at(cell);
    this.context.globalAlpha = 1;
    this.context.fillStyle = colour;
    this.context.beginPath();
    this.context.arc(x, y, radius, 0, 2 * Math.PI);
    this.context.fill();
  }

  word(cell: Cell, text: string, colour: string): void {
    const { context } = this;
    const { y, x } = this.at(cell);
    context.globalAlpha = 1;
    context.font = "600 12px system-ui, sans-serif";
    context.textAlign = "center";
    context.textBaseline = "middle";
    context.setLineDash([]);
    context.lineWidth = 3;
    context.strokeStyle = "rgb(0 0 0 / 0.75)";
    context.strokeText(text, x, y);
    context.fillStyle = colour;
    context.fillText(text, x, y);
  }
}

function drawTrails(pen: Pen, tracking: Tracking, frame: number, length: number): void {
  const selected = tracking.track.value;
  const found = trails(tracking.lineage.value, frame, length);
  const many = found.length > MANY;
  for (const { track, path } of found) {
    if (track === selected) continue;
    const colour = trackColour(track.number);
    if (many) pen.line(path, colour, 1.5, 0.7);
    else for (let i = 1; i < path.length; i++) pen.line([path[i - 1]!, path[i]!], colour, 1.5, Math.max(0.15, 0.85 - (0.7 * (frame - path[i]!.frame)) / length));
  }
  for (const { track, path } of found) {
    if (track !== selected) continue;
    pen.line(path, "#000000", 4.5, 0.5);
    pen.line(path, "#ffffff", 2.2);
    for (const cell of path) pen.dot(cell, trackColour(track.number), 2.4);
  }
}

export function Overlay({ tracking, display, look }: { tracking: Tracking; display: Display; look: Look }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const ghosts = useComputed(() => ghostsOf(tracking, look.onion.value));
  const drawn = useSignal<readonly { ghost: Ghost; sides: readonly Side[] }[]>([]);
  useSignalEffect(() => {
    const wanted = ghosts.value;
    Promise.all(wanted.map(async (ghost) => ({ ghost, sides: await outlineOf(tracking, ghost.cell) }))).then(
      (found) => ghosts.peek() === wanted && (drawn.value = found),
      () => {}, // a frame that cannot be read is told of where the person goes there
    );
  });

  useSignalEffect(() => {
    const element = canvas.current;
    // In main memory: without a graphics card, a thousand trails are drawn many times faster there.
    const context = element?.getContext("2d", { willReadFrequently: true });
    const shown = tracking.movie.shown.value;
    const { height, width } = display.screen.value;
    if (!element || !context) return;
    const ratio = Math.min(2, window.devicePixelRatio || 1);
    const size = { height: Math.round(height * ratio), width: Math.round(width * ratio) };
    if (element.height !== size.height || element.width !== size.width) Object.assign(element, size);
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, width, height);
    void display.view.value;
    if (!shown) return;
    const pen = new Pen(context, display);
    context.lineCap = "round";
    context.lineJoin = "round";
    if (look.trails.value > 0) drawTrails(pen, tracking, shown.frame, look.trails.value);
    for (const { ghost, sides } of drawn.value)
      if (ghost.cell.frame !== shown.frame) pen.sides(sides, GHOST_COLOURS[ghost.kind], ghost.kind === "chosen" ? [5, 4] : []);
      else if (ghost.kind === "chosen") pen.frame(ghost.cell, "#ffffff", 1.5);
    drawPreview(pen, tracking, display);
    drawFix(pen, tracking);
    for (const { cell, id } of tracking.review.events.value)
      if (cell.frame === shown.frame) pen.frame(cell, SUSPICIOUS, id === tracking.review.current.value ? 2.5 : 1);
    const track = tracking.track.value;
    if (look.numbers.value)
      for (const cell of tracking.detections.value.at(shown.frame)) pen.word(cell, String(tracking.lineage.value.trackOf(cell.key)!.number), "#ffffff");
    else if (track) {
      const cell = cellIn(track, shown.frame);
      if (cell) pen.word(cell, String(track.number), "#ffffff");
    }
  });
  return <canvas ref={canvas} class="tracking-overlay" aria-hidden="true" />;
}

/** From what is chosen to what would be chosen: the cell under the pointer, or the selected one. */
function drawPreview(pen: Pen, tracking: Tracking, display: Display): void {
  const { tool, chosen } = tracking.choosing.value;
  const from = chosen[0] === undefined ? undefined : tracking.detections.value.get(chosen[0]);
  if (tool === "select" || !from) return;
  const pointer = display.pointer.value;
  const to = (pointer && tracking.cellAt(pointer)) ?? tracking.here.value;
  if (!to || to.key === from.key) return;
  pen.line([from, to], "#ffffff", 1.8, 0.9, [6, 4]);
  pen.dot(to, "#ffffff", 3);
}

/** What the proposed correction links, green, and what it cuts, red. */
function drawFix(pen: Pen, tracking: Tracking): void {
  const fix = tracking.fix.value;
  if (!fix || tracking.choosing.value.tool !== "select") return;
  for (const { from, to, kind } of linksOf(tracking.lineage.value, fix).slice(0, MANY)) {
    pen.line([from, to], "#000000", 4, 0.6);
    pen.line([from, to], FIX_COLOURS[kind], 2, 1, [5, 4]);
    pen.dot(to, FIX_COLOURS[kind], 3.2);
  }
}
