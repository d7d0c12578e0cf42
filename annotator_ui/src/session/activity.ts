/** Time the person spent working: gaps longer than half a minute are pauses. */

const PAUSE_MS = 30_000;

export class Activity {
  private activeMs = 0;
  private last: number;

  constructor(private readonly clock: () => number = Date.now) {
    this.last = clock();
  }

  /** The person did something. */
  note(): void {
    const now = this.clock();
    const gap = now - this.last;
    if (gap > 0 && gap < PAUSE_MS) this.activeMs += gap;
    this.last = now;
  }

  get idleMs(): number {
    return this.clock() - this.last;
  }

  get activeSeconds(): number {
    return Math.round(this.activeMs / 100) / 10;
  }
}
