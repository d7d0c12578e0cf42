/** The state shared by every tool that drags a disc over the picture. */

import { BACKGROUND } from "../labels/label-map";
import type { Point } from "../labels/raster";
import type { Over } from "../labels/stroke";
import type { Operation, PointerStep } from "./tool";

export type Painting =
  | { readonly kind: "idle" }
  | { readonly kind: "painting"; readonly last: Point; readonly id: number; readonly radius: number; readonly over: Over; readonly fill: boolean };

export const IDLE: Painting = { kind: "idle" };

/** The first dab of a stroke. */
export function dab(stroke: Omit<Extract<Painting, { kind: "painting" }>, "kind">): readonly [Painting, Operation] {
  const { last, id, radius, over } = stroke;
  return [
    { kind: "painting", ...stroke },
    { kind: "paint", from: last, to: last, radius, id, over },
  ];
}

/** Every step after the first: the same for brush, eraser and new cell. */
export function drag(state: Painting, event: PointerStep): readonly [Painting, readonly Operation[]] {
  if (state.kind === "idle" || event.kind === "down") return [state, []];
  const { last, id, radius, over } = state;
  switch (event.kind) {
    case "cancel":
      return [IDLE, [{ kind: "abort" }]];
    case "move":
      return [{ ...state, last: event.at }, [{ kind: "paint", from: last, to: event.at, radius, id, over }]];
    case "up": {
      const fill: Operation[] = state.fill && id !== BACKGROUND ? [{ kind: "fill-circled", id, over }] : [];
      return [IDLE, [...fill, { kind: "commit" }]];
    }
  }
}
