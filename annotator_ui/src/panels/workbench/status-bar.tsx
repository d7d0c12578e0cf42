/** Zoom, scale, and what lies under the pointer. */

import { scaleBar } from "../../layers/view";
import type { AssignmentSession } from "../../session/assignment";
import type { Display } from "./display";

function length(value: number, unit: string): string {
  if (unit === "µm" && value < 1) return `${Number((value * 1000).toPrecision(3))} nm`;
  if (unit === "µm" && value >= 1000) return `${Number((value / 1000).toPrecision(3))} mm`;
  return `${Number(value.toPrecision(3))} ${unit}`;
}

function ScaleBar({ session, display }: { session: AssignmentSession; display: Display }) {
  const size = session.assignment.image.pixel_size_um?.x;
  const bar = scaleBar((size ?? 1) / display.view.value.scale);
  return (
    <span class="scale-bar" title={size ? `One pixel is ${length(size, "µm")}` : "The image does not say how large a pixel is"}>
      <i style={{ width: `${bar.pixels}px` }} aria-hidden="true" />
      {length(bar.length, size ? "µm" : "px")}
    </span>
  );
}

interface StatusProps {
  session: AssignmentSession;
  display: Display;
  /** What lies at a pixel, where that is not a cell of the map that is painted. */
  nameAt?: (y: number, x: number) => string;
}

function UnderPointer({ session, display, nameAt }: StatusProps) {
  const at = display.pointer.value;
  void session.revision.value; // the cell under a resting pointer may change
  const level = session.picture.level.value;
  if (!at) return <span class="faint">{level && !level.full ? "Loading full resolution…" : ""}</span>;
  const y = Math.floor(at.y);
  const x = Math.floor(at.x);
  const { height, width } = display.image;
  if (y < 0 || x < 0 || y >= height || x >= width) return <span class="faint">outside</span>;
  const id = session.editor.map.at(y, x);
  const name = nameAt ? nameAt(y, x) : id ? `cell ${id}` : "background";
  return (
    <span class="under mono">
      <span>
        x {x} y {y}
      </span>
      <span>
        {session.picture.intensities(y, x).map((value, i) => (
          <span key={i} class="intensity">
            <i style={{ background: level?.channels[i]?.display.value.colour ?? "#fff" }} aria-hidden="true" />
            {Number.isInteger(value) ? value : value.toPrecision(4)}
          </span>
        ))}
      </span>
      <span>{name}</span>
    </span>
  );
}

export function StatusBar(props: StatusProps) {
  const { session, display } = props;
  const { image } = session.assignment;
  return (
    <footer class="status-bar">
      <span class="zoom">
        <button type="button" class="icon-button" aria-label="Zoom out" onClick={() => display.zoom(1 / 1.25)}>
          −
        </button>
        <button type="button" class="link" title="One screen pixel an image pixel" onClick={() => display.zoom(1 / display.view.value.scale)}>
          {display.percent.value}%
        </button>
        <button type="button" class="icon-button" aria-label="Zoom in" onClick={() => display.zoom(1.25)}>
          +
        </button>
      </span>
      <ScaleBar session={session} display={display} />
      <UnderPointer {...props} />
      <span class="bench-space" />
      <span class="faint status-image">
        {image.width} × {image.height} · {image.dtype}
      </span>
    </footer>
  );
}
