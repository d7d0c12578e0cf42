/** All tools, the one that is active, and the one in the hand while a button is down. */

import type { Editor } from "../labels/editor";
import { brush } from "./brush";
import { deleteCell } from "./delete-cell";
import { eraser } from "./eraser";
import { fillWithClass } from "./fill-region";
import { lasso } from "./lasso";
import { merge } from "./merge";
import { newCell } from "./new-cell";
import { pan } from "./pan";
import { picker } from "./picker";
import { polygon } from "./polygon";
import { splitLine } from "./split-line";
import { splitPoints } from "./split-points";
import { threshold } from "./threshold";
import { wand } from "./wand";
import type { Operation, PointerStep, Scene, Tool, ToolId } from "./tool";

/** A tool with its own state inside, so that tools of different states can share a rack. */
interface Running {
  readonly idle: boolean;
  step(event: PointerStep, scene: Scene): readonly Operation[];
}

function run<State>(tool: Tool<State>): Running {
  let state = tool.idle;
  return {
    get idle() {
      return state === tool.idle;
    },
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
  polygon: () => run(polygon),
  lasso: () => run(lasso),
  wand: () => run(wand),
  threshold: () => run(threshold),
  "fill-region": () => run(fillWithClass),
  "split-line": () => run(splitLine),
  "split-points": () => run(splitPoints),
  merge: () => run(merge),
  pan: () => run(pan),
  picker: () => run(picker),
};

interface Held {
  readonly tool: ToolId;
  readonly running: Running;
}

/**
 * Routes the events of one drag to one tool, even if the active tool changes under it. A tool that waits for a further
 * point with no button down goes on with the next press; moving the image does not disturb it.
 */
export class Toolbox {
  /** The tool of the button that is down. */
  private held: Held | null = null;
  /** The tool that waits for a point. */
  private waiting: Held | null = null;

  /** A button is down. */
  get busy(): boolean {
    return this.held !== null;
  }

  /** A tool waits for a further point: it wants to know of every move. */
  get pending(): boolean {
    return this.waiting !== null;
  }

  step(tool: ToolId, event: PointerStep, scene: Scene): readonly Operation[] {
    if (event.kind === "finish") return this.goOn(this.waiting, event, scene);
    if (event.kind === "down") {
      if (this.held) return [];
      const left = tool !== "pan" && this.waiting !== null && this.waiting.tool !== tool ? this.leave(event, scene) : [];
      this.held = tool === this.waiting?.tool ? this.waiting : { tool, running: START[tool]() };
      return [...left, ...this.goOn(this.held, event, scene)];
    }
    if (!this.held) return event.kind === "move" ? this.goOn(this.waiting, event, scene) : [];
    const { held } = this;
    if (event.kind === "up" || event.kind === "cancel") this.held = null;
    return this.goOn(held, event, scene);
  }

  /** Give up what waits for a further point: Escape, or another tool was chosen. */
  leave(event: PointerStep, scene: Scene): readonly Operation[] {
    return this.goOn(this.waiting, { ...event, kind: "cancel" }, scene);
  }

  private goOn(held: Held | null, event: PointerStep, scene: Scene): readonly Operation[] {
    if (!held) return [];
    const operations = held.running.step(event, scene);
    if (held.tool === "pan") return operations;
    if (held.running.idle) this.waiting = this.waiting === held ? null : this.waiting;
    else if (this.held !== held) this.waiting = held;
    return operations;
  }
}

/** What an operation asks of the workbench rather than of the label map. */
export type ViewOperation = Extract<Operation, { kind: "select" | "pan" | "switch" | "sketch" | "tolerance" }>;

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
      case "apply":
        editor.apply(operation.tool, operation.params, operation.act);
        break;
      case "again":
        editor.again(operation.params, operation.act);
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
