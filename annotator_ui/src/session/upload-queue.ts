/** Files on their way to a dataset: two at a time, each with its own progress and result. */

import { signal, type ReadonlySignal } from "@preact/signals";
import { asProblem, type Problem } from "../api/problem";
import type { Received } from "../api/types";
import type { Upload } from "../api/upload";

export type UploadState =
  | { kind: "waiting" }
  | { kind: "sending"; share: number }
  | { kind: "reading" }
  | { kind: "done"; received: Received }
  | { kind: "there"; problem: Problem }
  | { kind: "refused"; problem: Problem }
  | { kind: "stopped" };

export interface UploadRow {
  readonly key: number;
  readonly file: File;
  readonly state: UploadState;
}

export type Send = (file: File, progress: (share: number) => void) => Upload<Received>;

const AT_ONCE = 2;

export class UploadQueue {
  private readonly listed = signal<readonly UploadRow[]>([]);
  readonly rows: ReadonlySignal<readonly UploadRow[]> = this.listed;
  private readonly running = new Map<number, { abort(): void }>();
  private readonly how = new Map<number, Send>();
  private next = 1;

  /** `stored` is called for each file that the hub took. */
  constructor(private readonly stored: (received: Received) => void) {}

  add(files: readonly File[], send: Send): void {
    const fresh = files.map((file): UploadRow => ({ key: this.next++, file, state: { kind: "waiting" } }));
    for (const row of fresh) this.how.set(row.key, send);
    this.listed.value = [...fresh.slice().reverse(), ...this.listed.value];
    this.fill();
  }

  retry(key: number): void {
    this.set(key, { kind: "waiting" });
    this.fill();
  }

  stop(key: number): void {
    if (this.running.has(key)) this.running.get(key)!.abort();
    else this.set(key, { kind: "stopped" });
  }

  /** Forget what is over. */
  clear(): void {
    const going = new Set(["waiting", "sending", "reading"]);
    this.listed.value = this.listed.value.filter((row) => going.has(row.state.kind));
  }

  private set(key: number, state: UploadState): void {
    this.listed.value = this.listed.value.map((row) => (row.key === key ? { ...row, state } : row));
  }

  private fill(): void {
    // Oldest first: rows are listed newest first.
    const waiting = this.listed.value.filter((row) => row.state.kind === "waiting").reverse();
    for (const row of waiting.slice(0, AT_ONCE - this.running.size)) void this.run(row);
  }

  private async run(row: UploadRow): Promise<void> {
    this.set(row.key, { kind: "sending", share: 0 });
    const sending = this.how.get(row.key)!(row.file, (share) =>
      this.set(row.key, share < 1 ? { kind: "sending", share } : { kind: "reading" }),
    );
    this.running.set(row.key, sending);
    try {
      const received = await sending.done;
      this.set(row.key, { kind: "done", received });
      this.stored(received);
    } catch (error) {
      if (error instanceof DOMException && error.name === "AbortError") this.set(row.key, { kind: "stopped" });
      else {
        const problem = asProblem(error);
        this.set(row.key, { kind: problem.code === "already-there" ? "there" : "refused", problem });
      }
    } finally {
      this.running.delete(row.key);
      this.fill();
    }
  }
}
