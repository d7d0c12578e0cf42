/**
 * Brush: begun inside a cell it selects and extends that cell; on background it goes on with the selected one. Where ids
 * are classes it paints the class in hand wherever it begins.
 */

import { BACKGROUND } from "../labels/label-map";
import { dab, drag, IDLE, type Painting } from "./painting";
import type { Tool } from "./tool";

export const brush: Tool<Painting> = {
  id: "brush",
  idle: IDLE,
  step(state, event, scene) {
    if (state.kind !== "idle" || event.kind !== "down") return drag(state, event);
    const under = scene.cellAt(event.at);
    const id = scene.paintClass ?? (under !== BACKGROUND ? under : (scene.selected ?? scene.nextId()));
    const [next, first] = dab({
      id,
      radius: scene.radius,
      over: { kind: scene.protect ? "background" : "anything" },
      fill: scene.fillCircled,
    }, event);
    if (scene.paintClass !== null) return [next, [{ kind: "begin", tool: "brush", params: { class: id, radius: scene.radius } }, first]];
    return [
      next,
      [{ kind: "begin", tool: "brush", params: { cell: id, radius: scene.radius } }, { kind: "select", id }, first],
    ];
  },
};
