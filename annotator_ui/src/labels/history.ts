/** Undo and redo. A change is its own inverse, so both stacks hold the same kind of thing. */

import { sameDelta, type Delta } from "./tiles";

/** An edit of before: enough to take it back. */
export interface PastEdit {
  readonly tool: string;
  readonly delta: Delta;
}

/** Deep enough for one image; a delta of runs weighs a few hundred bytes. */
const DEPTH = 1000;

export class History {
  private readonly done: Delta[] = [];
  private undone: Delta[] = [];

  get canUndo(): boolean {
    return this.done.length > 0;
  }

  get canRedo(): boolean {
    return this.undone.length > 0;
  }

  push(delta: Delta): void {
    this.done.push(delta);
    if (this.done.length > DEPTH) this.done.shift();
    this.undone = [];
  }

  /** The delta to apply to take the last change back; null where there is none. */
  undo(): Delta | null {
    const delta = this.done.pop();
    if (!delta) return null;
    this.undone.push(delta);
    return delta;
  }

  redo(): Delta | null {
    const delta = this.undone.pop();
    if (!delta) return null;
    this.done.push(delta);
    return delta;
  }

  /**
   * Start from a line of edits made before, in order: after a reload the person can still take back what was drawn.
   * An undo or redo that no longer matches its stroke (it was moved onto another base) counts as an edit of its own.
   */
  replay(past: readonly PastEdit[]): void {
    this.done.length = 0;
    this.undone = [];
    for (const { tool, delta } of past) {
      if (tool === "undo" && sameDelta(this.done.at(-1) ?? [], delta)) this.undo();
      else if (tool === "redo" && sameDelta(this.undone.at(-1) ?? [], delta)) this.redo();
      else this.push(delta);
    }
  }
}
