/** Undo and redo of one sitting. A change is its own inverse, so both stacks hold the same kind of thing. */

import type { Delta } from "./tiles";

/** Deep enough for a sitting; a delta of runs weighs a few hundred bytes. */
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

  clear(): void {
    this.done.length = 0;
    this.undone = [];
  }
}
