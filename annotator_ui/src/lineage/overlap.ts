/** Following a cell by overlap, as long as there is no doubt. */

import type { Cell } from "./cells";

/** Of both cells, how much must lie under the other to go on without asking. */
const ENOUGH = 0.4;

export type Step = { readonly cell: Cell } | { readonly doubt: string };

export interface MaskAt {
  /** Row-major ids of a frame, `width` a row. */
  readonly data: ArrayLike<number>;
  readonly width: number;
}

/** Id -> pixels under `cell` of `own` in another mask; 0 is background. */
function under(cell: Cell, own: MaskAt, other: MaskAt): Map<number, number> {
  const counts = new Map<number, number>();
  const { y0, x0, y1, x1 } = cell.box;
  for (let y = y0; y < y1; y++)
    for (let i = y * own.width + x0; i < y * own.width + x1; i++) {
      if (own.data[i] !== cell.id) continue;
      const id = other.data[i]!;
      counts.set(id, (counts.get(id) ?? 0) + 1);
    }
  return counts;
}

/** The id, not background, with the most pixels; 0 where there is none. */
function most(counts: ReadonlyMap<number, number>): number {
  let best = 0;
  let pixels = 0;
  for (const [id, count] of counts) if (id !== 0 && count > pixels) [best, pixels] = [id, count];
  return best;
}

/**
 * The cell of the next frame that `cell` goes on as, or why that is not plain.
 *
 * @param cellOf the next frame's cell with an id. `taken`: whether it has a parent already.
 */
export function follow(cell: Cell, here: MaskAt, next: MaskAt, cellOf: (id: number) => Cell | undefined, taken: (cell: Cell) => boolean): Step {
  const counts = under(cell, here, next);
  const best = most(counts);
  const found = best === 0 ? undefined : cellOf(best);
  if (!found) return { doubt: "nothing lies under it in the next frame" };
  const shared = counts.get(best)!;
  const back = under(found, next, here);
  if (most(back) !== cell.id) return { doubt: "the next cell overlaps another more" };
  const others = [...counts.keys()].filter((id) => id !== 0 && id !== best).map(cellOf);
  // Two cells that both lie mostly under one: daughters, or one mask for two.
  if (others.some((other) => other && counts.get(other.id)! >= ENOUGH * other.area)) return { doubt: "it may divide here" };
  if (shared < ENOUGH * cell.area || shared < ENOUGH * found.area) return { doubt: "the overlap is too small to be sure" };
  if (taken(found)) return { doubt: "the next cell has a parent already" };
  return { cell: found };
}
