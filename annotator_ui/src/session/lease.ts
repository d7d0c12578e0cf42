/** The lease on an assignment: a heartbeat while the person works, and the time left. */

import { computed, signal } from "@preact/signals";
import { asProblem, type Problem } from "../api/problem";
import type { Activity } from "./activity";

/** The clocks of hub and browser may differ, so after a heartbeat the time left is counted here. */
export class Lease {
  private readonly endsAt = signal(0);
  private readonly now = signal(Date.now());
  readonly lost = signal<Problem | null>(null);
  readonly secondsLeft = computed(() => Math.max(0, Math.round((this.endsAt.value - this.now.value) / 1000)));
  private readonly ticking: ReturnType<typeof setInterval>;
  private lastBeat = Date.now();
  private beating: Promise<void> | null = null;

  constructor(
    expiresAt: string,
    private readonly seconds: number,
    private readonly heartbeat: () => Promise<unknown>,
    private readonly activity: Activity,
  ) {
    // A lease just taken or renewed cannot have more left than its length, whatever the clocks say.
    this.endsAt.value = Math.min(Date.parse(expiresAt), Date.now() + seconds * 1000);
    this.ticking = setInterval(() => this.tick(), 1000);
  }

  private tick(): void {
    this.now.value = Date.now();
    const due = Math.min(60_000, (this.seconds * 1000) / 3);
    // An abandoned tab lets its lease run out, so that somebody else can have the image.
    const working = this.activity.idleMs < Math.min(300_000, this.seconds * 500);
    if (working && Date.now() - this.lastBeat > due && !this.lost.value) void this.renew();
  }

  /** Renew now. Never throws: a lost lease is `lost`, a network that is down is tried again at the next beat. */
  renew(): Promise<void> {
    this.lastBeat = Date.now();
    this.beating ??= this.heartbeat()
      .then(
        () => {
          this.endsAt.value = Date.now() + this.seconds * 1000;
          this.now.value = Date.now();
          this.lost.value = null;
        },
        (error: unknown) => {
          const problem = asProblem(error);
          if (problem.code === "lease-expired" || problem.code === "wrong-state" || problem.code === "conflict") this.lost.value = problem;
        },
      )
      .finally(() => (this.beating = null));
    return this.beating;
  }

  stop(): void {
    clearInterval(this.ticking);
  }
}
