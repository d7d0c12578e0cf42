/** One file to the hub: hashed, declared, sent in parts, read there. What was cut off goes on when it is sent again. */

import { api } from "../api/client";
import { Problem } from "../api/problem";
import type { HubUpload, NewUpload } from "../api/types";
import { putPart } from "../api/upload";
import { sha256OfFile } from "./file-hash";
import { isClosed, leadsToStore, silenceOf, tell as tellOfStore } from "./store-reach";

export type Step =
  | { kind: "hashing"; share: number }
  | { kind: "sending"; share: number }
  | { kind: "paused"; share: number }
  | { kind: "offline"; share: number }
  | { kind: "reading" };

export interface Sending {
  /** Rejected with a Problem, or with an AbortError after `cancel`. */
  readonly done: Promise<HubUpload>;
  pause(): void;
  resume(): void;
  /** Stop; what was sent is thrown away. */
  cancel(): void;
}

type Told = "dataset" | "purpose";
export type Fields = Pick<NewUpload, Told> & Partial<Omit<NewUpload, Told | "name" | "size" | "sha256">>;
const UNSAID = { source: "", stratum: "", image_name: "", layout: "auto", limit: null };

const AT_ONCE = 2;
const LINKS = 20;
const LONGEST_WAIT = 15_000;

export function sendFile(file: File, fields: Fields, tell: (step: Step) => void): Sending {
  const run = new Run(file, fields, tell);
  return { done: run.everything(), pause: () => run.pause(), resume: () => run.resume(), cancel: () => run.cancel() };
}

class Run {
  private readonly ended = new AbortController();
  /** Aborted by a pause, and made anew. */
  private parts = new AbortController();
  private gate: Promise<void> | null = null;
  private open: () => void = () => undefined;
  private row: HubUpload | null = null;
  private readonly under = new Map<number, number>();
  private whole = 0;
  private throughHub = false;

  constructor(
    private readonly file: File,
    private readonly fields: Fields,
    private readonly tell: (step: Step) => void,
  ) {}

  pause(): void {
    if (this.gate || this.ended.signal.aborted) return;
    this.gate = new Promise((resolve) => (this.open = resolve));
    this.parts.abort();
    this.tell({ kind: "paused", share: this.share });
  }

  resume(): void {
    this.gate = null;
    this.parts = new AbortController();
    this.open();
    this.tell({ kind: "sending", share: this.share });
  }

  cancel(): void {
    this.ended.abort();
    this.parts.abort();
    this.open();
    const { row } = this;
    // If this does not arrive, the hub forgets the parts by itself in some days.
    if (row?.state === "sending") void api.delete("/api/v1/uploads/{id}/", { path: { id: row.id } }).catch(() => undefined);
  }

  async everything(): Promise<HubUpload> {
    const { file, fields } = this;
    if (file.size === 0) throw new Problem(-1, { title: "The file is empty", detail: "The file is empty." });
    const sha256 = await sha256OfFile(file, (share) => this.tell({ kind: "hashing", share }), this.ended.signal);
    const body = { ...UNSAID, ...fields, name: file.name, size: file.size, sha256 };
    let row = (this.row = await this.persist(() => api.post("/api/v1/uploads/", { body })));
    while (row.state === "sending") {
      this.whole = row.size - row.missing.reduce((sum, [first, last]) => sum + this.bytes(row, first!, last!), 0);
      this.tell({ kind: "sending", share: this.share });
      await this.sendMissing(row);
      row = this.row = await this.persist(() => this.finish(row.id));
    }
    this.tell({ kind: "reading" });
    for (let wait = 300; row.state === "verifying" || row.state === "reading"; wait = Math.min(3000, wait * 1.4)) {
      await this.sleep(wait);
      row = this.row = await this.persist(() => api.get("/api/v1/uploads/{id}/", { path: { id: row.id } }));
    }
    if (row.state === "kept") return row;
    const { code, ...said } = row.error ?? { code: "wrong-state", title: "The upload was abandoned", detail: "The upload was abandoned." };
    throw new Problem(400, { ...said, type: `urn:cellcommons:${code}` });
  }

