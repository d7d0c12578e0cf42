/** New cell: every stroke is a cell of its own. With Shift the stroke goes on with the selected cell. */

import { dab, drag, IDLE, type Painting } from "./painting";
import type { Tool } from "./tool";

export const newCell: Tool<Painting> = {
  id: "new-cell",
  idle: IDLE,
  step(state, event, scene) {
    if (state.kind !== "idle" || event.kind !== "down") return drag(state, event);
    const extend = event.shift && scene.selected !== null;
    const id = extend ? scene.selected : scene.nextId();
    const [next, first] = dab({
      id,
      radius: scene.radius,
      over: { kind: scene.protect ? "background" : "anything" },
      fill: scene.fillCircled,
    }, event);
    const tool = extend ? "brush" : "new-cell";
    return [next, [{ kind: "begin", tool, params: { cell: id, radius: scene.radius } }, { kind: "select", id }, first]];
  },
};
