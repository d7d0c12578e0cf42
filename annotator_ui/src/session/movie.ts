/** A movie on the screen: which frame is wanted, which is shown, and playing. Image and mask always change together. */

import { signal } from "@preact/signals";
import { asProblem, type Problem } from "../api/problem";
import type { LabelMap } from "../labels/label-map";
import type { Masks } from "./masks";
import type { Picture } from "./picture";

/** Frames fetched ahead of the one that is shown, in the direction the person goes. */
const AHEAD = 4;
/** Frames a second while the movie plays. */
export const SPEEDS = [2, 5, 10, 20] as const;

export class Movie {
  /** The frame the person wants to see; `shown` follows when its image and mask are there. */
  readonly frame = signal(0);
  readonly shown = signal<{ readonly frame: number; readonly map: LabelMap } | null>(null);
  readonly playing = signal(false);
  readonly speed = signal<number>(5);
  readonly unreadable = signal<Problem | null>(null);
  private timer: ReturnType<typeof setTimeout> | undefined;
  private direction: 1 | -1 = 1;

  constructor(
    private readonly masks: Pick<Masks, "at" | "frames">,
    private readonly picture: Pick<Picture, "at" | "show">,
  ) {}

  get frames(): number {
    return this.masks.frames;
  }

  /** Go to a frame, or to the first or last. Resolves when it is shown, or another was wanted meanwhile. */
  async goTo(wanted: number): Promise<void> {
    const frame = Math.min(this.frames - 1, Math.max(0, wanted));
    if (frame !== this.frame.peek()) this.direction = frame > this.frame.peek() ? 1 : -1;
    this.frame.value = frame;
    if (this.shown.peek()?.frame === frame) return;
    try {
      const [map] = await Promise.all([this.masks.at(frame), this.picture.at({ t: frame })]);
      if (this.frame.peek() !== frame) return;
      await this.picture.show({ t: frame });
      if (this.frame.peek() !== frame) return;
      this.shown.value = { frame, map };
      this.unreadable.value = null;
    } catch (error) {
      if (this.frame.peek() === frame) this.unreadable.value = asProblem(error);
      return this.pause();
    }
    for (let ahead = 1; ahead <= AHEAD; ahead++) this.prefetch(frame + ahead * this.direction);
    this.prefetch(frame - this.direction);
  }

  private prefetch(frame: number): void {
    if (frame < 0 || frame >= this.frames) return;
    // What cannot be read now is asked for again, and told of, when the person goes there.
    this.masks.at(frame).catch(() => {});
    this.picture.at({ t: frame }).catch(() => {});
  }

  /** Play from here on, from the beginning where the end was reached; or stop. */
  play(): void {
    if (this.playing.peek()) return this.pause();
    this.playing.value = true;
    let next = (this.frame.peek() + 1) % this.frames;
    const tick = async () => {
      const begun = performance.now();
      await this.goTo(next);
      next = this.frame.peek() + 1; // the person may have moved the slider meanwhile
      if (next >= this.frames) return this.pause();
      if (this.playing.peek()) this.timer = setTimeout(() => void tick(), Math.max(0, 1000 / this.speed.peek() - (performance.now() - begun)));
    };
    void tick();
  }

  pause(): void {
    this.playing.value = false;
    clearTimeout(this.timer);
  }
}
