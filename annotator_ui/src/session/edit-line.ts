/** The line of edits from the person's hand to the hub: journalled first, then posted in order, again until accepted. */

import { signal } from "@preact/signals";
import { asProblem, Problem } from "../api/problem";
import type { Edit } from "../api/types";
import type { LocalEdit } from "../labels/editor";
import { TileVersions, type Delta } from "../labels/tiles";
import { isEmpty, type Changes } from "../labels/values";
import { newUuid } from "./digest";
import type { Durability } from "./durability";
import type { Journal, JournalEntry } from "./journal";
import { toWire } from "./wire";

/** An edit wherever it will stand in the line. */
export type Unsent = Pick<Pending, "uuid" | "tool" | "params" | "delta" | "changes">;

/** An edit that the hub has not acknowledged. */
export interface Pending {
  readonly uuid: string;
  readonly tool: string;
  readonly params: Record<string, unknown>;
  readonly delta: Delta;
  readonly changes: Changes;
  readonly seq: number;
  readonly versions: readonly number[];
  /** Set once it is in the journal. */
  entry: JournalEntry | null;
}

export interface Hub {
  /** @throws Problem */
  postEdits(edits: Edit[]): Promise<{ accepted: string[]; duplicates: string[]; edit_count: number }>;
}

const BATCH = 40;
/** Refused this often in a row although it was reconciled each time, the line is broken rather than behind. */
const MOST_CONFLICTS = 5;
const FIRST_WAIT = 500;
const LONGEST_WAIT = 20_000;

export class EditLine {
  readonly durability = signal<Durability>({ kind: "saved" });
  private pending: Pending[] = [];
  private acknowledged: number;
  private versions: TileVersions;
  /** Writes to the journal happen one after the other, in the order of the strokes. */
  private writing: Promise<void> = Promise.resolve();
  private pumping: Promise<void> | null = null;
  private wake: (() => void) | null = null;
  private again = false;
  private notKept: Problem | null = null;
  private closed = false;

  /**
   * @param acknowledged - edits the hub has; `versions` the hub's tile versions.
   * @param reconcile - called on 409: fetch what the hub has and call `rebaseOnto`.
   */
  constructor(
    private readonly assignment: string,
    private readonly journal: Journal,
    private readonly hub: Hub,
    private readonly reconcile: () => Promise<void>,
    start: { acknowledged: number; versions: Readonly<Record<string, number>> },
    private readonly sleep: (ms: number, woken: Promise<void>) => Promise<void> = sleepOrWake,
  ) {
    this.acknowledged = start.acknowledged;
    this.versions = new TileVersions(start.versions);
  }

  get waiting(): readonly Pending[] {
    return this.pending;
  }

  get editCount(): number {
    return this.acknowledged + this.pending.length;
  }

  /** Take a finished change. Its place in the line is fixed at once; journal and hub follow. */
  add(edit: LocalEdit): void {
    const pending = this.place({ uuid: newUuid(), ...edit });
    this.pending.push(pending);
    if (this.durability.value.kind === "offline") this.show("offline");
    this.write(async () => {
      await this.journalOne(pending);
      this.nowKept();
    });
    this.start();
  }

  private place(edit: Unsent): Pending {
    const versions = edit.delta.map((tile) => this.versions.get(tile));
    this.versions.bump(edit.delta);
    return { ...edit, versions, seq: this.editCount + 1, entry: null };
  }

  private entryOf({ uuid, seq, tool, params, delta, versions, changes }: Pending): JournalEntry {
    return { assignment: this.assignment, seq, uuid, tool, params, delta, versions, ...(isEmpty(changes) ? {} : { changes }) };
  }

  private async journalOne(pending: Pending): Promise<void> {
    if (!this.pending.includes(pending)) return; // a rebase replaced it meanwhile, and journals its successor
    const entry = this.entryOf(pending);
    await this.keep(() => this.journal.put(entry));
    pending.entry = entry;
  }

  /** A device that cannot keep the work is told to the person; the hub still gets it. */
  private async keep(put: () => Promise<void>): Promise<void> {
    try {
      await put();
      this.notKept = null;
    } catch (error) {
      this.notKept = new Problem(-1, {
        type: "urn:cellcommons:not-kept",
        title: "This browser does not keep your work",
        detail: asProblem(error).message,
        remedy: "Stay online until the mark says Saved; free some disk space or leave the private window.",
      });
    }
  }

  private write(task: () => Promise<void>): void {
    this.writing = this.writing.then(task);
  }

  /**
   * The hub's line is other than ours (409, or after a reload): go on after its `count` edits with `edits`.
   * `from`: the first place of the journal that no longer holds.
   */
  rebaseOnto(
    count: number,
    versions: Readonly<Record<string, number>>,
    edits: readonly Unsent[],
    from = Math.min(this.pending[0]?.seq ?? Infinity, count + 1),
  ): void {
    this.acknowledged = count;
    this.versions = new TileVersions(versions);
    this.pending = [];
    for (const edit of edits) this.pending.push(this.place(edit));
    const placed = [...this.pending];
    this.write(async () => {
      if (!placed.every((pending) => this.pending.includes(pending))) return; // a later rebase journals them
      const entries = placed.map((pending) => this.entryOf(pending));
      await this.keep(() => this.journal.rewrite(this.assignment, from, entries));
      placed.forEach((pending, i) => (pending.entry = entries[i]!));
      this.nowKept();
    });
    this.start();
  }

