/** Where in the image the screen is: shown as soon as part of it is out of sight. A press or a drag goes there. */

import { useComputed, useSignalEffect } from "@preact/signals";
import { useRef } from "preact/hooks";
import { shownPart } from "../../layers/view";
import { overviewOf } from "../../session/overview";
import type { Picture } from "../../session/picture";
import type { Display } from "./display";

/** CSS pixels of the longer side. */
const SIDE = 160;

export function Minimap({ picture, display }: { picture: Picture; display: Display }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const { height, width } = display.image;
  const part = useComputed(() => shownPart(display.view.value, display.image, display.screen.value));
  const hidden = useComputed(() => part.value === null || picture.level.value === null);
  useSignalEffect(() => {
    const level = picture.level.value;
    if (hidden.value || !level || !canvas.current) return;
    const small = overviewOf(level, SIDE, display.inverted.value);
    canvas.current.height = small.height;
    canvas.current.width = small.width;
    canvas.current.getContext("2d")?.putImageData(new ImageData(small.rgba, small.width, small.height), 0, 0);
  });
  const go = (event: PointerEvent) => {
    event.stopPropagation(); // nothing is painted under it
    const box = canvas.current!.getBoundingClientRect();
    if (event.buttons & 1)
      display.centre({ y: ((event.clientY - box.top) / box.height) * height, x: ((event.clientX - box.left) / box.width) * width });
  };
  const press = (event: PointerEvent) => {
    (event.currentTarget as HTMLElement).setPointerCapture(event.pointerId);
    go(event);
  };
  const percent = (value: number, of: number) => `${((100 * value) / of).toFixed(2)}%`;
  const rect = part.value;
  const scale = SIDE / Math.max(height, width);
  // The keyboard moves the picture by the arrows; this is for pointers.
  return (
    <div
      class="minimap"
      hidden={hidden.value}
      aria-hidden="true"
      style={{ height: `${height * scale}px`, width: `${width * scale}px` }}
      onPointerDown={press}
      onPointerMove={go}
      onPointerUp={(event) => event.stopPropagation()}
    >
      <canvas ref={canvas} />
      {rect && (
        <i
          style={{
            top: percent(rect.y0, height),
            left: percent(rect.x0, width),
            height: percent(rect.y1 - rect.y0, height),
            width: percent(rect.x1 - rect.x0, width),
          }}
        />
      )}
    </div>
  );
}
