/** The files of a zarr tree on the hub, fetched with the session's cookie: a level is one shard. */

import type * as zarr from "zarrita";
import { Problem } from "./problem";

/** Pieces nearer to each other than this are fetched together: a request costs more than the bytes between. */
const GAP = 32_768;

interface Wanted {
  readonly offset: number;
  readonly length: number;
  readonly resolve: (bytes: Uint8Array | undefined) => void;
  readonly reject: (reason: unknown) => void;
}

export class ZarrObjects implements zarr.AsyncReadable {
  /**
   * A plane's level is always wanted whole, so it is one request from which ranges are cut. Of a movie or a stack one
   * plane at a time is wanted: with `inPieces` its chunks are asked for by range, those that lie together at once.
   */
  inPieces = false;
  private readonly objects = new Map<string, Promise<Uint8Array | undefined>>();
  private readonly wanted = new Map<string, Wanted[]>();

  constructor(private readonly root: string) {}

  get(key: string): Promise<Uint8Array | undefined> {
    let object = this.objects.get(key);
    if (!object) {
      object = this.fetch(key);
      this.objects.set(key, object);
      object.catch(() => this.objects.delete(key));
    }
    return object;
  }

  async getRange(key: string, range: zarr.RangeQuery): Promise<Uint8Array | undefined> {
    if (this.inPieces) {
      if ("suffixLength" in range) return this.fetch(key, `bytes=-${range.suffixLength}`, range.suffixLength);
      return this.piece(key, range.offset, range.length);
    }
    const whole = await this.get(key);
    if (!whole) return undefined;
    if ("suffixLength" in range) return whole.slice(Math.max(0, whole.length - range.suffixLength));
    return whole.slice(range.offset, range.offset + range.length);
  }

  private piece(key: string, offset: number, length: number): Promise<Uint8Array | undefined> {
    return new Promise((resolve, reject) => {
      const waiting = this.wanted.get(key);
      const piece = { offset, length, resolve, reject };
      if (waiting) return void waiting.push(piece);
      this.wanted.set(key, [piece]);
      // The chunks of one plane are asked for in the same breath.
      setTimeout(() => {
        const pieces = this.wanted.get(key)!.sort((a, b) => a.offset - b.offset);
        this.wanted.delete(key);
        for (const run of runsOf(pieces)) void this.fetchRun(key, run);
      });
    });
  }

  private async fetchRun(key: string, run: readonly Wanted[]): Promise<void> {
    const start = run[0]!.offset;
    const end = Math.max(...run.map(({ offset, length }) => offset + length));
    try {
      const bytes = await this.fetch(key, `bytes=${start}-${end - 1}`, null, start);
      for (const { offset, length, resolve } of run) resolve(bytes?.slice(offset - start, offset - start + length));
    } catch (error) {
      for (const { reject } of run) reject(error);
    }
  }

  /** @param suffix, start - where a server that knows no ranges and sends the whole file is cut to the part. */
  private async fetch(key: string, range?: string, suffix: number | null = null, start = 0): Promise<Uint8Array | undefined> {
    let response: Response;
    try {
      response = await fetch(this.root.replace(/\/+$/, "") + key, { credentials: "same-origin", ...(range ? { headers: { Range: range } } : {}) });
      if (response.ok) {
        const bytes = new Uint8Array(await response.arrayBuffer());
        if (!range || response.status === 206) return bytes;
        return suffix === null ? bytes.subarray(start) : bytes.subarray(Math.max(0, bytes.length - suffix));
      }
    } catch {
      throw Problem.unreachable();
    }
    if (response.status === 404) return undefined;
    throw await Problem.of(response);
  }
}

/** Sorted pieces, those that lie together in one run. */
function runsOf(pieces: readonly Wanted[]): Wanted[][] {
  const runs: Wanted[][] = [];
  let end = -Infinity;
  for (const piece of pieces) {
    if (piece.offset - end > GAP) runs.push([piece]);
    else runs.at(-1)!.push(piece);
    end = Math.max(end, piece.offset + piece.length);
  }
  return runs;
}