  private get share(): number {
    const under = [...this.under.values()].reduce((sum, sent) => sum + sent, 0);
    return Math.min(1, (this.whole + under) / this.file.size);
  }

  private bytes(row: HubUpload, first: number, last: number): number {
    return Math.min(row.size, last * row.part_size) - (first - 1) * row.part_size;
  }

  private async sendMissing(row: HubUpload): Promise<void> {
    for (;;) {
      const query = { count: LINKS, ...(this.throughHub ? { through: "hub" as const } : {}) };
      const { links, seconds } = await this.persist(() => api.get("/api/v1/uploads/{id}/links/", { path: { id: row.id }, query }));
      if (links.length === 0) return;
      if (links.some((link) => isClosed(link.url))) {
        this.throughHub = true;
        continue;
      }
      const until = Date.now() + 1000 * seconds;
      const waiting = links.map((link) => ({ ...link, until }));
      const one = async () => {
        for (let link = waiting.shift(); link; link = waiting.shift()) await this.sendPart(link);
      };
      await Promise.all(Array.from({ length: AT_ONCE }, one));
    }
  }

  /** Send one part; where its link is over the next links are asked for, and where the bucket takes nothing, the hub does. */
  private async sendPart(link: { part: number; offset: number; length: number; url: string; until: number }): Promise<void> {
    const bytes = this.file.slice(link.offset, link.offset + link.length);
    const elsewhere = leadsToStore(link.url);
    if (elsewhere && this.throughHub) return; // asked for before another part failed
    const progress = (sent: number) => {
      this.under.set(link.part, sent);
      this.tell({ kind: "sending", share: this.share });
    };
    try {
      await this.persist(() => putPart(link.url, bytes, progress, this.parts.signal, silenceOf(link.url)), elsewhere);
      this.whole += link.length;
      tellOfStore(link.url, true);
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      const isOver = error.status === 403 && Date.now() > link.until;
      if (elsewhere && !isOver) {
        this.throughHub = true;
        tellOfStore(link.url, false);
      } else if (error.status !== 403 && error.status !== 404) throw error;
    } finally {
      this.under.delete(link.part);
    }
  }

  private async finish(id: string): Promise<HubUpload> {
    try {
      return await api.post("/api/v1/uploads/{id}/finish/", { path: { id } });
    } catch (error) {
      // Parts are missing still, or another tab has abandoned it.
      if (error instanceof Problem && error.status === 409) return api.get("/api/v1/uploads/{id}/", { path: { id } });
      throw error;
    }
  }

  /** Try until it succeeds or is refused: through pauses, a lost network, a hub that starts anew. */
  private async persist<T>(attempt: () => Promise<T>, once = false): Promise<T> {
    for (let wait = 500; ; wait = Math.min(LONGEST_WAIT, wait * 2)) {
      if (this.gate) await this.gate;
      if (this.ended.signal.aborted) throw new DOMException("the upload was stopped", "AbortError");
      try {
        return await attempt();
      } catch (error) {
        if (this.ended.signal.aborted) throw error;
        if (error instanceof DOMException && error.name === "AbortError") continue; // paused
        if (!(error instanceof Problem) || !error.passing || error.code === "disk-full" || once) throw error;
        this.tell({ kind: "offline", share: this.share });
        await this.sleep(wait);
      }
    }
  }

  /** Wait; less where the network comes back. */
  private sleep(milliseconds: number): Promise<void> {
    return new Promise((resolve) => {
      const over = () => {
        clearTimeout(timer);
        globalThis.removeEventListener?.("online", over);
        this.ended.signal.removeEventListener("abort", over);
        resolve();
      };
      const timer = setTimeout(over, milliseconds);
      globalThis.addEventListener?.("online", over);
      this.ended.signal.addEventListener("abort", over);
    });
  }
}
