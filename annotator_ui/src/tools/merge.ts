/** Merge: drag from one cell over others, or click one and then another; all become the first. */

import { BACKGROUND } from "../labels/label-map";
import { linePixels, pixelAt } from "../labels/line";
import type { Point } from "../labels/raster";
import type { Operation, Scene, Tool } from "./tool";

export type Merging =
  | { readonly kind: "idle" }
  | { readonly kind: "merging"; readonly points: readonly Point[]; readonly ids: readonly number[] };

const IDLE: Merging = { kind: "idle" };
const GONE: Operation = { kind: "sketch", sketch: null };

/** The cells under a drag from `from` to `to`, none missed by a fast hand. */
function under(from: Point, to: Point, { cellAt }: Scene): number[] {
  return linePixels(pixelAt(from), pixelAt(to)).map((pixel) => cellAt({ y: pixel.y + 0.5, x: pixel.x + 0.5 }));
}

/** The operations that make one cell of `ids`: the first. */
export function mergeOperations(ids: readonly number[]): readonly Operation[] {
  const [keep, ...others] = ids;
  if (keep === undefined || others.length === 0) return [];
  const params = { cell: keep, with: others.join(" ") };
  return [
    { kind: "apply", tool: "merge", params, act: (stroke) => others.forEach((id) => stroke.replaceCell(id, keep)) },
    { kind: "select", id: keep },
  ];
}

export const merge: Tool<Merging> = {
  id: "merge",
  idle: IDLE,
  step(state, event, scene) {
    const id = scene.cellAt(event.at);
    if (state.kind === "idle") {
      if (event.kind !== "down" || id === BACKGROUND) return [state, []];
      return [{ kind: "merging", points: [event.at], ids: [id] }, [{ kind: "select", id }]];
    }
    if (event.kind === "cancel" || event.kind === "finish") return [IDLE, [GONE]];
    // A second click says what is joined by where it is, not by what lies on the way.
    const clicked = event.kind === "down";
    if (clicked && (id === BACKGROUND || state.ids.includes(id))) return [IDLE, [GONE]];
    if (clicked) return [IDLE, [GONE, ...mergeOperations([...state.ids, id])]];
    const points = [...state.points, event.at];
    if (!event.pressed) return [state, [{ kind: "sketch", sketch: { points: [state.points[0]!, event.at], closed: false, says: "joined with?" } }]];
    const ids = [...new Set([...state.ids, ...under(state.points.at(-1)!, event.at, scene)])].filter((each) => each !== BACKGROUND);
    if (event.kind === "move") return [{ kind: "merging", points, ids }, [{ kind: "sketch", sketch: { points, closed: false, says: `${ids.length} cells` } }]];
    return ids.length > 1 ? [IDLE, [GONE, ...mergeOperations(ids)]] : [{ kind: "merging", points: [state.points[0]!], ids }, []];
  },
};
