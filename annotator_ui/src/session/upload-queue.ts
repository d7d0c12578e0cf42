/** Files on their way to a dataset: two at a time, each with its own progress and result. */

import { signal, type ReadonlySignal } from "@preact/signals";
import { asProblem, type Problem } from "../api/problem";
import type { HubUpload } from "../api/types";
import type { Sending, Step } from "./file-sending";

export type UploadState =
  | { kind: "waiting" }
  | Step
  | { kind: "done"; upload: HubUpload }
  | { kind: "refused"; problem: Problem }
  | { kind: "stopped" };

export interface UploadRow {
  readonly key: number;
  readonly file: File;
  readonly state: UploadState;
}

export type Send = (file: File, tell: (step: Step) => void) => Sending;

/** What has not ended. */
export const GOING: ReadonlySet<UploadState["kind"]> = new Set(["waiting", "hashing", "sending", "paused", "offline", "reading"]);

const AT_ONCE = 2;

export class UploadQueue {
  private readonly listed = signal<readonly UploadRow[]>([]);
  readonly rows: ReadonlySignal<readonly UploadRow[]> = this.listed;
  private readonly running = new Map<number, Sending>();
  private readonly how = new Map<number, Send>();
  private next = 1;

  /** `stored` is called for each file that the hub took. */
  constructor(private readonly stored: (upload: HubUpload) => void) {}

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

  pause(key: number): void {
    this.running.get(key)?.pause();
  }

  resume(key: number): void {
    this.running.get(key)?.resume();
  }

  /** Stop; what was sent is thrown away. */
  cancel(key: number): void {
    if (this.running.has(key)) this.running.get(key)!.cancel();
    else this.set(key, { kind: "stopped" });
  }

  /** Forget what is over. */
  clear(): void {
    this.listed.value = this.listed.value.filter((row) => GOING.has(row.state.kind));
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
    this.set(row.key, { kind: "hashing", share: 0 });
    const sending = this.how.get(row.key)!(row.file, (step) => this.set(row.key, step));
    this.running.set(row.key, sending);
    try {
      const upload = await sending.done;
      this.set(row.key, { kind: "done", upload });
      this.stored(upload);
    } catch (error) {
      if (error instanceof DOMException && error.name === "AbortError") this.set(row.key, { kind: "stopped" });
      else this.set(row.key, { kind: "refused", problem: asProblem(error) });
    } finally {
      this.running.delete(row.key);
      this.fill();
    }
  }
}
