/** For each suspicious place the correction that is most likely meant: shown first, taken by one key. */

import { frameOf, type Cell, type Key } from "./cells";
import type { Lineage, Track } from "./lineage";
import { link, swap, unlink, type Changes } from "./operations";
import type { Suspicion } from "./suspicion";
import { stepOf, type Usual } from "./usual";

export interface Fix {
  /** What it does, to be read before it is done. */
  readonly text: string;
  readonly changes: Changes;
}

/** Frames a cell may be lost for. */
const LOST = 3;
/** A step is likely up to so many times the usual one, and at least a cell's diameter. */
const REACH = 4;
/** Daughters together are about as large as their mother was. */
const DAUGHTERS = { least: 0.5, most: 1.7 };
/** Who goes on as whom is exchanged where the steps together become at most this share of what they were. */
const SHORTER = 0.6;

function named(lineage: Lineage, key: Key): number {
  return lineage.trackOf(key)!.number;
}

/** Nearest first: cells of `frame` within reach of `from`. */
function near(lineage: Lineage, usual: Usual, from: Cell, frame: number): Cell[] {
  const reach = Math.max(REACH * usual.step, 2 * usual.radius);
  return lineage.detections
    .at(frame)
    .map((cell) => ({ cell, step: stepOf(...((cell.frame < from.frame ? [cell, from] : [from, cell]) as [Cell, Cell])) }))
    .filter(({ step }) => step <= reach)
    .sort((a, b) => a.step - b.step)
    .map(({ cell }) => cell);
}

/** `cell` begins inside the image: the nearest track that ended shortly before goes on as it, or the nearest cell has it as a second daughter. */
function fixBegin(lineage: Lineage, usual: Usual, cell: Cell): Fix | null {
  for (let frame = cell.frame - 1; frame >= Math.max(0, cell.frame - LOST); frame--) {
    const ended = near(lineage, usual, cell, frame).find(({ key }) => lineage.childrenOf(key).length === 0);
    if (ended) return { text: `Track ${named(lineage, ended.key)} goes on as this cell${frame < cell.frame - 1 ? `, over ${cell.frame - 1 - frame} missing` : ""}`, changes: link(lineage, ended.key, cell.key) };
  }
  for (const mother of cell.frame > 0 ? near(lineage, usual, cell, cell.frame - 1) : []) {
    const children = lineage.childrenOf(mother.key);
    const [sister] = children;
    if (children.length !== 1 || sister!.frame !== cell.frame) continue;
    const share = (sister!.area + cell.area) / mother.area;
    if (share < DAUGHTERS.least || share > DAUGHTERS.most) continue;
    return { text: `Daughter of track ${named(lineage, mother.key)}, beside cell ${sister!.id}`, changes: link(lineage, mother.key, cell.key, true) };
  }
  return null;
}

/** The track of `cell` ends inside the image: it goes on as the nearest cell that has no parent. */
function fixEnd(lineage: Lineage, usual: Usual, cell: Cell): Fix | null {
  const last = Math.min(lineage.detections.frameCount - 1, cell.frame + LOST);
  for (let frame = cell.frame + 1; frame <= last; frame++) {
    const next = near(lineage, usual, cell, frame).find(({ key }) => !lineage.parentOf(key));
    if (next) return { text: `Goes on as track ${named(lineage, next.key)}${frame > cell.frame + 1 ? `, over ${frame - 1 - cell.frame} missing` : ""}`, changes: link(lineage, cell.key, next.key) };
  }
  return null;
}

/** Cells linked to nothing that lie where the track should be while it is missing; all of those there are. */
function fixGap(lineage: Lineage, usual: Usual, cell: Cell): Fix | null {
  const parent = lineage.parentOf(cell.key);
  if (!parent) return null;
  const changes: Record<Key, Key | null> = {};
  let last = parent;
  let taken = 0;
  for (let frame = parent.frame + 1; frame < cell.frame; frame++) {
    const share = (frame - parent.frame) / (cell.frame - parent.frame);
    const expected = { ...parent, frame: frame - 1, y: parent.y + share * (cell.y - parent.y), x: parent.x + share * (cell.x - parent.x) };
    const loose = near(lineage, usual, expected, frame).find(({ key }) => !lineage.parentOf(key) && lineage.childrenOf(key).length === 0);
    if (!loose) continue;
    changes[loose.key] = last.key;
    last = loose;
    taken++;
  }
  if (taken === 0) return null;
  return { text: taken === 1 ? `Cell ${last.id} of frame ${last.frame + 1} closes the gap` : `${taken} loose cells close the gap`, changes: { ...changes, [cell.key]: last.key } };
}

