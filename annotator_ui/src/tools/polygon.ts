/** Polygon: a corner a click; closed by a click on the first corner, by a double click or by Enter. */

import { fillPolygon } from "../labels/polygon";
import type { Point } from "../labels/raster";
import { selecting, targetOf, type Target } from "./target";
import type { Operation, PointerStep, Tool } from "./tool";

interface Corner {
  readonly at: Point;
  readonly screen: Point;
}

export type Cornering =
  | { readonly kind: "idle" }
  | { readonly kind: "cornering"; readonly corners: readonly Corner[]; readonly pointer: Point; readonly target: Target };

const IDLE: Cornering = { kind: "idle" };
const GONE: Operation = { kind: "sketch", sketch: null };
/** Clicks this close to a corner mean that corner, CSS pixels. */
const NEAR = 9;

function near(corner: Corner | undefined, { screen }: PointerStep): boolean {
  return corner !== undefined && Math.hypot(corner.screen.y - screen.y, corner.screen.x - screen.x) <= NEAR;
}

function shown(state: Extract<Cornering, { kind: "cornering" }>): readonly [Cornering, readonly Operation[]] {
  const points = [...state.corners.map(({ at }) => at), state.pointer];
  return [state, [{ kind: "sketch", sketch: { points, closed: points.length > 3 } }]];
}

function closed({ corners, target }: Extract<Cornering, { kind: "cornering" }>): readonly [Cornering, readonly Operation[]] {
  if (corners.length < 3) return [IDLE, [GONE]];
  const points = corners.map(({ at }) => at);
  const { id, over, params } = target;
  return [IDLE, [GONE, ...selecting(target), { kind: "apply", tool: "polygon", params, act: (stroke) => fillPolygon(stroke, points, id, over) }]];
}

export const polygon: Tool<Cornering> = {
  id: "polygon",
  idle: IDLE,
  step(state, event, scene) {
    if (state.kind === "idle") {
      if (event.kind !== "down") return [state, []];
      return shown({ kind: "cornering", corners: [event], pointer: event.at, target: targetOf(event, scene) });
    }
    switch (event.kind) {
      case "cancel":
        return [IDLE, [GONE]];
      case "finish":
        return closed(state);
      case "down": {
        const { corners } = state;
        if (corners.length > 1 && (near(corners[0], event) || near(corners.at(-1), event))) return closed(state);
        return shown({ ...state, corners: near(corners.at(-1), event) ? corners : [...corners, event], pointer: event.at });
      }
      default:
        return shown({ ...state, pointer: event.at });
    }
  },
};
