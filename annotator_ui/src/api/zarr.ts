/** OME-Zarr 0.5 trees of the hub, read with the session's cookie. */

import * as zarr from "zarrita";
import { Problem } from "./problem";
import { ZarrObjects } from "./zarr-objects";

export type Pixels = Uint8Array | Uint16Array | Uint32Array | Int8Array | Int16Array | Int32Array | Float32Array | Float64Array;

/** One channel's display as the image's author set it (OME `omero` block). */
export interface ChannelWindow {
  readonly label: string;
  /** Six hex digits. */
  readonly colour: string;
  readonly start: number;
  readonly end: number;
}

/** Which plane of a movie or a stack; the first where it is not said. */
export interface PlaneAt {
  readonly t?: number;
  readonly z?: number;
}

/** One plane per channel, row-major, `height * width` values. */
export interface Planes {
  readonly height: number;
  readonly width: number;
  readonly channels: readonly Pixels[];
}

interface Multiscales {
  axes: { name: string }[];
  datasets: { path: string; coordinateTransformations?: { scale?: number[] }[] }[];
}

interface OmeAttributes {
  ome?: {
    multiscales?: Multiscales[];
    omero?: { channels?: { label?: string; color?: string; window?: { start: number; end: number } }[] };
  };
}

type Level = zarr.Array<zarr.DataType, zarr.AsyncReadable>;

/** A multiscale image or label map; level 0 is the full resolution. */
export class Pyramid {
  private readonly opened: (Promise<Level> | undefined)[];

  /** @param shrunk - how many times smaller than level 0 each level is; `open` opens one: each is a request. */
  private constructor(
    readonly axes: readonly string[],
    readonly windows: readonly ChannelWindow[],
    private readonly full: Level,
    private readonly shrunk: readonly number[],
    private readonly open: (level: number) => Promise<Level>,
  ) {
    this.opened = [Promise.resolve(full)];
  }

  /** @throws Problem where the tree is missing or is not OME-Zarr. */
  static async open(url: string): Promise<Pyramid> {
    try {
      const objects = new ZarrObjects(new URL(url, location.origin).href);
      const root = zarr.root(objects);
      const group = await zarr.open.v3(root, { kind: "group" });
      const { ome } = group.attrs as OmeAttributes;
      const multiscales = ome?.multiscales?.[0];
      if (!multiscales) throw new Error("the tree has no multiscales");
      const { axes, datasets } = multiscales;
      const openLevel = (level: number) => zarr.open.v3(group.resolve(datasets[level]!.path), { kind: "array" });
      const x = axes.findIndex((axis) => axis.name === "x");
      const sizes = datasets.map(({ coordinateTransformations }) => coordinateTransformations?.find(({ scale }) => scale)?.scale?.[x] ?? 1);
      const windows = (ome.omero?.channels ?? []).map((channel, i) => ({
        label: channel.label ?? `channel ${i + 1}`,
        colour: channel.color ?? "FFFFFF",
        start: channel.window?.start ?? NaN,
        end: channel.window?.end ?? NaN,
      }));
      const names = axes.map((axis) => axis.name);
      const pyramid = new Pyramid(names, windows, await openLevel(0), sizes.map((size) => size / sizes[0]!), openLevel);
      objects.inPieces = pyramid.frames * pyramid.depth > 1;
      return pyramid;
    } catch (error) {
      throw unreadable(error, url);
    }
  }

  get levelCount(): number {
    return this.shrunk.length;
  }

  private length(axis: string): number {
    const at = this.axes.indexOf(axis);
    return at === -1 ? 1 : this.full.shape[at]!;
  }

  /** Frames of a movie; 1 where there is no time. */
  get frames(): number {
    return this.length("t");
  }

  /** Planes of a stack; 1 where there is no depth. */
  get depth(): number {
    return this.length("z");
  }

  /** Rows and columns in full. */
  get size(): { height: number; width: number } {
    return this.sizeOf(this.full);
  }

  private sizeOf({ shape }: Level): { height: number; width: number } {
    return { height: shape[this.axes.indexOf("y")]!, width: shape[this.axes.indexOf("x")]! };
  }

  private level(level: number): Promise<Level> {
    const opened = (this.opened[level] ??= this.open(level));
    opened.catch(() => (this.opened[level] = undefined));
    return opened;
  }

  /** The smallest level that still has a pixel for each of the screen's `height` x `width`. */
  levelFor(height: number, width: number): number {
    for (let level = this.levelCount - 1; level > 0; level--) {
      const shrunk = this.shrunk[level]!;
      if (this.size.height / shrunk >= height || this.size.width / shrunk >= width) return level;
    }
    return 0;
  }

  /**
   * All channels of one plane of one level. Of a movie or a stack only that plane is fetched.
   *
   * @param plane - indices at level 0; levels that are smaller in t or z are taken at the place that lies there.
   */
  async read(level: number, plane: PlaneAt = {}): Promise<Planes> {
    const array = await this.level(level).catch((error: unknown) => Promise.reject(unreadable(error, `level ${level}`)));
    const size = this.sizeOf(array);
    const selection = this.axes.map((axis, i) => {
      if ("cyx".includes(axis)) return null;
      const wanted = axis === "t" ? (plane.t ?? 0) : axis === "z" ? (plane.z ?? 0) : 0;
      return Math.min(array.shape[i]! - 1, Math.floor((wanted * array.shape[i]!) / this.length(axis)));
    });
    try {
      const chunk = await zarr.get(array, selection);
      const data = chunk.data as unknown as Pixels;
      const pixels = size.height * size.width;
      const count = this.axes.includes("c") ? array.shape[this.axes.indexOf("c")]! : 1;
      const channels = Array.from({ length: count }, (_, c) => data.subarray(c * pixels, (c + 1) * pixels));
      return { ...size, channels };
    } catch (error) {
      throw unreadable(error, `level ${level}`);
    }
  }
}

function unreadable(error: unknown, where: string): Problem {
  for (let cause: unknown = error; cause instanceof Error; cause = cause.cause) if (cause instanceof Problem) return cause;
  return new Problem(-1, {
    type: "urn:cellcommons:unreadable-image",
    title: "The image cannot be read",
    detail: error instanceof Error ? error.message : String(error),
    where,
    remedy: "Reload the page; if it stays, tell a curator which image it is.",
  });
}
