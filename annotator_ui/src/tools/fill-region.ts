/** Fill: the region under the pointer, as far as it has one class, becomes the class in hand. */

import { fillRegion } from "../labels/fill";
import { pixelAt } from "../labels/line";
import type { Tool } from "./tool";

export const fillWithClass: Tool<null> = {
  id: "fill-region",
  idle: null,
  step(_, event, scene) {
    const id = scene.paintClass;
    if (event.kind !== "down" || id === null) return [null, []];
    const { y, x } = pixelAt(event.at);
    return [null, [{ kind: "apply", tool: "fill-region", params: { class: id, y, x }, act: (stroke) => void fillRegion(stroke, y, x, id) }]];
  },
};
