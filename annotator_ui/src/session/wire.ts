/** Edits between the label map's form (runs) and the wire's (base64 of deflated tiles). */

import type { Edit } from "../api/types";
import { deflateTile, fromBase64, inflateTile, toBase64 } from "../labels/encoding";
import { LabelMap } from "../labels/label-map";
import { applyDelta, type Delta } from "../labels/tiles";
import type { JournalEntry } from "./journal";

export function toWire(entry: JournalEntry): Edit {
  return {
    uuid: entry.uuid,
    seq: entry.seq,
    tool: entry.tool,
    params: entry.params,
    tiles: entry.tiles.map(({ y, x, version, xor }) => ({ y, x, version, xor: toBase64(xor) })),
  };
}

export function encodeTiles(delta: Delta, versions: readonly number[]): Promise<JournalEntry["tiles"]> {
  return Promise.all(
    delta.map(async ({ y, x, runs }, i) => ({ y, x, version: versions[i]!, xor: await deflateTile(runs) })),
  );
}

export function decodeEntry(entry: JournalEntry): Promise<Delta> {
  return Promise.all(entry.tiles.map(async ({ y, x, xor }) => ({ y, x, runs: await inflateTile(xor) })));
}

export function decodeEdit(edit: Edit): Promise<Delta> {
  return Promise.all(edit.tiles.map(async ({ y, x, xor }) => ({ y, x, runs: await inflateTile(fromBase64(xor)) })));
}

/** The map that `deltas` make of `base` (which is left as it is). */
export function fold(base: LabelMap, deltas: readonly Delta[]): LabelMap {
  const map = base.copy();
  for (const delta of deltas) applyDelta(map, delta);
  return map;
}
