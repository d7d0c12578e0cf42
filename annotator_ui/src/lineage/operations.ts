/** What a person does to links. Each operation is a pure function from a lineage to the entries that change. */

import { frameOf, type Cell, type Key } from "./cells";
import { lastUpTo, type Lineage, type Track } from "./lineage";

/** Child -> its new parent; null: it begins a track. */
export type Changes = Record<Key, Key | null>;

/** Which part of a track is meant: up to this frame, this frame alone, or from this frame on. */
export type Scope = "past" | "this" | "future";

/** Why an operation cannot be done, in words for the person. */
export class Refusal extends Error {}

/** Only what really changes. */
function settle(lineage: Lineage, wanted: ReadonlyMap<Key, Key | null>): Changes {
  const changes: Changes = {};
  for (const [child, parent] of wanted) {
    if (parent !== null && frameOf(parent) >= frameOf(child)) throw new Refusal("A cell goes on in a later frame only.");
    if ((lineage.parentOf(child)?.key ?? null) !== parent) changes[child] = parent;
  }
  return changes;
}

function known(lineage: Lineage, key: Key): { cell: Cell; track: Track } {
  const cell = lineage.detections.get(key);
  const track = lineage.trackOf(key);
  if (!cell || !track) throw new Refusal("There is no such cell.");
  return { cell, track };
}

/**
 * `child` is what `parent` goes on as. What `parent` went on as before begins a track; with `beside` it stays, and the
 * two are daughters.
 */
export function link(lineage: Lineage, parent: Key, child: Key, beside = false): Changes {
  known(lineage, parent);
  known(lineage, child);
  if (frameOf(parent) === frameOf(child)) throw new Refusal("Both cells are in one frame: a link leads to a later one.");
  if (frameOf(parent) > frameOf(child)) throw new Refusal("A link leads to a later frame.");
  const wanted = new Map<Key, Key | null>();
  if (!beside) for (const other of lineage.childrenOf(parent)) wanted.set(other.key, null);
  return settle(lineage, wanted.set(child, parent));
}

/** `child` begins a track. */
export function unlink(lineage: Lineage, child: Key): Changes {
  known(lineage, child);
  if (!lineage.parentOf(child)) throw new Refusal("This cell begins a track already.");
  return { [child]: null };
}

/** `mother` divides into two: each daughter begins a track that has her as mother. Other children are let go. */
export function divide(lineage: Lineage, mother: Key, first: Key, second: Key): Changes {
  if (first === second) throw new Refusal("A division has two different daughters.");
  for (const daughter of [first, second]) {
    known(lineage, daughter);
    if (frameOf(daughter) <= frameOf(mother)) throw new Refusal("Daughters come in a later frame than their mother.");
  }
  known(lineage, mother);
  const wanted = new Map<Key, Key | null>(lineage.childrenOf(mother).map((child) => [child.key, null]));
  return settle(lineage, wanted.set(first, mother).set(second, mother));
}

/**
 * Exchange who two cells of one frame are: from this frame on (`future`: they exchange their parents), up to this frame
 * (`past`: they exchange their children), or in this frame alone (`this`: both).
 */
export function swap(lineage: Lineage, a: Key, b: Key, scope: Scope): Changes {
  known(lineage, a);
  known(lineage, b);
  if (a === b) throw new Refusal("Choose another cell to swap with.");
  if (frameOf(a) !== frameOf(b)) throw new Refusal("Two cells of one frame are swapped.");
  const wanted = new Map<Key, Key | null>();
  if (scope !== "past") {
    wanted.set(a, lineage.parentOf(b)?.key ?? null);
    wanted.set(b, lineage.parentOf(a)?.key ?? null);
  }
  if (scope !== "future") {
    for (const child of lineage.childrenOf(a)) wanted.set(child.key, b);
    for (const child of lineage.childrenOf(b)) wanted.set(child.key, a);
  }
  return settle(lineage, wanted);
}

/**
 * The cell belongs to `track`: with all that comes after it (`future`), with all that came before (`past`), or it alone
 * (`this`; what it is taken from closes up over the gap). What `track` had there instead is cut off and stays as it is.
 */
export function assign(lineage: Lineage, key: Key, track: Track, scope: Scope): Changes {
  const { cell, track: own } = known(lineage, key);
  const { frame } = cell;
  if (own === track) throw new Refusal(`This cell is in track ${track.number} already.`);
  const wanted = new Map<Key, Key | null>();
  const before = lastUpTo(track, frame - 1);
  const there = lastUpTo(track, frame);
  const after = there ? lineage.childrenOf(there.key) : [track.cells[0]!];
  const past = lineage.parentOf(key);
  const future = lineage.childrenOf(key);
  if (scope === "future" && !before) throw new Refusal(`Track ${track.number} has no cell before this frame to go on from.`);
  if (scope === "past" && after.length === 0) throw new Refusal(`Track ${track.number} has no cell after this frame to go on to.`);
  // A mother ends where she divides; what comes later is for her daughters.
  if (scope !== "past" && before?.key === track.cells.at(-1)!.key && track.daughters.length > 0)
    throw new Refusal(`Track ${track.number} has divided before this frame: choose one of its daughters.`);

  if (scope !== "past") {
    // What the track went on as from `before`, in this frame or after it, is cut off.
    if (before) for (const next of lineage.childrenOf(before.key)) wanted.set(next.key, null);
    else if (there) wanted.set(there.key, null);
    wanted.set(key, before?.key ?? inheritedMother(lineage, track, frame));
  }
  if (scope !== "future") for (const next of after) wanted.set(next.key, key);
  if (scope === "past") for (const next of future) if (!after.includes(next)) wanted.set(next.key, null);
  if (scope === "this") for (const next of future) if (!wanted.has(next.key)) wanted.set(next.key, past?.key ?? null);
  return settle(lineage, wanted);
}

/** A track that is lengthened at its beginning keeps its mother, if she is early enough. */
function inheritedMother(lineage: Lineage, track: Track, frame: number): Key | null {
  const mother = lineage.parentOf(track.cells[0]!.key);
  return mother && mother.frame < frame ? mother.key : null;
}

/** The cell's track ends with it: what it goes on as, or its daughters, begin tracks. */
export function disappear(lineage: Lineage, key: Key): Changes {
  known(lineage, key);
  const children = lineage.childrenOf(key);
  if (children.length === 0) throw new Refusal("The track ends with this cell already.");
  return Object.fromEntries(children.map((child) => [child.key, null]));
}

/** A new track here: from this cell on (`future`), up to this cell (`past`), or the cell alone, the rest closing up over the gap. */
export function newTrack(lineage: Lineage, key: Key, scope: Scope): Changes {
  if (scope === "future") return unlink(lineage, key);
  if (scope === "past") return disappear(lineage, key);
  known(lineage, key);
  const parent = lineage.parentOf(key);
  const children = lineage.childrenOf(key);
  if (!parent && children.length === 0) throw new Refusal("This cell is linked to no other.");
  return settle(lineage, new Map([[key, null], ...children.map((child): [Key, Key | null] => [child.key, parent?.key ?? null])]));
}