  /** Try now instead of when the wait is over: back online, signed in again, lease renewed. */
  retry(): void {
    this.wake?.();
    this.start();
  }

  /** Resolves when the hub has everything, rejects with the reason why it cannot, or after a while without an answer. */
  async settled(patience = 8000): Promise<void> {
    const deadline = Date.now() + patience;
    this.retry();
    while (this.pending.length > 0) {
      await Promise.race([this.pumping, new Promise((resolve) => setTimeout(resolve, 100))]);
      const state = this.durability.value;
      if (this.pending.length > 0 && "problem" in state && state.kind !== "not-kept") throw state.problem;
      if (this.closed || (state.kind === "offline" && Date.now() > deadline)) throw Problem.unreachable();
    }
  }

  close(): void {
    this.closed = true;
    this.wake?.();
  }

  /** Resolves when what was added so far is in the journal. */
  async journalled(): Promise<void> {
    await this.writing;
  }

  private start(): void {
    if (this.closed) return;
    if (this.pumping) {
      this.again = true; // it may be past its last look at the line
      return;
    }
    this.pumping = this.pump().finally(() => {
      this.pumping = null;
      if (this.again && this.pending.length > 0) this.start();
      this.again = false;
    });
  }

  private async pump(): Promise<void> {
    let wait = FIRST_WAIT;
    let conflicts = 0;
    while (this.pending.length > 0 && !this.closed) {
      if (!/^(offline|keeping)$/.test(this.durability.value.kind)) this.show("sending");
      await this.writing;
      const batch = this.journalledBatch();
      if (batch.length === 0) continue; // a rebase came between: its writing is awaited in the next turn
      try {
        const edits = await Promise.all(batch.map((pending) => toWire(pending.entry!)));
        this.acknowledge(await this.hub.postEdits(edits), batch);
        wait = FIRST_WAIT;
        conflicts = 0;
      } catch (error) {
        const problem = asProblem(error);
        if (problem.status === 409 && ++conflicts <= MOST_CONFLICTS && problem.code !== "lease-expired" && problem.code !== "wrong-state") {
          try {
            await this.reconcile();
            continue;
          } catch (refused) {
            if (!(await this.bear(asProblem(refused), wait))) return;
          }
        } else if (!(await this.bear(problem, wait))) return;
        wait = Math.min(LONGEST_WAIT, wait * 2);
      }
    }
    if (this.pending.length === 0) this.durability.value = { kind: "saved" };
  }

  /** Never says that a stroke is kept on this device before the journal has it. */
  private show(kind: "sending" | "offline"): void {
    const waiting = this.pending.length;
    const kept = this.pending.every((pending) => pending.entry !== null);
    this.durability.value = this.notKept
      ? { kind: "not-kept", waiting, problem: this.notKept }
      : { kind: kind === "offline" && !kept ? "keeping" : kind, waiting };
  }

  private nowKept(): void {
    if (this.durability.value.kind === "keeping") this.show("offline");
  }

  private journalledBatch(): Pending[] {
    const end = this.pending.findIndex((pending) => pending.entry === null);
    return this.pending.slice(0, Math.min(BATCH, end === -1 ? this.pending.length : end));
  }

  private acknowledge(reply: { accepted: string[]; duplicates: string[]; edit_count: number }, batch: Pending[]): void {
    const known = new Set([...reply.accepted, ...reply.duplicates]);
    const done = batch.filter((pending) => known.has(pending.uuid));
    if (done.length === 0) throw new Problem(-1, { title: "The hub accepted nothing", detail: "Its answer names none of the edits sent." });
    this.pending = this.pending.filter((pending) => !done.includes(pending));
    this.acknowledged += done.length;
    if (this.pending.length > 0) this.show("sending");
    else this.durability.value = { kind: "saved" };
  }

  /** Say what is wrong; wait where waiting helps. False: stop until somebody calls `retry`. */
  private async bear(problem: Problem, wait: number): Promise<boolean> {
    const waiting = this.pending.length;
    if (problem.code === "not-signed-in" || problem.status === 401) 
      this.durability.value = { kind: "signed-out", waiting, problem };
    else if (problem.code === "lease-expired" || problem.code === "wrong-state")
      this.durability.value = { kind: "lease-lost", waiting, problem };
    else if (problem.passing) {
      this.show("offline");
      await this.sleep(wait, new Promise((resolve) => (this.wake = resolve)));
      this.wake = null;
      return true;
    } else this.durability.value = { kind: "refused", waiting, problem };
    return false;
  }
}

function sleepOrWake(ms: number, woken: Promise<void>): Promise<void> {
  return Promise.race([woken, new Promise<void>((resolve) => setTimeout(resolve, ms))]);
}
