/** Split along a line: drag across a cell. The cell that most of the line lies in is cut. */

import { pathPixels, pixelAt } from "../labels/line";
import type { Point } from "../labels/raster";
import { splitAlong } from "../labels/split";
import type { Operation, Tool } from "./tool";

export type Cutting = { readonly kind: "idle" } | { readonly kind: "cutting"; readonly points: readonly Point[] };

const IDLE: Cutting = { kind: "idle" };
const GONE: Operation = { kind: "sketch", sketch: null };

export const splitLine: Tool<Cutting> = {
  id: "split-line",
  idle: IDLE,
  step(state, event) {
    if (event.kind === "down") return [{ kind: "cutting", points: [event.at] }, []];
    if (state.kind === "idle" || event.kind === "finish") return [state, []];
    if (event.kind === "cancel") return [IDLE, [GONE]];
    const points = [...state.points, event.at];
    if (event.kind === "move") return [{ kind: "cutting", points }, [{ kind: "sketch", sketch: { points, closed: false } }]];
    const path = pathPixels(points.map(pixelAt));
    return [IDLE, [GONE, { kind: "apply", tool: "split-line", params: {}, act: (stroke) => void splitAlong(stroke, path) }]];
  },
};
