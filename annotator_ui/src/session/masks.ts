/** The given detections of a movie, a frame's mask at a time: few are kept, all are measured once. */

import type { Given } from "../api/types";
import { Problem } from "../api/problem";
import { Pyramid } from "../api/zarr";
import { LabelMap } from "../labels/label-map";
import { measureFrame, type Cell } from "../lineage/cells";

/** What may stay in memory of masks, bytes. */
const BUDGET = 96 * 1024 * 1024;
const FEWEST = 4;
/** Masks asked for at the same time while all are measured. */
const AT_ONCE = 3;

export interface MaskSource {
  readonly frames: number;
  readonly height: number;
  readonly width: number;
  /** Row-major ids of one frame. @throws Problem */
  read(frame: number): Promise<Uint32Array<ArrayBuffer>>;
}

export class Masks {
  private readonly kept = new Map<number, Promise<LabelMap>>();
  private readonly most: number;
  private closed = false;

  constructor(private readonly source: MaskSource) {
    this.most = Math.max(FEWEST, Math.floor(BUDGET / (4 * source.height * source.width)));
  }

  /** @throws Problem where the movie has no detections or they do not fit it. */
  static async open(given: readonly Given[], image: { frames: number; height: number; width: number }): Promise<Masks> {
    const detections = given.find(({ kind }) => kind === "detections");
    if (!detections?.zarr_url)
      throw new Problem(-1, {
        title: "This movie has no detections",
        detail: "Tracking links cells that are there already, and none are given.",
        remedy: "Give the movie back and tell a curator.",
      });
    const pyramid = await Pyramid.open(detections.zarr_url);
    const { height, width } = pyramid.size;
    const { frames } = pyramid;
    if (frames !== image.frames || height !== image.height || width !== image.width)
      throw new Problem(-1, {
        title: "The detections do not fit the movie",
        detail: `They are ${frames} frames of ${height} x ${width}, the movie ${image.frames} of ${image.height} x ${image.width}.`,
        remedy: "Give the movie back and tell a curator.",
      });
    const read = async (t: number) => {
      const ids = (await pyramid.read(0, { t })).channels[0]!;
      return ids instanceof Uint32Array && ids.buffer instanceof ArrayBuffer ? (ids as Uint32Array<ArrayBuffer>) : new Uint32Array(ids);
    };
    return new Masks({ frames, height, width, read });
  }

  get frames(): number {
    return this.source.frames;
  }

  get size(): { height: number; width: number } {
    return this.source;
  }

  /** The mask of a frame, from those at hand or from the hub. */
  at(frame: number): Promise<LabelMap> {
    const { height, width } = this.source;
    const found = this.kept.get(frame) ?? this.source.read(frame).then((ids) => new LabelMap(height, width, ids));
    this.kept.delete(frame);
    this.kept.set(frame, found);
    found.catch(() => this.kept.delete(frame));
    for (const old of this.kept.keys()) if (this.kept.size > this.most) this.kept.delete(old);
    return found;
  }

  /** Read and measure every frame; `found` is told of them in order of time. @throws Problem at the first that cannot be read. */
  async measure(found: (cells: ReadonlyMap<number, readonly Cell[]>) => void): Promise<void> {
    const { frames, height, width } = this.source;
    const waiting = new Map<number, readonly Cell[]>();
    let next = 0;
    let told = 0;
    const measureOn = async () => {
      while (next < frames && !this.closed) {
        const frame = next++;
        // Not by `at`: the masks that the person looks at should stay at hand.
        const map = await (this.kept.get(frame) ?? this.source.read(frame));
        waiting.set(frame, measureFrame(frame, map instanceof LabelMap ? map.data : map, height, width));
        const batch = new Map<number, readonly Cell[]>();
        for (; waiting.has(told); told++) {
          batch.set(told, waiting.get(told)!);
          waiting.delete(told);
        }
        if (batch.size > 0 && !this.closed) found(batch);
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, measureOn));
  }

  close(): void {
    this.closed = true;
    this.kept.clear();
  }
}
