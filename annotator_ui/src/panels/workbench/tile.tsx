/** One subject of the gallery: its crop as the channels are set, its outline, and what is said of it. */

import { effect } from "@preact/signals";
import { memo } from "preact/compat";
import { useEffect, useRef } from "preact/hooks";
import { around } from "../../labels/boxes";
import { outlines } from "../../labels/outlines";
import { compose } from "../../session/crop";
import type { Picture } from "../../session/picture";
import type { Subject, Subjects } from "../../session/subjects";
import type { Display } from "./display";

/** Height of the line below a tile's picture, CSS pixels; as the style sheet has it. */
export const CAPTION = 24;

export interface TileLook {
  readonly picture: Picture;
  readonly subjects: Subjects;
  readonly display: Display;
  /** Side of every crop, image pixels; a larger subject has a larger one. */
  readonly side: number;
}

/** Draw the crop of `subject` into `canvas`: image pixels, smoothed by the browser where they are enlarged. */
function draw(canvas: HTMLCanvasElement, subject: Subject, { picture, subjects, display, side }: TileLook): void {
  const level = picture.level.value;
  if (!level) return;
  // Before the full level is there the coarse one has fewer pixels to the same image.
  const full = picture.size;
  const ratio = level.width / full.width;
  const crop = around(subject.box, side, full.height, full.width);
  const scaled = { y0: Math.floor(crop.y0 * ratio), x0: Math.floor(crop.x0 * ratio), y1: Math.ceil(crop.y1 * ratio), x1: Math.ceil(crop.x1 * ratio) };
  const rows = scaled.y1 - scaled.y0;
  const columns = scaled.x1 - scaled.x0;
  const layers = level.channels.map((channel) => ({ values: channel.values, ...channel.display.value })).filter(({ visible }) => visible);
  const pixels = new ImageData(compose(layers, level.width, scaled), columns, rows);
  const source = new OffscreenCanvas(columns, rows);
  source.getContext("2d")!.putImageData(pixels, 0, 0);
  const wide = Math.max(1, Math.round(canvas.clientWidth * window.devicePixelRatio));
  canvas.width = wide;
  canvas.height = wide;
  const context = canvas.getContext("2d")!;
  const scale = wide / Math.max(rows, columns);
  context.imageSmoothingEnabled = display.smoothly.value && scale < 10;
  const top = (wide - rows * scale) / 2;
  const left = (wide - columns * scale) / 2;
  context.drawImage(source, left, top, columns * scale, rows * scale);
  if (!display.outlines.value) return;
  context.beginPath();
  const place = (y: number, x: number) => [left + (x - crop.x0) * ratio * scale, top + (y - crop.y0) * ratio * scale] as const;
  if (subjects.cells) {
    const { y0, x0, y1, x1 } = subject.box;
    const { data, width } = subjects.cells;
    const id = Number(subject.key);
    const own = Uint8Array.from({ length: (y1 - y0) * (x1 - x0) }, (_, i) => Number(data[(y0 + Math.floor(i / (x1 - x0))) * width + x0 + (i % (x1 - x0))] === id));
    for (const line of outlines(own, y1 - y0, x1 - x0)) {
      context.moveTo(...place(line.y0 + y0, line.x0 + x0));
      context.lineTo(...place(line.y1 + y0, line.x1 + x0));
    }
  } else {
    const [boxLeft, boxTop] = place(subject.box.y0, subject.box.x0);
    const [boxRight, boxBottom] = place(subject.box.y1, subject.box.x1);
    context.rect(boxLeft, boxTop, boxRight - boxLeft, boxBottom - boxTop);
  }
  // A dark rim: a white line alone is lost on stained tissue.
  for (const [style, width] of [["rgb(0 0 0 / 0.55)", 3], ["rgb(255 255 255 / 0.9)", 1.2]] as const) {
    context.strokeStyle = style;
    context.lineWidth = width * window.devicePixelRatio;
    context.stroke();
  }
}

export interface TileProps {
  readonly subject: Subject;
  readonly look: TileLook;
  /** Side on the screen, CSS pixels: another one draws it anew. */
  readonly size: number;
  /** Its place in the list, from 1, and how long that is. */
  readonly place: number;
  readonly of: number;
  readonly chosen: boolean;
  readonly focused: boolean;
  /** Names of the classes said, one string; null where nothing is said, "" where none holds. */
  readonly said: string | null;
  /** `#rrggbb` of the first class said. */
  readonly colour: string | null;
  /** Certainty of a draft that nobody has touched. */
  readonly suggested: number | null;
}

export const Tile = memo(function Tile({ subject, look, size, place, of, chosen, focused, said, colour, suggested }: TileProps) {
  const canvas = useRef<HTMLCanvasElement>(null);
  useEffect(() => {
    let frame = 0;
    const stop = effect(() => {
      for (const channel of look.picture.level.value?.channels ?? []) void channel.display.value;
      void [look.display.outlines.value, look.display.smoothly.value];
      // While a contrast moves: once a frame.
      frame ||= requestAnimationFrame(() => {
        frame = 0;
        if (canvas.current) draw(canvas.current, subject, look);
      });
    });
    return () => {
      stop();
      cancelAnimationFrame(frame);
    };
  }, [subject, look, size]);

  const state = said === null ? "not labelled" : said === "" ? "no class" : said;
  const sure = suggested === null ? "" : `, draft, ${Math.round(suggested * 100)}% sure`;
  return (
    <div
      id={`subject-${subject.key}`}
      data-key={subject.key}
      class={`subject-tile${focused ? " focused" : ""}${said === null ? " unsaid" : ""}`}
      role="option"
      aria-selected={chosen}
      aria-posinset={place}
      aria-setsize={of}
      aria-label={`Subject ${subject.key}: ${state}${sure}`}
      style={colour ? { "--class": colour } : {}}
    >
      <canvas ref={canvas} />
      <span class="tile-said">
        <i aria-hidden="true" />
        <span>{said === null ? "–" : said === "" ? "none" : said}</span>
        {suggested !== null && <small class={suggested < 0.6 ? "warn" : ""}>{Math.round(suggested * 100)}%</small>}
      </span>
    </div>
  );
});
