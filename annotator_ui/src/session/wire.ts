/** Edits between the editor's form (runs, changes) and the wire's (base64 of deflated tiles). */

import type { Edit } from "../api/types";
import { deflateTile, fromBase64, inflateTile, toBase64 } from "../labels/encoding";
import type { LabelMap } from "../labels/label-map";
import type { PastEdit, Step } from "../labels/history";
import { applyDelta } from "../labels/tiles";
import { applyChanges, NO_CHANGES, type Changes, type Values } from "../labels/values";
import type { JournalEntry } from "./journal";

/** Packs the tiles: done when an edit is sent, never before it is kept. */
export async function toWire(entry: JournalEntry): Promise<Edit> {
  return {
    uuid: entry.uuid,
    seq: entry.seq,
    tool: entry.tool,
    params: entry.params,
    tiles: await Promise.all(
      entry.delta.map(async ({ y, x, runs }, i) => ({ y, x, version: entry.versions[i]!, xor: toBase64(await deflateTile(runs)) })),
    ),
    ...(entry.changes ? { changes: entry.changes as unknown as Record<string, unknown[]> } : {}),
  };
}

export async function decodeEdit(edit: Edit): Promise<PastEdit> {
  const delta = await Promise.all(edit.tiles.map(async ({ y, x, xor }) => ({ y, x, runs: await inflateTile(fromBase64(xor)) })));
  return { tool: edit.tool, delta, changes: (edit.changes as unknown as Changes | null | undefined) ?? NO_CHANGES };
}

/** What an assignment is made of: pixels and values. */
export interface Content {
  readonly map: LabelMap;
  readonly values: Values;
}

/** What `steps` make of `base` (which is left as it is). */
export function fold(base: Content, steps: readonly Step[]): Content {
  const map = base.map.copy();
  let { values } = base;
  for (const step of steps) {
    applyDelta(map, step.delta);
    values = applyChanges(values, step.changes);
  }
  return { map, values };
}