/** A step too far: exchange with a cell of this frame where that makes both steps shorter; else cut. */
function fixJump(lineage: Lineage, cell: Cell): Fix {
  const parent = lineage.parentOf(cell.key)!;
  let best: { other: Cell; length: number } | null = null;
  for (const other of lineage.detections.at(cell.frame)) {
    const its = lineage.parentOf(other.key);
    if (other === cell || !its || its.frame >= cell.frame || its === parent) continue;
    const before = stepOf(parent, cell) + stepOf(its, other);
    const after = stepOf(its, cell) + stepOf(parent, other);
    if (after < SHORTER * before && after < (best?.length ?? Infinity)) best = { other, length: after };
  }
  if (best) return { text: `Swap with track ${named(lineage, best.other.key)} from this frame on`, changes: swap(lineage, cell.key, best.other.key, "future") };
  return { text: "Cut the jump: a track begins here", changes: unlink(lineage, cell.key) };
}

/** Of several daughters those that do not belong are let go: all but `keep`, the nearest to the mother. */
function letGo(lineage: Lineage, mother: Cell, keep: 1 | 2): Fix | null {
  const children = [...lineage.childrenOf(mother.key)].sort((a, b) => stepOf(mother, a) - stepOf(mother, b));
  const gone = children.slice(keep);
  if (gone.length === 0) return null;
  const names = gone.map(({ key }) => named(lineage, key)).join(", ");
  return { text: keep === 1 ? `No division: track ${names} begins here` : `Keep the nearest two: track ${names} begins here`, changes: Object.fromEntries(gone.map(({ key }) => [key, null])) };
}

function fixShort(lineage: Lineage, usual: Usual, cell: Cell, track: Track): Fix | null {
  if (track.mother) return { text: `No daughter of track ${track.mother.number}`, changes: unlink(lineage, track.cells[0]!.key) };
  const before = fixBegin(lineage, usual, cell);
  const after = fixEnd(lineage, usual, track.cells.at(-1)!);
  if (before && after) return { text: `${before.text}. ${after.text}`, changes: { ...before.changes, ...after.changes } };
  return before ?? after;
}

/**
 * The correction that fits an event best; null where only the person can tell (K says that it is fine). A merge is no
 * matter of links: one mask holds two cells, so the track that ends there may go on where they part again.
 */
export function fixOf(lineage: Lineage, usual: Usual, { kind, cell, track, other }: Suspicion): Fix | null {
  switch (kind) {
    case "begins":
      return fixBegin(lineage, usual, cell);
    case "ends":
      return fixEnd(lineage, usual, cell);
    case "short":
      return fixShort(lineage, usual, cell, track);
    case "gap":
      return fixGap(lineage, usual, cell);
    case "jump":
      return fixJump(lineage, cell);
    case "daughters":
      return letGo(lineage, cell, 2);
    case "young-mother":
      return letGo(lineage, cell, 1);
    case "unsure":
      return { text: "Cut the link: a track begins here", changes: unlink(lineage, cell.key) };
    case "proposed":
      return other ? fixProposed(lineage, cell, other) : null;
    case "merge":
      return other ? fixMerge(lineage, usual, cell, other) : null;
  }
}

/** The first loose beginning after a merge, near the merged mask's track: that is where the lost cell comes back. */
function fixMerge(lineage: Lineage, usual: Usual, merged: Cell, lost: Cell): Fix | null {
  const track = lineage.trackOf(merged.key)!;
  for (const at of track.cells) {
    if (at.frame <= merged.frame) continue;
    const back = near(lineage, usual, { ...at, frame: at.frame - 1 }, at.frame).find(({ key }) => key !== at.key && !lineage.parentOf(key));
    if (back) return { text: `Track ${named(lineage, lost.key)} comes back in frame ${back.frame + 1}`, changes: link(lineage, lost.key, back.key) };
  }
  // They never part again, or part by a division that is none.
  if (track.daughters.length !== 2) return null;
  const [first, second] = [...track.daughters].sort((a, b) => stepOf(lost, a.cells[0]!) - stepOf(lost, b.cells[0]!));
  const key = first!.cells[0]!.key;
  if (frameOf(key) <= lost.frame) return null;
  return { text: `No division of track ${track.number}: track ${named(lineage, lost.key)} goes on as ${first!.number}, it as ${second!.number}`, changes: { [key]: lost.key } };
}

/** A division where the parent goes on as a cell of the same frame already, which is no bad guess of a linker; else a plain link. */
function fixProposed(lineage: Lineage, cell: Cell, parent: Cell): Fix | null {
  const children = lineage.childrenOf(parent.key);
  const beside = children.length === 1 && children[0]!.frame === cell.frame;
  const changes = link(lineage, parent.key, cell.key, beside);
  if (Object.keys(changes).length === 0) return null;
  return { text: beside ? `Second daughter of track ${named(lineage, parent.key)}` : `Follows track ${named(lineage, parent.key)}`, changes };
}

/** The links that a fix would make, to be shown before it is taken. */
export function linksOf(lineage: Lineage, { changes }: Fix): { from: Cell; to: Cell; kind: "made" | "cut" }[] {
  return Object.entries(changes).flatMap(([child, parent]) => {
    const to = lineage.detections.get(child)!;
    const before = lineage.parentOf(child);
    const after = parent === null ? null : lineage.detections.get(parent)!;
    return [...(before ? [{ from: before, to, kind: "cut" as const }] : []), ...(after ? [{ from: after, to, kind: "made" as const }] : [])];
  });
}
