/** All tools, the one that is active, and the one in the hand while a button is down. */

import type { Editor } from "../labels/editor";
import { brush } from "./brush";
import { deleteCell } from "./delete-cell";
import { eraser } from "./eraser";
import { newCell } from "./new-cell";
import { pan } from "./pan";
import { picker } from "./picker";
import type { Operation, PointerStep, Scene, Tool, ToolId } from "./tool";

/** A tool with its own state inside, so that tools of different states can share a rack. */
interface Running {
  step(event: PointerStep, scene: Scene): readonly Operation[];
}

function run<State>(tool: Tool<State>): Running {
  let state = tool.idle;
  return {
    step(event, scene) {
      const [next, operations] = tool.step(state, event, scene);
      state = next;
      return operations;
    },
  };
}

const START: Record<ToolId, () => Running> = {
  brush: () => run(brush),
  eraser: () => run(eraser),
  "new-cell": () => run(newCell),
  "delete-cell": () => run(deleteCell),
  pan: () => run(pan),
  picker: () => run(picker),
};

/** Routes the events of one drag to one tool, even if the active tool changes under it. */
export class Toolbox {
  private held: Running | null = null;

  get busy(): boolean {
    return this.held !== null;
  }

  step(tool: ToolId, event: PointerStep, scene: Scene): readonly Operation[] {
    if (event.kind === "down") {
      if (this.held) return [];
      this.held = START[tool]();
    }
    if (!this.held) return [];
    const operations = this.held.step(event, scene);
    if (event.kind === "up" || event.kind === "cancel") this.held = null;
    return operations;
  }
}

/** What an operation asks of the workbench rather than of the label map. */
export type ViewOperation = Extract<Operation, { kind: "select" | "pan" | "switch" }>;

/** Carry `operations` out on `editor`; hand those that are not about labels to `view`. */
export function perform(operations: readonly Operation[], editor: Editor, view: (operation: ViewOperation) => void): void {
  for (const operation of operations) {
    switch (operation.kind) {
      case "begin":
        editor.begin(operation.tool, operation.params);
        break;
      case "paint":
        editor.paint(operation.from, operation.to, operation.radius, operation.id, operation.over);
        break;
      case "fill-circled":
        editor.fillCircled(operation.id, operation.over);
        break;
      case "erase-cell":
        editor.eraseCell(operation.id);
        break;
      case "commit":
        editor.commit();
        break;
      case "abort":
        editor.abort();
        break;
      default:
        view(operation);
    }
  }
}
