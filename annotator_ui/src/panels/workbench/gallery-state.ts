/** The gallery without its pictures: which subjects are shown, which are chosen, and what a key says of them. */

import { computed, effect, signal, type ReadonlySignal } from "@preact/signals";
import { assign, leastSureFirst, saidOf, sayOfAll, shows, tally, type Classes, type Filter } from "../../labels/classes";
import { all, follow, nextWhere, NOTHING, only, press, step, sweep, type Selection } from "../../labels/selection";
import { sameValue, type Value } from "../../labels/values";
import type { AssignmentSession } from "../../session/assignment";

export type Order = "certainty" | "number";

interface Draft {
  readonly values: Readonly<Record<string, Value>>;
  readonly cells: Readonly<Record<string, number>>;
}

export class GalleryState {
  readonly filter = signal<Filter>({ kind: "all" });
  readonly order: ReturnType<typeof signal<Order>>;
  readonly selection = signal<Selection>(NOTHING);
  /** The subjects shown, in order. */
  readonly items: ReadonlySignal<readonly string[]>;
  readonly counts: ReadonlySignal<ReturnType<typeof tally>>;
  /** Tiles in a row, for the arrow keys; the grid says it. */
  columns = 1;
  private shown: readonly string[] = [];
  private swept: { from: string; before: ReadonlySet<string> } | null = null;
  private readonly stop: () => void;

  /** @param advance - after a single subject got its class the next one is chosen. */
  constructor(
    private readonly session: Pick<AssignmentSession, "values" | "change">,
    readonly subjects: readonly string[],
    readonly classes: Classes,
    private readonly draft: Draft | null,
    private readonly advance: ReadonlySignal<boolean>,
  ) {
    this.order = signal<Order>(draft ? "certainty" : "number");
    const sure = leastSureFirst(subjects, draft?.cells ?? {});
    this.items = computed(() =>
      (this.order.value === "certainty" ? sure : subjects).filter((subject) => shows(this.filter.value, session.values.value, subject)),
    );
    this.counts = computed(() => tally(session.values.value, subjects, classes));
    this.stop = effect(() => {
      const items = this.items.value;
      const before = this.shown;
      this.shown = items;
      this.selection.value = follow(this.selection.peek(), before, items);
    });
  }

  /** What a key acts on. */
  get targets(): string[] {
    const { chosen, focus } = this.selection.peek();
    return chosen.size > 0 ? this.items.peek().filter((item) => chosen.has(item)) : focus === null ? [] : [focus];
  }

  /** The draft's certainty of a subject whose class nobody has touched; null otherwise. */
  suggested(subject: string): number | null {
    const { draft } = this;
    const value = draft?.values[subject];
    if (!draft || value === undefined || !sameValue(value, this.session.values.value.get(subject) ?? null)) return null;
    return draft.cells[subject] ?? null;
  }

  /** Give the chosen subjects the class at `index`: one edit, one step of undo. */
  give(index: number): void {
    const name = this.classes.names[index];
    if (name !== undefined) this.say("class", (targets) => assign(this.session.values.peek(), targets, name, this.classes), !this.classes.multi);
  }

  /** Say that no class holds (where several may), or leave unsaid. */
  sayAll(value: readonly string[] | null): void {
    this.say(value === null ? "unsay" : "class", (targets) => sayOfAll(targets, value), true);
  }

  private say(tool: string, wanted: (targets: readonly string[]) => Record<string, Value | null>, complete: boolean): void {
    const { targets } = this;
    if (targets.length === 0) return;
    const { focus } = this.selection.peek();
    this.session.change(tool, { subjects: targets.length }, wanted(targets));
    if (complete && targets.length === 1 && this.advance.peek() && this.selection.peek().focus === focus) this.move(1);
  }

  press(item: string, held: { shift: boolean; ctrl: boolean }): void {
    const before = held.ctrl ? this.selection.peek().chosen : new Set<string>();
    this.selection.value = press(this.selection.peek(), this.items.peek(), item, held);
    this.swept = held.shift ? null : { from: item, before };
  }

  /** The pointer was dragged on to `item`. */
  sweep(item: string): void {
    if (this.swept && item !== this.selection.peek().focus) this.selection.value = sweep(this.items.peek(), this.swept.from, item, this.swept.before);
  }

  endSweep(): void {
    this.swept = null;
  }

  move(by: number, shift = false): void {
    this.selection.value = step(this.selection.peek(), this.items.peek(), by, shift);
  }

  go(item: string): void {
    if (!this.items.peek().includes(item)) this.filter.value = { kind: "all" };
    this.selection.value = only(item);
  }

  chooseAll(): void {
    this.selection.value = all(this.selection.peek(), this.items.peek());
  }

  /** Let go of all but the one the keyboard stands on. */
  release(): void {
    const { focus } = this.selection.peek();
    this.selection.value = focus === null ? NOTHING : only(focus);
  }

  nextUnsaid(): void {
    const next = nextWhere(this.selection.peek(), this.items.peek(), (item) => saidOf(this.session.values.peek(), item) === null);
    if (next !== null) this.selection.value = only(next);
  }

  close(): void {
    this.stop();
  }
}
