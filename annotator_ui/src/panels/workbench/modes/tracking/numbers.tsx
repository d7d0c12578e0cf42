/** The lineage in figures, and the selected track. */

import { trackColour } from "../../../../lineage/colours";
import { missingFrames, type Track } from "../../../../lineage/lineage";
import type { Tracking } from "../../../../session/tracking";

function Figure({ value, name }: { value: number; name: string }) {
  return (
    <div>
      <dd>{value.toLocaleString("en")}</dd>
      <dt>{name}</dt>
    </div>
  );
}

export function Numbers({ tracking }: { tracking: Tracking }) {
  const { tracks, divisions, unlinked } = tracking.lineage.value;
  const detections = tracking.detections.value;
  return (
    <section class="track-numbers" aria-label="The lineage in figures">
      <dl>
        <Figure value={tracks.length} name={tracks.length === 1 ? "track" : "tracks"} />
        <Figure value={divisions} name={divisions === 1 ? "division" : "divisions"} />
        <Figure value={unlinked} name="unlinked" />
      </dl>
      {!detections.complete && (
        <p class="dim" role="status">
          Reading the movie, frame {detections.measured} of {detections.frameCount}
        </p>
      )}
    </section>
  );
}

/** A track by its number; choosing it goes there. */
function Relative({ tracking, track }: { tracking: Tracking; track: Track }) {
  return (
    <button type="button" class="relative" onClick={() => tracking.selectTrack(track)}>
      <i style={{ background: trackColour(track.number) }} aria-hidden="true" />
      {track.number}
    </button>
  );
}

export function SelectedTrack({ tracking }: { tracking: Tracking }) {
  const track = tracking.track.value;
  if (!track) return <p class="selected-track dim">No track selected. Click a cell, or a bar below.</p>;
  const gaps = missingFrames(track);
  return (
    <div class="selected-track">
      <span class="track-title">
        <i style={{ background: trackColour(track.number) }} aria-hidden="true" />
        Track <b>{track.number}</b>
      </span>
      <span class="dim">
        {track.begin === track.end ? `frame ${track.begin + 1}` : `frames ${track.begin + 1} – ${track.end + 1}`}
        {gaps > 0 && `, missing in ${gaps}`}
        {!tracking.here.value && ", not in this one"}
      </span>
      {track.mother && (
        <span class="kinship dim">
          daughter of <Relative tracking={tracking} track={track.mother} />
        </span>
      )}
      {track.daughters.length > 0 && (
        <span class="kinship dim">
          divides into
          {track.daughters.map((daughter) => (
            <Relative key={daughter.number} tracking={tracking} track={daughter} />
          ))}
        </span>
      )}
    </div>
  );
}
