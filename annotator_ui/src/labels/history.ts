/** Undo and redo over pixels and values alike. */

import { sameDelta, type Delta } from "./tiles";
import { invertChanges, isEmpty, sameChanges, type Changes } from "./values";

/** What an edit does: to the pixels (its own inverse), and to the values (which is not). */
export interface Step {
  readonly delta: Delta;
  readonly changes: Changes;
}

/** An edit of before: enough to take it back. */
export interface PastEdit extends Step {
  readonly tool: string;
}

/** Deep enough for one image; a delta of runs weighs a few hundred bytes. */
const DEPTH = 1000;

function inverse({ delta, changes }: Step): Step {
  return { delta, changes: invertChanges(changes) };
}

function same(a: Step | undefined, b: Step): boolean {
  return a !== undefined && sameDelta(a.delta, b.delta) && sameChanges(a.changes, b.changes);
}

export class History {
  private readonly done: Step[] = [];
  private undone: Step[] = [];

  /** @param lasting - keys whose value, once said, stays: such an edit is not taken back. */
  constructor(private readonly lasting: ReadonlySet<string> = new Set()) {}

  get canUndo(): boolean {
    return this.done.length > 0;
  }

  get canRedo(): boolean {
    return this.undone.length > 0;
  }

  push({ delta, changes }: Step): void {
    this.undone = [];
    if (delta.length === 0 && (isEmpty(changes) || Object.keys(changes).some((key) => this.lasting.has(key)))) return;
    this.done.push({ delta, changes });
    if (this.done.length > DEPTH) this.done.shift();
  }

  /** What to apply to take the last edit back; null where there is none. */
  undo(): Step | null {
    const step = this.done.pop();
    if (!step) return null;
    this.undone.push(step);
    return inverse(step);
  }

  redo(): Step | null {
    const step = this.undone.pop();
    if (!step) return null;
    this.done.push(step);
    return step;
  }

  /**
   * Start from a line of edits made before, in order: after a reload the person can still take back what was done.
   * An undo or redo that no longer matches its edit (it was moved onto another base) counts as an edit of its own.
   */
  replay(past: readonly PastEdit[]): void {
    this.done.length = 0;
    this.undone = [];
    for (const edit of past) {
      const last = this.done.at(-1);
      if (edit.tool === "undo" && last && same(inverse(last), edit)) this.undo();
      else if (edit.tool === "redo" && same(this.undone.at(-1), edit)) this.redo();
      else this.push(edit);
    }
  }
}
