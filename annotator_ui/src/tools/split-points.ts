/** Split between two points of a cell: click one, then the other, or drag from one to the other. */

import { BACKGROUND } from "../labels/label-map";
import { pixelAt } from "../labels/line";
import type { Point } from "../labels/raster";
import { splitBetween } from "../labels/split";
import type { Operation, Tool } from "./tool";

export type Pointing = { readonly kind: "idle" } | { readonly kind: "pointed"; readonly first: Point; readonly id: number };

const IDLE: Pointing = { kind: "idle" };
const GONE: Operation = { kind: "sketch", sketch: null };
const SAYS = "and the other cell?";

export const splitPoints: Tool<Pointing> = {
  id: "split-points",
  idle: IDLE,
  step(state, event, scene) {
    const id = scene.cellAt(event.at);
    if (state.kind === "idle") {
      if (event.kind !== "down" || id === BACKGROUND) return [state, []];
      return [{ kind: "pointed", first: event.at, id }, [{ kind: "select", id }, { kind: "sketch", sketch: { points: [event.at], closed: false, says: SAYS } }]];
    }
    const { first } = state;
    switch (event.kind) {
      case "cancel":
      case "finish":
        return [IDLE, [GONE]];
      case "move":
        return [state, [{ kind: "sketch", sketch: { points: [first, event.at], closed: false, says: SAYS } }]];
      default: {
        const [a, b] = [pixelAt(first), pixelAt(event.at)];
        // Let go where it was pressed, or nearly: a click, and the other point is still to come.
        if (event.kind === "up" && Math.hypot(a.y - b.y, a.x - b.x) < 2) return [state, []];
        if (id !== state.id) return [IDLE, [GONE]];
        const params = { cell: id, y: a.y, x: a.x, toY: b.y, toX: b.x };
        return [IDLE, [GONE, { kind: "apply", tool: "split-points", params, act: (stroke) => void splitBetween(stroke, a, b) }]];
      }
    }
  },
};
