/** Eraser: begun inside a cell it trims that cell alone (while others are protected); begun outside, whatever it meets. */

import { BACKGROUND } from "../labels/label-map";
import { dab, drag, IDLE, type Painting } from "./painting";
import type { Tool } from "./tool";

export const eraser: Tool<Painting> = {
  id: "eraser",
  idle: IDLE,
  step(state, event, scene) {
    if (state.kind !== "idle" || event.kind !== "down") return drag(state, event);
    const under = scene.cellAt(event.at);
    const only = scene.protect && under !== BACKGROUND;
    const [next, first] = dab({
      id: BACKGROUND,
      radius: scene.radius,
      over: only ? { kind: "cell", id: under } : { kind: "anything" },
      fill: false,
    }, event);
    return [next, [{ kind: "begin", tool: "eraser", params: { cell: only ? under : BACKGROUND, radius: scene.radius } }, first]];
  },
};
