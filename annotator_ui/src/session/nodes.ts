/** Nodes of a lineage as values name them: a cell of a frame, `frame:id`, both from the detections; frames count from 0. */

import type { Said } from "../api/types";

export interface Node {
  readonly frame: number;
  readonly id: number;
}

/** The node that `text` names, or null where it names none. */
export function nodeOf(text: unknown): Node | null {
  const found = typeof text === "string" ? /^(\d+):(\d+)$/.exec(text) : null;
  return found ? { frame: Number(found[1]), id: Number(found[2]) } : null;
}

/**
 * The frames in which a dispute about parents is seen: that of the parents, then that of the children.
 *
 * @param keys child nodes. `options`: child node -> parent node or null. `asked`: the frame the hub names.
 */
export function framesOf(keys: readonly string[], options: readonly Said[], asked: number): readonly number[] {
  const children = keys.flatMap((key) => nodeOf(key) ?? []);
  const after = children[0]?.frame ?? asked;
  const counts = new Map<number, number>();
  for (const values of options)
    for (const parent of Object.values(values)) {
      const node = nodeOf(parent);
      if (node && node.frame < after) counts.set(node.frame, (counts.get(node.frame) ?? 0) + 1);
    }
  // Of equally many the latest: a gap is the exception.
  const [before] = [...counts].sort((a, b) => b[1] - a[1] || b[0] - a[0])[0] ?? [after - 1];
  return after > 0 ? [Math.max(0, before), after] : [after];
}
