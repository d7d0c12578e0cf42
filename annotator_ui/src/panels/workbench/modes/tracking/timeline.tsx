/** The movie's controls: play, the frame, and where something is suspicious. */

import type { Tracking } from "../../../../session/tracking";
import { SPEEDS } from "../../../../session/movie";
import { Icon } from "../../icons";
import type { Look } from "./look";

/** A tick for each frame that has suspicious events, higher where there are more. */
function EventTicks({ tracking }: { tracking: Tracking }) {
  const counts = new Map<number, number>();
  for (const { cell } of tracking.review.events.value) counts.set(cell.frame, (counts.get(cell.frame) ?? 0) + 1);
  const last = Math.max(1, tracking.movie.frames - 1);
  return (
    <svg class="event-ticks" viewBox="0 0 1000 10" preserveAspectRatio="none" aria-hidden="true">
      {[...counts].map(([frame, count]) => (
        <line key={frame} x1={(1000 * frame) / last} x2={(1000 * frame) / last} y1={10} y2={count > 3 ? 0 : 7 - 2 * count} />
      ))}
    </svg>
  );
}

export function Timeline({ tracking, look }: { tracking: Tracking; look: Look }) {
  const { movie } = tracking;
  const { frame, playing, speed, shown, frames } = movie;
  const late = shown.value?.frame !== frame.value;
  return (
    <div class="timeline">
      <button type="button" class="icon-button" aria-label={playing.value ? "Stop" : "Play"} aria-keyshortcuts="P" title={playing.value ? "Stop (P)" : "Play (P)"} onClick={() => movie.play()}>
        <Icon name={playing.value ? "pause" : "play"} />
      </button>
      <button type="button" class="icon-button" aria-label="Frame before" title="Frame before (←)" disabled={frame.value === 0} onClick={() => void movie.goTo(frame.value - 1)}>
        ‹
      </button>
      <div class="scrubber">
        <EventTicks tracking={tracking} />
        <input
          type="range"
          aria-label="Frame"
          aria-valuetext={`Frame ${frame.value + 1} of ${frames}`}
          min={0}
          max={frames - 1}
          step={1}
          value={frame.value}
          onInput={(event) => {
            movie.pause();
            void movie.goTo(event.currentTarget.valueAsNumber);
          }}
        />
      </div>
      <button type="button" class="icon-button" aria-label="Next frame" title="Next frame (→)" disabled={frame.value === frames - 1} onClick={() => void movie.goTo(frame.value + 1)}>
        ›
      </button>
      <output class={late ? "frame-number late" : "frame-number"} title={late ? "The frame is on its way" : "Frame"}>
        <b>{frame.value + 1}</b> / {frames}
      </output>
      <label class="speed" title="Frames a second">
        <span class="sr">Frames a second</span>
        <select value={speed.value} onChange={(event) => (speed.value = Number(event.currentTarget.value))}>
          {SPEEDS.map((each) => (
            <option key={each} value={each}>
              {each} fps
            </option>
          ))}
        </select>
      </label>
      <button type="button" class="icon-button tree-button" aria-pressed={look.tree.value} aria-label="Lineage tree" aria-keyshortcuts="W" title="Lineage tree (W)" onClick={() => (look.tree.value = !look.tree.value)}>
        <Icon name="divide" />
      </button>
      <button type="button" class="icon-button lists-button" aria-pressed={look.lists.value} aria-label="Lineages and lists" title="Lineages and lists" onClick={() => (look.lists.value = !look.lists.value)}>
        <Icon name="list" />
      </button>
    </div>
  );
}
