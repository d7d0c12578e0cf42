/** Lasso: what is circled becomes a cell when the button is let go; nothing is painted on the way. */

import { fillPolygon } from "../labels/polygon";
import type { Point } from "../labels/raster";
import { selecting, targetOf, type Target } from "./target";
import type { Operation, Tool } from "./tool";

export type Lassoing = { readonly kind: "idle" } | { readonly kind: "circling"; readonly points: readonly Point[]; readonly target: Target };

const IDLE: Lassoing = { kind: "idle" };
const GONE: Operation = { kind: "sketch", sketch: null };

export const lasso: Tool<Lassoing> = {
  id: "lasso",
  idle: IDLE,
  step(state, event, scene) {
    if (event.kind === "down") return [{ kind: "circling", points: [event.at], target: targetOf(event, scene) }, []];
    if (state.kind === "idle" || event.kind === "finish") return [state, []];
    if (event.kind === "cancel") return [IDLE, [GONE]];
    const points = [...state.points, event.at];
    if (event.kind === "move") return [{ ...state, points }, [{ kind: "sketch", sketch: { points, closed: true } }]];
    const { id, over, params } = state.target;
    return [IDLE, [GONE, ...selecting(state.target), { kind: "apply", tool: "lasso", params, act: (stroke) => fillPolygon(stroke, points, id, over) }]];
  },
};
