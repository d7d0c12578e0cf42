/** The lineage as a tree lying on its side: time to the right, each track without daughters in a row of its own, a mother between hers. */

import { cluster, hierarchy } from "d3-hierarchy";
import type { Lineage, Track } from "./lineage";

/** A track and where it lies. */
export interface Branch {
  readonly track: Track;
  /** Counted from the first row of the tree; a mother lies in the middle of her daughters, between rows where need be. */
  readonly row: number;
}

/** All who come from one first cell. */
export interface Family {
  readonly root: Track;
  /** The first row. */
  readonly top: number;
  readonly rows: number;
  readonly end: number;
  /** How many tracks it has, whether they are shown or not. */
  readonly size: number;
  readonly folded: boolean;
  /** Rows counted from `top`; a mother before her daughters. The root alone where it is folded. */
  readonly branches: readonly Branch[];
}

export interface Tree {
  /** By the begin of their oldest. */
  readonly families: readonly Family[];
  readonly rows: number;
}

type Laid = Pick<Family, "rows" | "end" | "size" | "branches">;

/** Rows of one family: each leaf has one, so that no two tracks of one time ever lie on each other. */
function layOut(root: Track): Laid {
  if (root.daughters.length === 0) return { rows: 1, end: root.end, size: 1, branches: [{ track: root, row: 0 }] };
  const laid = cluster<Track>().nodeSize([1, 1]).separation(() => 1)(hierarchy(root, (track) => track.daughters));
  const nodes = laid.descendants(); // breadth first
  const first = Math.min(...nodes.map(({ x }) => x));
  return {
    rows: laid.leaves().length,
    end: nodes.reduce((end, { data }) => Math.max(end, data.end), 0),
    size: nodes.length,
    branches: nodes.map(({ data, x }) => ({ track: data, row: x - first })),
  };
}

/** Lays trees out, and keeps each family's place as long as its tracks are the same objects. */
export class TreeLayout {
  private readonly laid = new WeakMap<Track, Laid>();

  /** `folded`: numbers of the first tracks of families that are shown as one row. */
  of(lineage: Lineage, folded: ReadonlySet<number>): Tree {
    const families: Family[] = [];
    let top = 0;
    for (const root of lineage.tracks) {
      if (root.mother) continue;
      let laid = this.laid.get(root);
      if (!laid) this.laid.set(root, (laid = layOut(root)));
      const shut = laid.size > 1 && folded.has(root.number);
      const shown = shut ? { ...laid, rows: 1, branches: [{ track: root, row: 0 }] } : laid;
      families.push({ root, top, folded: shut, ...shown });
      top += shown.rows;
    }
    return { families, rows: top };
  }
}

/** Families with a row from `from` to `to` (not included), in order. */
export function familiesIn(tree: Tree, from: number, to: number): readonly Family[] {
  let low = 0;
  let high = tree.families.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    const { top, rows } = tree.families[middle]!;
    if (top + rows <= from) low = middle + 1;
    else high = middle;
  }
  let end = low;
  while (end < tree.families.length && tree.families[end]!.top < to) end++;
  return tree.families.slice(low, end);
}

/** Where a track is drawn: its branch, or the one row of its folded family. Null where the tree has it not. */
export function placeOf(tree: Tree, track: Track): { family: Family; row: number } | null {
  let root = track;
  while (root.mother) root = root.mother;
  const family = tree.families.find((each) => each.root === root);
  const branch = family?.branches.find((each) => each.track === track);
  return family ? { family, row: family.top + (branch?.row ?? 0) } : null;
}

/** The track drawn at a row (a fraction; row r is drawn around r + 0.5) and frame, no more than a row away; null where there is none. */
export function trackAt(tree: Tree, row: number, frame: number): Track | null {
  let best: Track | null = null;
  let least = 1;
  for (const family of familiesIn(tree, row - 1, row + 1))
    for (const branch of family.branches) {
      const end = family.folded ? family.end : branch.track.end;
      if (frame < branch.track.begin || frame > end) continue;
      const distance = Math.abs(family.top + branch.row + 0.5 - row);
      if (distance < least) [best, least] = [branch.track, distance];
    }
  return best;
}

/** The track next to `track` in the tree: its mother, its first daughter, or the one drawn above or below it. */
export function kin(tree: Tree, track: Track, step: "mother" | "daughter" | "above" | "below"): Track | null {
  if (step === "mother") return track.mother;
  if (step === "daughter") return track.daughters[0] ?? null;
  const at = placeOf(tree, track);
  if (!at) return null;
  const sign = step === "below" ? 1 : -1;
  let best: Track | null = null;
  let least = Infinity;
  const index = tree.families.indexOf(at.family);
  for (const family of tree.families.slice(Math.max(0, index - 1), index + 2))
    for (const branch of family.branches) {
      const distance = (family.top + branch.row - at.row) * sign;
      if (branch.track !== track && distance > 0 && distance < least) [best, least] = [branch.track, distance];
    }
  return best;
}
