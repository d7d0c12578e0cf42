/** The state shared by every tool that drags a disc over the picture. */

import { BACKGROUND } from "../labels/label-map";
import type { Point } from "../labels/raster";
import type { Over } from "../labels/stroke";
import type { Operation, PointerStep } from "./tool";

export type Painting =
  | { readonly kind: "idle" }
  | { readonly kind: "painting"; readonly last: Point; readonly id: number; readonly radius: number; readonly over: Over; readonly fill: boolean };

export const IDLE: Painting = { kind: "idle" };

/** The radius under a pen: a quarter where it hardly touches, all of it when pressed hard. */
function pressed(radius: number, { pressure }: Pick<PointerStep, "pressure">): number {
  return Math.max(0.5, radius * (0.25 + 0.75 * pressure));
}

/** The first dab of a stroke. */
export function dab(stroke: Omit<Extract<Painting, { kind: "painting" }>, "kind" | "last">, event: PointerStep): readonly [Painting, Operation] {
  const { id, radius, over } = stroke;
  return [
    { kind: "painting", last: event.at, ...stroke },
    { kind: "paint", from: event.at, to: event.at, radius: pressed(radius, event), id, over },
  ];
}

/** Every step after the first: the same for brush, eraser and new cell. */
export function drag(state: Painting, event: PointerStep): readonly [Painting, readonly Operation[]] {
  if (state.kind === "idle" || event.kind === "down") return [state, []];
  const { last, id, over } = state;
  switch (event.kind) {
    case "finish":
      return [state, []];
    case "cancel":
      return [IDLE, [{ kind: "abort" }]];
    case "move":
      return [{ ...state, last: event.at }, [{ kind: "paint", from: last, to: event.at, radius: pressed(state.radius, event), id, over }]];
    case "up": {
      const fill: Operation[] = state.fill && id !== BACKGROUND ? [{ kind: "fill-circled", id, over }] : [];
      return [IDLE, [...fill, { kind: "commit" }]];
    }
  }
}
