/** Wand: the pixels around the pointer that are as bright as it; dragging right takes more, left less. */

import { pixelAt } from "../labels/line";
import { growSimilar } from "../labels/region";
import { beginGrowing, dragged, goOnGrowing, STILL, type Growing } from "./growing";
import { targetOf } from "./target";
import type { Tool } from "./tool";

function clamped(tolerance: number): number {
  return Math.min(1, Math.max(0.005, tolerance));
}

export const wand: Tool<Growing> = {
  id: "wand",
  idle: STILL,
  step(state, event, scene) {
    const { plane, tolerance } = scene;
    if (state.kind !== "idle")
      return goOnGrowing(state, event, (now, from) => [{ kind: "tolerance", tolerance: clamped(tolerance + dragged(now, from)) }]);
    if (event.kind !== "down" || !plane) return [state, []];
    const target = targetOf(event, scene);
    const seed = pixelAt(event.at);
    const share = (more: number) => clamped(tolerance + more);
    const texels = (more: number) => share(more) * (plane.high - plane.low);
    return beginGrowing(event, {
      tool: "wand",
      target,
      act: (stroke, more) => growSimilar(stroke, plane, seed, texels(more), target.id, target.over, scene.fillCircled),
      params: (more) => ({ y: seed.y, x: seed.x, tolerance: texels(more) }),
      says: (more) => `± ${Math.round(100 * share(more))}%`,
    });
  },
};
