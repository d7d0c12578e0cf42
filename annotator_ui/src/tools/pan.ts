/** Pan: drag the picture. */

import type { Point } from "../labels/raster";
import type { Tool } from "./tool";

export type Panning = { readonly kind: "idle" } | { readonly kind: "panning"; readonly last: Point };

const IDLE: Panning = { kind: "idle" };

export const pan: Tool<Panning> = {
  id: "pan",
  idle: IDLE,
  step(state, event) {
    if (event.kind === "down") return [{ kind: "panning", last: event.screen }, []];
    if (state.kind === "idle") return [state, []];
    const dy = event.screen.y - state.last.y;
    const dx = event.screen.x - state.last.x;
    if (event.kind === "move") return [{ kind: "panning", last: event.screen }, [{ kind: "pan", dy, dx }]];
    return [IDLE, []];
  },
};
