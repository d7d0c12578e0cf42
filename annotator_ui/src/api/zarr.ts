/** OME-Zarr 0.5 trees of the hub, read with the session's cookie. */

import * as zarr from "zarrita";
import { Problem } from "./problem";

export type Pixels = Uint8Array | Uint16Array | Uint32Array | Int8Array | Int16Array | Int32Array | Float32Array | Float64Array;

/** One channel's display as the image's author set it (OME `omero` block). */
export interface ChannelWindow {
  readonly label: string;
  /** Six hex digits. */
  readonly colour: string;
  readonly start: number;
  readonly end: number;
}

/** One plane per channel, row-major, `height * width` values. */
export interface Planes {
  readonly height: number;
  readonly width: number;
  readonly channels: readonly Pixels[];
}

/**
 * A level is one shard and is always wanted whole here, so an object is fetched once and ranges are cut from it:
 * one request instead of one for each chunk.
 */
class WholeObjects implements zarr.AsyncReadable {
  private readonly objects = new Map<string, Promise<Uint8Array | undefined>>();

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
    const whole = await this.get(key);
    if (!whole) return undefined;
    if ("suffixLength" in range) return whole.slice(Math.max(0, whole.length - range.suffixLength));
    return whole.slice(range.offset, range.offset + range.length);
  }

  private async fetch(key: string): Promise<Uint8Array | undefined> {
    let response: Response;
    try {
      response = await fetch(this.root.replace(/\/+$/, "") + key, { credentials: "same-origin" });
      if (response.ok) return new Uint8Array(await response.arrayBuffer());
    } catch {
      throw Problem.unreachable();
    }
    if (response.status === 404) return undefined;
    throw await Problem.of(response);
  }
}

interface Multiscales {
  axes: { name: string }[];
  datasets: { path: string }[];
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
  private constructor(
    readonly axes: readonly string[],
    readonly windows: readonly ChannelWindow[],
    private readonly levels: readonly Level[],
  ) {}

  /** @throws Problem where the tree is missing or is not OME-Zarr. */
  static async open(url: string): Promise<Pyramid> {
    try {
      const root = zarr.root(new WholeObjects(new URL(url, location.origin).href));
      const group = await zarr.open.v3(root, { kind: "group" });
      const { ome } = group.attrs as OmeAttributes;
      const multiscales = ome?.multiscales?.[0];
      if (!multiscales) throw new Error("the tree has no multiscales");
      const levels = await Promise.all(
        multiscales.datasets.map((dataset) => zarr.open.v3(group.resolve(dataset.path), { kind: "array" })),
      );
      const windows = (ome.omero?.channels ?? []).map((channel, i) => ({
        label: channel.label ?? `channel ${i + 1}`,
        colour: channel.color ?? "FFFFFF",
        start: channel.window?.start ?? NaN,
        end: channel.window?.end ?? NaN,
      }));
      return new Pyramid(multiscales.axes.map((axis) => axis.name), windows, levels);
    } catch (error) {
      throw unreadable(error, url);
    }
  }

  get levelCount(): number {
    return this.levels.length;
  }

  /** Rows and columns of a level. */
  size(level: number): { height: number; width: number } {
    const shape = this.levels[level]!.shape;
    return { height: shape[this.axes.indexOf("y")]!, width: shape[this.axes.indexOf("x")]! };
  }

  /** The smallest level that still has a pixel for each of the screen's `height` x `width`. */
  levelFor(height: number, width: number): number {
    for (let level = this.levelCount - 1; level > 0; level--) {
      const size = this.size(level);
      if (size.height >= height || size.width >= width) return level;
    }
    return 0;
  }

  /** All channels of one level; of other axes than c, y, x the first plane. */
  async read(level: number): Promise<Planes> {
    const array = this.levels[level]!;
    const size = this.size(level);
    const selection = this.axes.map((axis) => ("cyx".includes(axis) ? null : 0));
    try {
      const chunk = await zarr.get(array, selection);
      const data = chunk.data as unknown as Pixels;
      const plane = size.height * size.width;
      const count = this.axes.includes("c") ? array.shape[this.axes.indexOf("c")]! : 1;
      const channels = Array.from({ length: count }, (_, c) => data.subarray(c * plane, (c + 1) * plane));
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
