/** Picker: select the cell under the pointer and hand over to the brush; on background select none. */

import { BACKGROUND } from "../labels/label-map";
import type { Tool } from "./tool";

export const picker: Tool<null> = {
  id: "picker",
  idle: null,
  step(_, event, scene) {
    if (event.kind !== "down") return [null, []];
    const id = scene.cellAt(event.at);
    if (id === BACKGROUND) return [null, [{ kind: "select", id: null }]];
    return [null, [{ kind: "select", id }, { kind: "switch", tool: "brush" }]];
  },
};
