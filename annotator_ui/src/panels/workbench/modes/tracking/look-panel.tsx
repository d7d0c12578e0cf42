/** How masks, trails and outlines look. */

import type { Display } from "../../display";
import { TRAIL_LENGTHS, trailName, type Look } from "./look";
import { GHOST_COLOURS } from "./overlay";

export function LookPanel({ display, look }: { display: Display; look: Look }) {
  const { opacity, labels, outlines } = display;
  const checks = [
    { of: labels, text: "Show cells", key: "H" },
    { of: outlines, text: "Outlines", key: "O" },
    { of: look.numbers, text: "Track numbers", key: "N" },
    { of: look.centred, text: "Keep the track in the middle", key: "C" },
  ];
  return (
    <section class="panel" aria-label="Look">
      <label class="slider">
        <span>Fill</span>
        <input type="range" min={0} max={1} step={0.02} value={opacity.value} onInput={(event) => (opacity.value = event.currentTarget.valueAsNumber)} />
        <output>{Math.round(opacity.value * 100)}%</output>
      </label>
      <label class="trail-length">
        <span>Trails</span>
        <select value={look.trails.value} onChange={(event) => (look.trails.value = Number(event.currentTarget.value))}>
          {TRAIL_LENGTHS.map((length) => (
            <option key={length} value={length}>
              {trailName(length)}
            </option>
          ))}
        </select>
        <kbd>T</kbd>
      </label>
      <div class="checks">
        <label class="check">
          <input type="checkbox" checked={look.onion.value} onChange={(event) => (look.onion.value = event.currentTarget.checked)} />
          <span>
            Outline <span style={{ color: GHOST_COLOURS.before }}>before</span> and <span style={{ color: GHOST_COLOURS.after }}>after</span>
          </span>
          <kbd>B</kbd>
        </label>
        {checks.map(({ of, text, key }) => (
          <label class="check" key={key}>
            <input type="checkbox" checked={of.value} onChange={(event) => (of.value = event.currentTarget.checked)} />
            {text} <kbd>{key}</kbd>
          </label>
        ))}
      </div>
    </section>
  );
}
