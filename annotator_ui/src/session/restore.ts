/** Putting an assignment together again: the hub's edits, then what only this device has. */

import type { Edit } from "../api/types";
import type { PastEdit, Step } from "../labels/history";
import { rebase } from "../labels/rebase";
import { applyDelta, sameDelta } from "../labels/tiles";
import { applyChanges, isEmpty, NO_CHANGES, rebaseChanges, sameChanges, type Changes, type Values } from "../labels/values";
import { newUuid } from "./digest";
import type { Unsent } from "./edit-line";
import type { JournalEntry } from "./journal";
import { decodeEdit, fold, type Content } from "./wire";

export interface HubLine {
  readonly edits: readonly Edit[];
  readonly tile_versions: Readonly<Record<string, number>>;
}

export interface Restored extends Content {
  /** Every edit in it, in order: what undo can take back. */
  readonly past: readonly PastEdit[];
  /** What the hub lacks, as it is on the hub's line. */
  readonly unsent: readonly Unsent[];
  /** The first place in this device's line that the hub lacks; null where it lacks nothing. */
  readonly from: number | null;
}

export function decodeLine(line: HubLine): Promise<PastEdit[]> {
  return Promise.all(line.edits.map(decodeEdit));
}

/** Keys that the hub lets nobody say twice: where it has one already, ours is dropped. */
export type Lasting = ReadonlySet<string>;

function keptChanges(changes: Changes, values: Values, lasting: Lasting): Changes {
  const moved = rebaseChanges(changes, values);
  return Object.fromEntries(Object.entries(moved).filter(([key]) => !(lasting.has(key) && values.has(key))));
}

/**
 * `unsent`, made in order on `madeOn`, moved onto `onto`: pixels and values that were meant stay meant, whatever lies
 * there now. The maps of both are changed. Returns the edits as they are there, and the values after them.
 */
export function move(unsent: readonly Unsent[], madeOn: Content["map"], onto: Content, lasting: Lasting): { unsent: Unsent[]; values: Values } {
  const deltas = rebase(unsent.map((edit) => edit.delta), madeOn, onto.map);
  let { values } = onto;
  const moved: Unsent[] = [];
  unsent.forEach((edit, i) => {
    const delta = deltas[i]!;
    const changes = keptChanges(edit.changes, values, lasting);
    values = applyChanges(values, changes);
    if (delta.length === 0 && isEmpty(changes)) return;
    // The hub must never take a form it already has for the moved one.
    const asItWas = sameDelta(edit.delta, delta) && sameChanges(edit.changes, changes);
    moved.push(asItWas ? edit : { ...edit, uuid: newUuid(), delta, changes });
  });
  return { unsent: moved, values };
}

/** After a reload: fold the hub's line over `base`, then replay the journal entries the hub has not got. */
export async function restore(base: Content, line: HubLine, journal: readonly JournalEntry[], lasting: Lasting = new Set()): Promise<Restored> {
  const hubPast = await decodeLine(line);
  const onto = fold(base, hubPast);
  const known = new Set(line.edits.map((edit) => edit.uuid));
  const missing = journal.filter((entry) => !known.has(entry.uuid));
  if (missing.length === 0) return { ...onto, past: hubPast, unsent: [], from: null };
  const unsent = missing.map(({ uuid, tool, params, delta, changes }) => ({ uuid, tool, params, delta, changes: changes ?? NO_CHANGES }));
  const first = missing[0]!.seq;
  // What the first unsent edit was made on: the hub's edits before its place in the line.
  const madeOn = fold(base, hubPast.slice(0, first - 1));
  const moved = move(unsent, madeOn.map, onto, lasting);
  return { map: onto.map, values: moved.values, past: [...hubPast, ...moved.unsent], unsent: moved.unsent, from: first };
}

/** After a 409: `current` is what the person sees, with `pending` in it; take those out to know what they were made on. */
export function reconcile(
  base: Content,
  hubPast: readonly Step[],
  known: ReadonlySet<string>,
  current: Content,
  pending: readonly Unsent[],
  lasting: Lasting = new Set(),
): Content & { unsent: Unsent[] } {
  const onto = fold(base, hubPast);
  const madeOn = current.map.copy();
  for (const edit of [...pending].reverse()) applyDelta(madeOn, edit.delta);
  // Replaying from the start keeps the meaning of every stroke; those the hub has then change nothing.
  let { values } = onto;
  const unsent: Unsent[] = [];
  for (const edit of pending) {
    if (known.has(edit.uuid)) {
      applyDelta(madeOn, edit.delta);
      continue;
    }
    const moved = move([edit], madeOn, { map: onto.map, values }, lasting);
    values = moved.values;
    unsent.push(...moved.unsent);
  }
  return { map: onto.map, values, unsent };
}
