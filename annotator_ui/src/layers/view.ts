/** Which part of the image is on the screen. CSS pixels on one side, image pixels on the other. */

import type { Point } from "../labels/raster";
import type { Rect } from "../labels/rect";

export interface View {
  /** CSS pixels per image pixel. */
  readonly scale: number;
  /** Image coordinates of the screen's upper left corner. */
  readonly y: number;
  readonly x: number;
}

export interface Size {
  readonly height: number;
  readonly width: number;
}

const CLOSEST = 64;

/** The whole image, centred, with a margin. */
export function fit(image: Size, screen: Size, margin = 24): View {
  const scale = Math.min(
    Math.max(1, screen.width - 2 * margin) / image.width,
    Math.max(1, screen.height - 2 * margin) / image.height,
    CLOSEST,
  );
  return { scale, y: (image.height - screen.height / scale) / 2, x: (image.width - screen.width / scale) / 2 };
}

export function toImage(view: View, at: Point): Point {
  return { y: view.y + at.y / view.scale, x: view.x + at.x / view.scale };
}

export function toScreen(view: View, at: Point): Point {
  return { y: (at.y - view.y) * view.scale, x: (at.x - view.x) * view.scale };
}

/** Zoom by `factor`, the image point under `at` (screen) staying where it is. From a quarter of the fit to 64 x. */
export function zoomAt(view: View, at: Point, factor: number, image: Size, screen: Size): View {
  const farthest = fit(image, screen).scale / 4;
  const scale = Math.min(CLOSEST, Math.max(farthest, view.scale * factor));
  const anchor = toImage(view, at);
  return keepInSight({ scale, y: anchor.y - at.y / scale, x: anchor.x - at.x / scale }, image, screen);
}

/** Move the picture by screen pixels. */
export function panBy(view: View, dy: number, dx: number, image: Size, screen: Size): View {
  return keepInSight({ ...view, y: view.y - dy / view.scale, x: view.x - dx / view.scale }, image, screen);
}

/** The image's centre of the screen stays on the image: nobody gets lost in the dark. */
function keepInSight(view: View, image: Size, screen: Size): View {
  const halfY = screen.height / view.scale / 2;
  const halfX = screen.width / view.scale / 2;
  const clamp = (value: number, high: number) => Math.min(high, Math.max(0, value));
  return {
    scale: view.scale,
    y: clamp(view.y + halfY, image.height) - halfY,
    x: clamp(view.x + halfX, image.width) - halfX,
  };
}

/** The part of the image that is on the screen, image pixels; null where all of it is, to a pixel. */
export function shownPart(view: View, image: Size, screen: Size): Rect | null {
  const part = {
    y0: Math.max(0, view.y),
    x0: Math.max(0, view.x),
    y1: Math.min(image.height, view.y + screen.height / view.scale),
    x1: Math.min(image.width, view.x + screen.width / view.scale),
  };
  const all = part.y0 < 1 && part.x0 < 1 && part.y1 > image.height - 1 && part.x1 > image.width - 1;
  return all ? null : part;
}

/** The screen rectangle that an image rectangle covers, grown by `margin` screen pixels. */
export function rectOnScreen(view: View, rect: Rect, margin: number): Rect {
  const a = toScreen(view, { y: rect.y0, x: rect.x0 });
  const b = toScreen(view, { y: rect.y1, x: rect.x1 });
  return {
    y0: Math.floor(a.y - margin),
    x0: Math.floor(a.x - margin),
    y1: Math.ceil(b.y + margin),
    x1: Math.ceil(b.x + margin),
  };
}

/** A round length for a scale bar of about `pixels` screen pixels: 1, 2 or 5 times a power of ten. */
export function scaleBar(unitsPerScreenPixel: number, pixels = 110): { length: number; pixels: number } {
  const wanted = unitsPerScreenPixel * pixels;
  const power = 10 ** Math.floor(Math.log10(wanted));
  const length = [5, 2, 1].map((step) => step * power).find((candidate) => candidate <= wanted) ?? power;
  return { length, pixels: length / unitsPerScreenPixel };
}
