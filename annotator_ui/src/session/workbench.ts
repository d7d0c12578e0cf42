/** The workbench of one campaign: which assignment is open, and what stands in the way of the next. */

import { computed, signal } from "@preact/signals";
import { api } from "../api/client";
import { asProblem, Problem } from "../api/problem";
import type { Assignment, Campaign } from "../api/types";
import { AssignmentSession } from "./assignment";
import { Journal } from "./journal";
import { named } from "./names";
import { sessionExpired } from "./people";
import { TabLock } from "./tab-lock";

export type Phase =
  | { kind: "opening" }
  | { kind: "working"; session: AssignmentSession }
  /** Another tab has this image open. */
  | { kind: "elsewhere" }
  | { kind: "nothing-left" }
  | { kind: "failed"; problem: Problem };

export type Handing =
  | { kind: "idle" }
  | { kind: "submitting" }
  | { kind: "returning" }
  | { kind: "refused"; problem: Problem };

export class Workbench {
  readonly phase = signal<Phase>({ kind: "opening" });
  readonly handing = signal<Handing>({ kind: "idle" });
  /** While a reading is handed in nothing may be drawn: it would come too late to be in it. */
  readonly busy = computed(() => this.handing.value.kind === "submitting" || this.handing.value.kind === "returning");
  readonly campaign = signal<Campaign | null>(null);
  /** Images handed in during this sitting. */
  readonly done = signal(0);
  private journal: Journal | null = null;
  private closed = false;

  constructor(readonly name: string) {}

  /** Open the assignment the person holds, or lease the next. `steal` takes it from another tab. */
  async open(steal = false): Promise<void> {
    this.phase.value = { kind: "opening" };
    this.handing.value = { kind: "idle" };
    try {
      const path = named(this.name);
      // No lease is asked for where the browser keeps nothing.
      const journal = (this.journal ??= await openJournal());
      const [campaign, assignment] = await Promise.all([
        api.get("/api/v1/campaigns/{lab}/{slug}/", { path }),
        api.post("/api/v1/campaigns/{lab}/{slug}/assignments/next/", { path }),
      ]);
      this.campaign.value = campaign;
      if (assignment === null) {
        this.phase.value = { kind: "nothing-left" };
        return;
      }
      const lock = await TabLock.take(`assignment:${assignment.id}`, steal, () => this.lose());
      if (!lock) {
        this.phase.value = { kind: "elsewhere" };
        return;
      }
      try {
        const session = await AssignmentSession.open(assignment as Assignment, campaign, journal, lock);
        if (this.closed) session.close();
        else this.phase.value = { kind: "working", session };
      } catch (error) {
        lock.give();
        throw error;
      }
    } catch (error) {
      const problem = asProblem(error);
      if (problem.status === 401) sessionExpired.value = true;
      this.phase.value = { kind: "failed", problem };
    }
  }

  /** Leave the image where it is (its lease is lost) and take the next. */
  async next(): Promise<void> {
    this.session?.close();
    await this.open();
  }

  private lose(): void {
    this.session?.close();
    this.phase.value = { kind: "elsewhere" };
  }

  get session(): AssignmentSession | null {
    return this.phase.value.kind === "working" ? this.phase.value.session : null;
  }

  /** Hand the reading in and open the next at once. */
  async submit(): Promise<void> {
    if (await this.hand("submitting", (session) => session.submit())) {
      this.done.value++;
      await this.open();
    }
  }

  /** Give the image back. True when it is done; the caller leaves the page. */
  giveBack(): Promise<boolean> {
    return this.hand("returning", (session) => session.giveBack());
  }

  private async hand(kind: "submitting" | "returning", act: (session: AssignmentSession) => Promise<void>): Promise<boolean> {
    const { session } = this;
    if (!session || this.busy.value) return false;
    this.handing.value = { kind };
    try {
      await act(session);
      this.handing.value = { kind: "idle" };
      return true;
    } catch (error) {
      const problem = asProblem(error);
      if (problem.status === 401) sessionExpired.value = true;
      if (problem.code === "lease-expired") session.lease.lost.value = problem;
      this.handing.value = { kind: "refused", problem };
      return false;
    }
  }

  close(): void {
    this.closed = true;
    this.session?.close();
    this.journal?.close();
  }
}

async function openJournal(): Promise<Journal> {
  try {
    // Ask the browser not to evict the journal under disk pressure; it may say no.
    void navigator.storage?.persist?.();
    return await Journal.open();
  } catch (error) {
    throw new Problem(-1, {
      type: "urn:cellcommons:no-journal",
      title: "This browser keeps nothing on this device",
      detail: asProblem(error).message,
      remedy: "Leave the private window or allow site data for this address: a stroke is kept here before it is sent.",
    });
  }
}
