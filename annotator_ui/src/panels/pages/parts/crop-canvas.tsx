/** A piece of an image, enlarged with whole pixels to see, and outlines upon it. Its caption names it. */

import { useEffect, useRef } from "preact/hooks";
import type { Box } from "../../../session/crop";
import type { Side } from "../../../labels/outlines";

export interface Outline {
  readonly sides: readonly Side[];
  /** Where the sides' (0, 0) lies in the image. */
  readonly y: number;
  readonly x: number;
  readonly colours: readonly string[];
  readonly width: number;
  readonly shade?: boolean;
}

/** Distinct for people with deuteranopia too, and seen on black and on white tissue: each has a dark rim. */
export const CELL_COLOURS = ["#4fd1b5", "#f2b84b", "#7db4ff", "#ff8ac2", "#c8e06a", "#c59bff"];

export function CropCanvas({ rgba, crop, box, outlines }: { rgba: Uint8ClampedArray<ArrayBuffer>; crop: Box; box: Box; outlines: readonly Outline[] }) {
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
      const source = new OffscreenCanvas(columns, rows);
      source.getContext("2d")!.putImageData(new ImageData(rgba, columns, rows), 0, 0);
      context.imageSmoothingEnabled = scale < 6;
      context.imageSmoothingQuality = "high";
      context.drawImage(source, 0, 0, element.width, element.height);
      context.lineCap = "square";
      for (const outline of outlines) {
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
        [...new Set(outline.sides.map((side) => side.cell))].forEach((cell, i) => {
          context.strokeStyle = outline.colours[i % outline.colours.length]!;
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
  }, [rgba, crop, box, outlines]);
  return <canvas ref={canvas} class="crop" aria-hidden="true" style={{ aspectRatio: `${columns} / ${rows}` }} />;
}
