/** What a key does to one cell. */

import { BACKGROUND } from "../labels/label-map";
import { fillHoles, growCell, shrinkCell, smoothCell } from "../labels/shape";
import type { Stroke } from "../labels/stroke";
import type { Operation } from "./tool";

export type CellAction = "fill-holes" | "smooth" | "grow" | "shrink";

const ACTS: Readonly<Record<CellAction, (stroke: Stroke, id: number) => void>> = {
  "fill-holes": fillHoles,
  smooth: smoothCell,
  grow: growCell,
  shrink: shrinkCell,
};

export function cellOperations(action: CellAction, id: number): readonly Operation[] {
  if (id === BACKGROUND) return [];
  return [{ kind: "apply", tool: action, params: { cell: id }, act: (stroke) => ACTS[action](stroke, id) }];
}

/** Cell `id` gets the number `to`, which no other has. */
export function relabelOperations(id: number, to: number): readonly Operation[] {
  return [
    { kind: "apply", tool: "relabel", params: { cell: id, to }, act: (stroke) => stroke.replaceCell(id, to) },
    { kind: "select", id: to },
  ];
}
