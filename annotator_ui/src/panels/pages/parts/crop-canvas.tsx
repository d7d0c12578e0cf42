/** A piece of an image, enlarged with whole pixels to see, and outlines upon it. Its caption names it. */

import { useEffect, useRef } from "preact/hooks";
import type { Box } from "../../../session/crop";
import type { Side } from "../../../labels/outlines";

export interface Outline {
  readonly sides: readonly Side[];
  /** Where the sides' (0, 0) lies in the image. */
  readonly y: number;
  readonly x: number;
  readonly colour: (cell: number) => string;
  readonly width: number;
  readonly shade?: boolean;
}

/** Pixels laid over the picture. */
export interface Fill {
  readonly rgba: Uint8ClampedArray<ArrayBuffer>;
  /** Where it lies in the image. */
  readonly box: Box;
}

/** The pixels of a raster over `box` in their ids' colours (`#rrggbb`; null leaves an id out); `alpha` 0 to 1. */
export function fillOf(ids: ArrayLike<number>, box: Box, colour: (id: number) => string | null, alpha: number): Fill {
  const rgba = new Uint8ClampedArray((box.y1 - box.y0) * (box.x1 - box.x0) * 4);
  for (let i = 0; i < ids.length; i++) {
    const chosen = ids[i] === 0 ? null : colour(ids[i]!);
    if (chosen === null) continue;
    const rgb = Number.parseInt(chosen.slice(1), 16);
    rgba.set([(rgb >> 16) & 255, (rgb >> 8) & 255, rgb & 255, Math.round(alpha * 255)], i * 4);
  }
  return { rgba, box };
}

/** Distinct for people with deuteranopia too, and seen on black and on white tissue: each has a dark rim. */
export const CELL_COLOURS = ["#4fd1b5", "#f2b84b", "#7db4ff", "#ff8ac2", "#c8e06a", "#c59bff"];

export interface Drawing {
  readonly rgba: Uint8ClampedArray<ArrayBuffer>;
  readonly fills: readonly Fill[];
  readonly outlines: readonly Outline[];
}

function pixels(rgba: Uint8ClampedArray<ArrayBuffer>, { y0, x0, y1, x1 }: Box): OffscreenCanvas {
  const source = new OffscreenCanvas(x1 - x0, y1 - y0);
  source.getContext("2d")!.putImageData(new ImageData(rgba, x1 - x0, y1 - y0), 0, 0);
  return source;
}

export function CropCanvas({ drawing, crop, box }: { drawing: Drawing; crop: Box; box: Box }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const rows = crop.y1 - crop.y0;
  const columns = crop.x1 - crop.x0;
  useEffect(() => {
    const element = canvas.current!;
    const draw = () => {
      const width = Math.max(1, Math.round(element.clientWidth * window.devicePixelRatio));
      const scale = width / columns;
      element.width = width;
      element.height = Math.round(rows * scale);
      const context = element.getContext("2d")!;
      context.imageSmoothingEnabled = scale < 6;
      context.imageSmoothingQuality = "high";
      context.drawImage(pixels(drawing.rgba, crop), 0, 0, element.width, element.height);
      context.imageSmoothingEnabled = false;
      for (const { rgba, box: at } of drawing.fills)
        context.drawImage(pixels(rgba, at), (at.x0 - crop.x0) * scale, (at.y0 - crop.y0) * scale, (at.x1 - at.x0) * scale, (at.y1 - at.y0) * scale);
      context.lineCap = "square";
      for (const outline of drawing.outlines) {
        const pathOf = (cell: number | null) => {
          context.beginPath();
          for (const side of outline.sides) {
            if (cell !== null && side.cell !== cell) continue;
            context.moveTo((side.x0 + outline.x - crop.x0) * scale, (side.y0 + outline.y - crop.y0) * scale);
            context.lineTo((side.x1 + outline.x - crop.x0) * scale, (side.y1 + outline.y - crop.y0) * scale);
          }
        };
        const ratio = window.devicePixelRatio;
        if (outline.shade) {
          context.strokeStyle = "rgb(0 0 0 / 0.65)";
          context.lineWidth = (outline.width + 2) * ratio;
          pathOf(null);
          context.stroke();
        }
        context.lineWidth = outline.width * ratio;
        [...new Set(outline.sides.map((side) => side.cell))].forEach((cell) => {
          context.strokeStyle = outline.colour(cell);
          pathOf(cell);
          context.stroke();
        });
      }
      context.setLineDash([6, 5]);
      context.lineWidth = window.devicePixelRatio;
      context.strokeStyle = "rgb(255 255 255 / 0.45)";
      context.strokeRect((box.x0 - crop.x0) * scale, (box.y0 - crop.y0) * scale, (box.x1 - box.x0) * scale, (box.y1 - box.y0) * scale);
    };
    draw();
    const watch = new ResizeObserver(draw);
    watch.observe(element);
    return () => watch.disconnect();
  }, [drawing, crop, box]);
  return <canvas ref={canvas} class="crop" aria-hidden="true" style={{ aspectRatio: `${columns} / ${rows}` }} />;
}
