/** Putting an assignment together again: the hub's edits, then what only this device has. */

import type { Edit } from "../api/types";
import type { PastEdit } from "../labels/history";
import { LabelMap } from "../labels/label-map";
import { rebase } from "../labels/rebase";
import { applyDelta, sameDelta, type Delta } from "../labels/tiles";
import { newUuid } from "./digest";
import type { Pending } from "./edit-line";
import type { JournalEntry } from "./journal";
import { decodeEdit, decodeEntry, fold } from "./wire";

export interface HubLine {
  readonly edits: readonly Edit[];
  readonly tile_versions: Readonly<Record<string, number>>;
}

export type Unsent = Pick<Pending, "uuid" | "tool" | "params" | "delta">;

export interface Restored {
  readonly map: LabelMap;
  /** Every edit in `map`, in order: what undo can take back. */
  readonly past: readonly PastEdit[];
  /** What the hub lacks, as it is on the hub's line. */
  readonly unsent: readonly Unsent[];
  /** The first place in this device's line that the hub lacks; null where it lacks nothing. */
  readonly from: number | null;
}

export function decodeLine(line: HubLine): Promise<PastEdit[]> {
  return Promise.all(line.edits.map(async (edit) => ({ tool: edit.tool, delta: await decodeEdit(edit) })));
}

/** Pure: `unsent`, drawn in order on `drawnOn`, moved onto `onto`. Both maps are consumed. */
export function move(unsent: readonly Unsent[], drawnOn: LabelMap, onto: LabelMap): Unsent[] {
  const deltas = rebase(unsent.map((edit) => edit.delta), drawnOn, onto);
  return unsent
    .map((edit, i) => {
      const delta = deltas[i]!;
      // The hub must never take a form it already has for the moved one.
      return sameDelta(edit.delta, delta) ? edit : { ...edit, uuid: newUuid(), delta };
    })
    .filter((edit) => edit.delta.length > 0);
}

/** After a reload: fold the hub's line over `base`, then replay the journal entries the hub has not got. */
export async function restore(base: LabelMap, line: HubLine, journal: readonly JournalEntry[]): Promise<Restored> {
  const hubPast = await decodeLine(line);
  const hubDeltas = hubPast.map((edit) => edit.delta);
  const onto = fold(base, hubDeltas);
  const known = new Set(line.edits.map((edit) => edit.uuid));
  const missing = journal.filter((entry) => !known.has(entry.uuid));
  if (missing.length === 0) return { map: onto, past: hubPast, unsent: [], from: null };
  const unsent = await Promise.all(
    missing.map(async (entry) => ({ uuid: entry.uuid, tool: entry.tool, params: entry.params, delta: await decodeEntry(entry) })),
  );
  const first = missing[0]!.seq;
  // What the first unsent edit was drawn on: the hub's edits before its place in the line.
  const drawnOn = fold(base, hubDeltas.slice(0, first - 1));
  const moved = move(unsent, drawnOn, onto);
  return { map: onto, past: [...hubPast, ...moved], unsent: moved, from: first };
}

/** After a 409: `current` is what the person sees, with `pending` in it; take those out to know what they were drawn on. */
export function reconcile(
  base: LabelMap,
  hubDeltas: readonly Delta[],
  known: ReadonlySet<string>,
  current: LabelMap,
  pending: readonly Unsent[],
): { map: LabelMap; unsent: Unsent[] } {
  const onto = fold(base, hubDeltas);
  const drawnOn = current.copy();
  for (const edit of [...pending].reverse()) applyDelta(drawnOn, edit.delta);
  // Replaying from the start keeps the meaning of every stroke; those the hub has then change nothing.
  const moved: Unsent[] = [];
  for (const edit of pending) {
    if (known.has(edit.uuid)) {
      applyDelta(drawnOn, edit.delta);
      continue;
    }
    moved.push(...move([edit], drawnOn, onto));
  }
  return { map: onto, unsent: moved };
}
