/** What the screen shows of an assignment: the view and the look. Nothing here is work. */

import { computed, signal } from "@preact/signals";
import type { Point } from "../../labels/raster";
import type { Rect } from "../../labels/rect";
import type { Colouring } from "../../layers/label-layer";
import { fit, panBy, toScreen, zoomAt, type Size, type View } from "../../layers/view";

export class Display {
  readonly view = signal<View>({ scale: 1, y: 0, x: 0 });
  readonly screen = signal<Size>({ height: 0, width: 0 });
  readonly labels = signal(true);
  readonly opacity = signal(0.28);
  readonly outlines = signal(true);
  readonly smoothly = signal(true);
  readonly inverted = signal(false);
  readonly colouring = signal<Colouring>("id");
  /** Pointer, image pixels; null while it is elsewhere. */
  readonly pointer = signal<Point | null>(null);
  readonly percent = computed(() => Math.round(this.view.value.scale * 100));
  private fitted = true;

  constructor(readonly image: Size) {}

  resize(screen: Size): void {
    const before = this.screen.value;
    this.screen.value = screen;
    if (this.fitted) return this.fit();
    const view = this.view.value;
    const dy = (screen.height - before.height) / 2;
    const dx = (screen.width - before.width) / 2;
    this.view.value = panBy(view, dy, dx, this.image, screen);
  }

  fit(): void {
    this.view.value = fit(this.image, this.screen.value);
    this.fitted = true;
  }

  pan(dy: number, dx: number): void {
    this.view.value = panBy(this.view.value, dy, dx, this.image, this.screen.value);
    this.fitted = false;
  }

  /** `at`: screen point that stays; the centre where none is given. */
  zoom(factor: number, at?: Point): void {
    const screen = this.screen.value;
    const anchor = at ?? { y: screen.height / 2, x: screen.width / 2 };
    this.view.value = zoomAt(this.view.value, anchor, factor, this.image, screen);
    this.fitted = false;
  }

  /** Bring an image point to the middle of the screen, as far as the image's border allows. */
  centre(at: Point): void {
    const { height, width } = this.screen.value;
    const screen = toScreen(this.view.value, at);
    this.pan(height / 2 - screen.y, width / 2 - screen.x);
  }

  /** Zoom in on a part of the image: it fills a third of the screen. */
  closeUp({ y0, x0, y1, x1 }: Rect): void {
    const { height, width } = this.screen.value;
    const centre = { y: (y0 + y1) / 2, x: (x0 + x1) / 2 };
    const wanted = Math.min(height / (y1 - y0), width / (x1 - x0)) / 3;
    this.zoom(wanted / this.view.value.scale);
    const { scale } = this.view.value;
    this.view.value = { scale, y: centre.y - height / scale / 2, x: centre.x - width / scale / 2 };
  }

  /** Bring an image point into sight: to the middle of the screen, unless it is well inside it already or all is. */
  show(at: Point, most = 80): void {
    if (this.fitted) return;
    const { height, width } = this.screen.value;
    const margin = Math.min(most, height / 5, width / 5);
    const screen = toScreen(this.view.value, at);
    if (screen.y > margin && screen.x > margin && screen.y < height - margin && screen.x < width - margin) return;
    const { scale } = this.view.value;
    this.view.value = { scale, y: at.y - height / scale / 2, x: at.x - width / scale / 2 };
    this.fitted = false;
  }
}
