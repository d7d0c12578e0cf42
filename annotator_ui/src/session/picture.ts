/** The image under annotation: loaded coarse first, then in full, one plane at a time; one display per channel. */

import { signal, type Signal } from "@preact/signals";
import type { Plane } from "../labels/plane";
import type { HubImage } from "../api/types";
import { Pyramid, type Pixels, type PlaneAt, type Planes } from "../api/zarr";
import { autoContrast, histogram, rangeOf, texelOf, toTexels, type Range } from "./intensities";

export interface ChannelDisplay {
  readonly visible: boolean;
  /** `#rrggbb` */
  readonly colour: string;
  /** Window in raw intensities. */
  readonly low: number;
  readonly high: number;
  readonly gamma: number;
}

export interface Channel {
  readonly name: string;
  readonly display: Signal<ChannelDisplay>;
  /** Range the contrast sliders run over. */
  readonly range: Range;
  readonly histogram: Uint32Array;
  readonly values: Pixels;
  readonly texels: Uint16Array<ArrayBuffer>;
}

/** Channels at one level of the pyramid. */
export interface PictureLevel {
  readonly height: number;
  readonly width: number;
  readonly channels: readonly Channel[];
  readonly full: boolean;
}

/** Distinct under deuteranopia as far as additive mixing allows; one channel alone is white. */
const COLOURS = ["#3f8cff", "#35d07f", "#ff5fa2", "#ffb02e", "#4fe0e6", "#b98cff"];

/** An image of the hub, or a tree that is given beside it. */
export type PictureSource = Pick<HubImage, "zarr_url" | "channels">;

function keyOf({ t = 0, z = 0 }: PlaneAt): string {
  return `${t},${z}`;
}

/** Planes kept at hand: enough to go back and forth between neighbours without asking the hub again. */
const KEPT = 12;

export class Picture {
  readonly level = signal<PictureLevel | null>(null);
  /** The plane of a movie or a stack that is wanted; `level` follows when it is there. */
  readonly plane = signal<PlaneAt>({ t: 0, z: 0 });
  private readonly displays: Signal<ChannelDisplay>[] = [];
  private readonly kept = new Map<string, Promise<PictureLevel>>();

  /** The level that is shown first, asked for ahead of time. */
  private ahead: { readonly level: number; readonly planes: Promise<Planes> } | null = null;

  private constructor(
    readonly image: PictureSource,
    private readonly pyramid: Pyramid,
  ) {}

  static async open(image: PictureSource): Promise<Picture> {
    return new Picture(image, await Pyramid.open(image.zarr_url));
  }

  /** Frames of a movie; 1 where there is no time. */
  get frames(): number {
    return this.pyramid.frames;
  }

  /** Planes of a stack; 1 where there is no depth. */
  get depth(): number {
    return this.pyramid.depth;
  }

  /** Rows and columns in full. */
  get size(): { height: number; width: number } {
    return this.pyramid.size;
  }

  /** Ask for what a screen of `height` x `width` shows first, while other things that the screen needs are fetched. */
  prepare(height: number, width: number): void {
    const level = this.pyramid.levelFor(height / 2, width / 2);
    if (level === 0) return;
    const planes = this.pyramid.read(level, this.plane.peek());
    planes.catch(() => {}); // `load` asks again, and tells of it
    this.ahead = { level, planes };
  }

  /**
   * Load a level with a pixel for every two of a screen of `height` x `width`, so that something is seen soon, then the
   * full one. Resolves when all is there.
   */
  async load(height: number, width: number): Promise<void> {
    const plane = this.plane.peek();
    const { ahead } = this;
    this.ahead = null;
    const first = ahead?.level ?? this.pyramid.levelFor(height / 2, width / 2);
    if (first > 0 && !this.kept.has(keyOf(plane))) {
      const read = () => this.pyramid.read(first, plane);
      const coarse = this.levelOf(await (ahead ? ahead.planes.catch(read) : read()), false);
      if (this.plane.peek() === plane && !this.level.peek()?.full) this.level.value = coarse;
    }
    await this.show(plane);
  }

  /** Go to a plane, in full. Resolves when it is on `level`, or when another was wanted meanwhile. */
  async show(plane: PlaneAt): Promise<void> {
    this.plane.value = plane;
    const level = await this.at(plane);
    if (this.plane.peek() === plane) this.level.value = level;
  }

  /** A plane in full, from those at hand or from the hub. Asked for ahead of time, `show` has it at once. */
  at(plane: PlaneAt): Promise<PictureLevel> {
    const key = keyOf(plane);
    const level = this.kept.get(key) ?? this.pyramid.read(0, plane).then((planes) => this.levelOf(planes, true));
    this.kept.delete(key);
    this.kept.set(key, level);
    level.catch(() => this.kept.delete(key));
    for (const old of this.kept.keys()) if (this.kept.size > KEPT) this.kept.delete(old);
    return level;
  }

  private levelOf(planes: Planes, full: boolean): PictureLevel {
    const channels = planes.channels.map((values, index): Channel => {
      const range = rangeOf(values);
      const display = (this.displays[index] ??= signal(this.initial(index, planes.channels.length, values)));
      return {
        name: this.pyramid.windows[index]?.label ?? this.image.channels[index] ?? `channel ${index + 1}`,
        display,
        range,
        histogram: histogram(values, range),
        values,
        texels: toTexels(values, range),
      };
    });
    return { height: planes.height, width: planes.width, channels, full };
  }

  private initial(index: number, count: number, values: Pixels): ChannelDisplay {
    const author = this.pyramid.windows[index];
    const known = author && Number.isFinite(author.start) && author.end > author.start;
    const { low, high } = known ? { low: author.start, high: author.end } : autoContrast(values);
    const colour = author ? `#${author.colour.replace(/^#/, "").toLowerCase()}` : count === 1 ? "#ffffff" : COLOURS[index % COLOURS.length]!;
    return { visible: true, colour, low, high, gamma: 1 };
  }

  /** Raw intensities under image pixel (y, x), one per channel; empty outside or before the full level is there. */
  intensities(y: number, x: number): number[] {
    const level = this.level.value;
    if (!level?.full || y < 0 || x < 0 || y >= level.height || x >= level.width) return [];
    return level.channels.map((channel) => channel.values[y * level.width + x]!);
  }

  autoContrast(index: number): void {
    const channel = this.level.value?.channels[index];
    if (channel) channel.display.value = { ...channel.display.value, ...autoContrast(channel.values), gamma: 1 };
  }

  autoContrastAll(): void {
    this.level.value?.channels.forEach((_, index) => this.autoContrast(index));
  }
}

/** The first channel that is shown, for tools that look at intensities; null before the image is there in full. */
export function planeOf(level: PictureLevel | null): Plane | null {
  const shown = level?.full ? level.channels.find((channel) => channel.display.value.visible) : undefined;
  return level && shown ? { height: level.height, width: level.width, texels: shown.texels, ...windowInTexels(shown) } : null;
}

/** A channel's window in texels, as the image layer takes it. */
export function windowInTexels(channel: Channel): Range {
  const { low, high } = channel.display.value;
  return { low: texelOf(channel.values, channel.range, low), high: texelOf(channel.values, channel.range, high) };
}
