/** Going through what is suspicious: where the person is, and what they found to be fine. */

import { computed, signal, type ReadonlySignal } from "@preact/signals";
import { nextSuspicion, type Suspicion } from "../lineage/suspicion";

export class Review {
  /** The event the person is at. */
  readonly current = signal<string | null>(null);
  /** The same, as long as it is still suspicious. */
  readonly event: ReadonlySignal<Suspicion | null>;
  /** All that are not known to be fine, by frame. */
  readonly events: ReadonlySignal<readonly Suspicion[]>;
  private readonly fine = signal<ReadonlySet<string>>(new Set());

  constructor(all: ReadonlySignal<readonly Suspicion[]>) {
    this.events = computed(() => all.value.filter(({ id }) => !this.fine.value.has(id)));
    this.event = computed(() => this.events.value.find(({ id }) => id === this.current.value) ?? null);
  }

  next(frame: number, direction: 1 | -1): Suspicion | null {
    return nextSuspicion(this.events.peek(), this.current.peek(), frame, direction);
  }

  /** Not shown again. Returns what comes next where the person was at it. */
  dismiss(id: string, frame: number): Suspicion | null {
    const wasCurrent = this.current.peek() === id;
    const next = nextSuspicion(this.events.peek(), id, frame, 1);
    this.fine.value = new Set([...this.fine.peek(), id]);
    if (!wasCurrent) return null;
    this.current.value = null;
    return next?.id === id ? null : next;
  }
}
