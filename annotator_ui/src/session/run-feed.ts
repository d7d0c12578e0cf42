/** A training run as it goes on: server-sent events, and asking again and again where those do not come through. */

import { signal, type ReadonlySignal } from "@preact/signals";
import { listen } from "../api/events";
import { asProblem, type Problem } from "../api/problem";
import type { RunState, TrainingRun } from "../api/types";
import { getTrainingRun } from "./models";

export interface Feed {
  readonly run: TrainingRun | null;
  /** `live`: events arrive; `polling`: they broke and we ask; `ended`: the run is over. */
  readonly connection: "opening" | "live" | "polling" | "ended";
  /** Breaks in a row since the last news. */
  readonly breaks: number;
  readonly problem: Problem | null;
}

export type FeedEvent =
  | { kind: "opened" }
  | { kind: "progress"; run: TrainingRun }
  | { kind: "end"; run: TrainingRun | null }
  | { kind: "broken" }
  | { kind: "polled"; run: TrainingRun }
  | { kind: "refused"; problem: Problem };

const ENDED: readonly RunState[] = ["finished", "failed", "cancelled"];

export function isOver(state: RunState): boolean {
  return ENDED.includes(state);
}

export const nothingYet: Feed = { run: null, connection: "opening", breaks: 0, problem: null };

/** A worker's news may overtake each other: the step of one attempt never goes back on the page. */
function later(known: TrainingRun | null, told: TrainingRun): TrainingRun {
  if (!known || known.state !== told.state || isOver(told.state)) return told;
  return (told.progress.step ?? 0) < (known.progress.step ?? 0) && told.curve.length < known.curve.length ? known : told;
}

export function reduceFeed(feed: Feed, event: FeedEvent): Feed {
  switch (event.kind) {
    case "opened":
      return { ...feed, connection: "opening", problem: null };
    case "progress":
      return { run: later(feed.run, event.run), connection: isOver(event.run.state) ? "ended" : "live", breaks: 0, problem: null };
    case "end":
      return { ...feed, run: event.run ?? feed.run, connection: "ended", problem: null };
    case "broken":
      return feed.connection === "ended" ? feed : { ...feed, connection: "polling", breaks: feed.breaks + 1 };
    case "polled":
      return { ...feed, run: later(feed.run, event.run), connection: isOver(event.run.state) ? "ended" : "polling", problem: null };
    case "refused":
      return { ...feed, problem: event.problem };
  }
}

/** Milliseconds until the next question while events do not come: 1, 2, 4, then every 5 seconds. */
export function pollDelay(breaks: number): number {
  return Math.min(5000, 1000 * 2 ** Math.max(0, breaks - 1));
}

export class RunFeed {
  private readonly state = signal<Feed>(nothingYet);
  readonly feed: ReadonlySignal<Feed> = this.state;
  private closeStream: () => void = () => undefined;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private closed = false;

  constructor(private readonly id: string) {}

  /** Begin, or begin anew after the run was resumed. */
  open(): void {
    this.stopAll();
    this.tell({ kind: "opened" });
    this.closeStream = listen(`/api/v1/training-runs/${this.id}/events/`, {
      progress: (data) => this.tell({ kind: "progress", run: data as TrainingRun }),
      end: (data) => this.tell({ kind: "end", run: data as TrainingRun | null }),
      broken: () => {
        this.tell({ kind: "broken" });
        if (this.state.value.connection === "polling") void this.poll();
      },
    });
  }

  close(): void {
    this.closed = true;
    this.stopAll();
  }

  private stopAll(): void {
    this.closeStream();
    clearTimeout(this.timer);
  }

  private tell(event: FeedEvent): void {
    if (!this.closed) this.state.value = reduceFeed(this.state.value, event);
  }

  private async poll(): Promise<void> {
    let again = true;
    try {
      this.tell({ kind: "polled", run: await getTrainingRun(this.id) });
    } catch (error) {
      const problem = asProblem(error);
      this.tell({ kind: "refused", problem });
      again = problem.passing;
    }
    if (this.closed || this.state.value.connection === "ended" || !again) return;
    // Each time round try the stream first: it is cheaper for the hub than our questions.
    this.timer = setTimeout(() => this.open(), pollDelay(this.state.value.breaks));
  }
}
