/** The lineage tree on a canvas: only the rows in sight are drawn. */

import { trackColour } from "../../../../lineage/colours";
import { missingFrames, stretches, type Track } from "../../../../lineage/lineage";
import { familiesIn, type Family, type Tree } from "../../../../lineage/tree";
import { AXIS, GUTTER, type TreeView } from "./tree-view";

export interface TreeScene {
  readonly tree: Tree;
  /** The frame the person is in. */
  readonly frame: number;
  readonly selected: Track | null;
  /** Track number -> frames of suspicious places. */
  readonly suspicious: ReadonlyMap<number, readonly number[]>;
}

const LINE = "#5b6872";
const DIM = "#93a1ab";
const TEXT = "#e8eef2";
const GROUND = "#12181d";
const SUSPICIOUS = "#f2b84b";
/** A row at least so high, and a bar so long, has the track's number beside it, CSS pixels. */
const READABLE = 12;
const ROOM = 30;

function rootOf(track: Track): Track {
  let root = track;
  while (root.mother) root = root.mother;
  return root;
}

export function drawTree(context: CanvasRenderingContext2D, view: TreeView, scene: TreeScene): void {
  const { width, height } = { width: view.width.value, height: view.height.value };
  const { from, to } = view.rows;
  context.fillStyle = GROUND;
  context.fillRect(0, 0, width, height);
  context.font = "11px system-ui, sans-serif";
  context.textBaseline = "middle";
  const kin = scene.selected && rootOf(scene.selected);
  const families = familiesIn(scene.tree, from - 1, to + 1);
  for (const family of families) {
    if (family.root === kin) {
      context.fillStyle = "rgb(255 255 255 / 0.06)";
      context.fillRect(0, view.y(family.top - 0.5), width, family.rows * view.rowHeight.value);
    }
    drawFamily(context, view, scene, family, from, to);
  }
  drawNow(context, view, scene.frame, height);
  drawGutter(context, view, families, kin, height);
  drawAxis(context, view, scene.frame, width);
}

function drawFamily(context: CanvasRenderingContext2D, view: TreeView, scene: TreeScene, family: Family, from: number, to: number): void {
  const row = view.rowHeight.value;
  const thick = Math.max(2, Math.min(10, row - 4));
  const right = view.width.value;
  const rows = new Map(family.branches.map((branch) => [branch.track, family.top + branch.row]));
  context.strokeStyle = LINE;
  context.lineWidth = 1;
  context.beginPath();
  for (const { track } of family.branches) {
    const mother = track.mother && rows.get(track.mother);
    const at = rows.get(track)!;
    if (mother === null || mother === undefined || Math.max(mother, at) < from - 1 || Math.min(mother, at) > to) continue;
    const x = (view.x(track.mother!.end + 1) + view.x(track.begin)) / 2;
    context.moveTo(view.x(track.mother!.end + 1), view.y(mother));
    context.lineTo(x, view.y(mother));
    context.lineTo(x, view.y(at));
    context.lineTo(view.x(track.begin), view.y(at));
  }
  context.stroke();
  for (const branch of family.branches) {
    const { track } = branch;
    const at = family.top + branch.row;
    const end = family.folded ? family.end : track.end;
    if (at < from - 1 || at > to || view.x(end + 1) < GUTTER || view.x(track.begin) > right) continue;
    const y = view.y(at);
    const high = track === scene.selected ? thick + 4 : thick;
    context.fillStyle = trackColour(track.number);
    context.globalAlpha = scene.selected && track !== scene.selected ? 0.7 : 1;
    for (const [begin, last] of family.folded ? [[track.begin, end] as const] : stretches(track)) {
      const x = view.x(begin);
      context.fillRect(x, y - high / 2, Math.max(1, view.x(last + 1) - x - (view.perFrame > 4 ? 1 : 0)), high);
    }
    if (!family.folded && missingFrames(track) > 0) context.fillRect(view.x(track.begin), y - 0.5, view.x(end + 1) - view.x(track.begin), 1);
    context.globalAlpha = 1;
    if (track === scene.selected) {
      context.strokeStyle = "#ffffff";
      context.lineWidth = 1.5;
      context.strokeRect(view.x(track.begin) - 1, y - high / 2 - 1, view.x(end + 1) - view.x(track.begin) + 1, high + 2);
    }
    const last = view.x(end + 1);
    if (family.folded) label(context, `${family.size} tracks`, last + 4, y, row);
    else if (track.daughters.length > 0) {
      context.fillStyle = "#ffffff";
      context.beginPath();
      context.arc(last, y, Math.min(3, row / 3), 0, 2 * Math.PI);
      context.fill();
    } else if (end < view.frames - 1) {
      context.fillStyle = DIM; // it ends before the movie does
      context.fillRect(last, y - row * 0.4, 1.5, row * 0.8);
    }
    if (row >= READABLE && last - view.x(track.begin) > ROOM && !family.folded) {
      context.fillStyle = GROUND;
      context.textAlign = "left";
      context.fillText(String(track.number), Math.max(GUTTER, view.x(track.begin)) + 4, y + 0.5);
    }
    for (const frame of scene.suspicious.get(track.number) ?? []) mark(context, view.x(frame + 0.5), y - high / 2, Math.min(4, row / 2));
  }
}

