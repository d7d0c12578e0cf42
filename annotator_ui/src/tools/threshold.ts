/** Threshold: what is joined to the pointer on its side of the local threshold; dragging right takes more, left less. */

import { pixelAt } from "../labels/line";
import { localThreshold, sumAround } from "../labels/plane";
import { growAcross } from "../labels/region";
import { beginGrowing, goOnGrowing, STILL, type Growing } from "./growing";
import { targetOf } from "./target";
import type { Tool } from "./tool";

export const threshold: Tool<Growing> = {
  id: "threshold",
  idle: STILL,
  step(state, event, scene) {
    if (state.kind !== "idle") return goOnGrowing(state, event);
    const { plane } = scene;
    const seed = pixelAt(event.at);
    if (event.kind !== "down" || !plane || seed.y < 0 || seed.x < 0 || seed.y >= plane.height || seed.x >= plane.width) return [state, []];
    const target = targetOf(event, scene);
    const found = localThreshold(plane, seed);
    const bright = sumAround(plane, seed.y, seed.x) >= found;
    const level = (more: number) => found + (bright ? -1 : 1) * more * 9 * (plane.high - plane.low);
    return beginGrowing(event, {
      tool: "threshold",
      target,
      act: (stroke, more) => {
        const side = sumAround(plane, seed.y, seed.x) >= level(more);
        return side === bright ? growAcross(stroke, plane, seed, level(more), target.id, target.over, scene.fillCircled) : 0;
      },
      params: (more) => ({ y: seed.y, x: seed.x, level: level(more) / 9 }),
      says: (more) => `${bright ? "≥" : "<"} ${Math.round(level(more) / 9)}`,
    });
  },
};
