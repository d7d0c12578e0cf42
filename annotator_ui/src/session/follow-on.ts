/** A track followed through the movie by overlap, mask after mask, until it is not plain how it goes on. */

import { keyOf, type Cell } from "../lineage/cells";
import type { Lineage } from "../lineage/lineage";
import type { Changes } from "../lineage/operations";
import { follow } from "../lineage/overlap";
import type { Masks } from "./masks";

export interface Followed {
  readonly changes: Changes;
  readonly last: Cell;
  /** Why it ends there, as the rest of a sentence. */
  readonly doubt: string;
}

export async function followOn(from: Cell, lineage: Lineage, masks: Pick<Masks, "at" | "frames">): Promise<Followed> {
  const changes: Changes = {};
  let last = from;
  while (last.frame + 1 < masks.frames) {
    const { frame } = last;
    const [here, next] = await Promise.all([masks.at(frame), masks.at(frame + 1)]).catch(() => [null, null]);
    if (!here || !next) return { changes, last, doubt: "the next frame cannot be read" };
    const cellOf = (id: number) => lineage.detections.get(keyOf(frame + 1, id));
    const step = follow(last, here, next, cellOf, ({ key }) => lineage.parentOf(key) !== null);
    if ("doubt" in step) return { changes, last, doubt: step.doubt };
    changes[step.cell.key] = last.key;
    last = step.cell;
    if (lineage.childrenOf(last.key).length > 0) return { changes, last, doubt: "it goes on from there already" };
  }
  return { changes, last, doubt: "the movie ends" };
}