function label(context: CanvasRenderingContext2D, text: string, x: number, y: number, row: number): void {
  if (row < READABLE) return;
  context.fillStyle = DIM;
  context.textAlign = "left";
  context.fillText(text, x, y + 0.5);
}

/** A triangle pointing down at a suspicious place. */
function mark(context: CanvasRenderingContext2D, x: number, y: number, size: number): void {
  context.fillStyle = SUSPICIOUS;
  context.strokeStyle = GROUND;
  context.lineWidth = 1;
  context.beginPath();
  context.moveTo(x, y + size);
  context.lineTo(x - size, y - size);
  context.lineTo(x + size, y - size);
  context.closePath();
  context.stroke();
  context.fill();
}

/** The current frame, through all rows. */
function drawNow(context: CanvasRenderingContext2D, view: TreeView, frame: number, height: number): void {
  context.fillStyle = "rgb(255 255 255 / 0.16)";
  context.fillRect(view.x(frame), AXIS, Math.max(1, view.perFrame), height);
  context.fillStyle = TEXT;
  context.fillRect(view.x(frame + 0.5) - 0.5, AXIS, 1, height);
}

/** Beside the tree: the number of each family's first track, and whether it is folded. */
function drawGutter(context: CanvasRenderingContext2D, view: TreeView, families: readonly Family[], kin: Track | null, height: number): void {
  context.fillStyle = GROUND;
  context.fillRect(0, 0, GUTTER, height);
  context.textAlign = "right";
  const row = view.rowHeight.value;
  for (const family of families) {
    const y = view.y(family.top + (family.branches[0]?.row ?? 0));
    if (row >= READABLE) {
      context.fillStyle = family.root === kin ? TEXT : DIM;
      context.fillText(String(family.root.number), GUTTER - 5, y + 0.5);
    }
    if (family.size < 2 || row < 8) continue;
    context.fillStyle = DIM;
    context.beginPath();
    if (family.folded) {
      context.moveTo(5, y - 4);
      context.lineTo(11, y);
      context.lineTo(5, y + 4);
    } else {
      context.moveTo(4, y - 3);
      context.lineTo(12, y - 3);
      context.lineTo(8, y + 3);
    }
    context.fill();
  }
}

/** Frames a person counts in, at least 40 pixels apart. */
function tickStep(perFrame: number): number {
  for (let unit = 1; ; unit *= 10) for (const step of [unit, 2 * unit, 5 * unit]) if (step * perFrame >= 40) return step;
}

function drawAxis(context: CanvasRenderingContext2D, view: TreeView, frame: number, width: number): void {
  context.fillStyle = GROUND;
  context.fillRect(0, 0, width, AXIS);
  context.textAlign = "center";
  const step = tickStep(view.perFrame);
  for (let tick = 0; tick < view.frames; tick += step) {
    const shown = Math.max(0, tick - 1); // frames are counted from 1: 1, 10, 20, ...
    const x = view.x(shown + 0.5);
    if (x < GUTTER || x > width || Math.abs(x - view.x(frame + 0.5)) < 24) continue;
    context.fillStyle = DIM;
    context.fillText(String(shown + 1), x, AXIS / 2);
    context.fillRect(x - 0.5, AXIS - 4, 1, 4);
  }
  const now = view.x(frame + 0.5);
  if (now < GUTTER || now > width) return;
  context.fillStyle = TEXT;
  context.font = "600 11px system-ui, sans-serif";
  context.fillText(String(frame + 1), now, AXIS / 2);
}
