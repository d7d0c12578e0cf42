/** The lineage: a bar for each track over time, daughters below their mother, in step with the picture. */

import { computed, type ReadonlySignal, type Signal } from "@preact/signals";
import { useMemo } from "preact/hooks";
import { trackColour } from "../../../../lineage/colours";
import type { FamilyRow, ListFilter } from "../../../../lineage/family";
import { missingFrames, stretches, type Track } from "../../../../lineage/lineage";
import type { Tracking } from "../../../../session/tracking";
import { VirtualRows, type Span } from "./virtual-rows";

const ROW = 22;
/** Of the names beside the bars, and of the space behind them; as the style sheet has them. */
const NAMES = 84;
const SPACE = 12;
const INDENT = 9;
/** Deeper than this, names are not pushed further to the right. */
const DEEPEST = 4;

const FILTERS: readonly { filter: ListFilter; label: string }[] = [
  { filter: "all", label: "All tracks" },
  { filter: "frame", label: "In this frame" },
  { filter: "divisions", label: "With divisions" },
  { filter: "unlinked", label: "Unlinked cells" },
];

export function describeTrack(track: Track): string {
  const gaps = missingFrames(track);
  const words = [`Track ${track.number}`, track.begin === track.end ? `frame ${track.begin + 1}` : `frames ${track.begin + 1} to ${track.end + 1}`];
  if (gaps > 0) words.push(`missing in ${gaps}`);
  if (track.mother) words.push(`daughter of ${track.mother.number}`);
  if (track.daughters.length > 0) words.push(`divides into ${track.daughters.map(({ number }) => number).join(" and ")}`);
  return words.join(", ");
}

/** Bars in units of frames, rows in units of `ROW`; drawn for the rows in sight. */
function Bars({ rows, span, frames, selected }: { rows: readonly FamilyRow[]; span: Span; frames: number; selected: Track | null }) {
  const { from, to } = span;
  // A daughter's line reaches up to her mother, who may be out of sight.
  const lines = rows.flatMap(({ track, mother }, i) => {
    if (mother < 0 || i < from || mother >= to) return [];
    const at = (rows[mother]!.track.end + track.begin + 1) / 2;
    return [`M${at} ${(mother + 0.5) * ROW}V${(i + 0.5) * ROW}H${track.begin + 0.1}`];
  });
  return (
    <svg class="lineage-bars" viewBox={`0 ${from * ROW} ${frames} ${(to - from) * ROW}`} preserveAspectRatio="none" style={{ top: `${from * ROW}px`, height: `${(to - from) * ROW}px`, left: `${NAMES}px` }} aria-hidden="true">
      <path class="kin" d={lines.join("")} />
      {rows.slice(from, to).map(({ track }, i) => {
        const y = (from + i) * ROW;
        const colour = trackColour(track.number);
        const high = track === selected ? 12 : 8;
        const whole = missingFrames(track) === 0;
        return (
          <g key={track.number} fill={colour}>
            {!whole && <rect x={track.begin} y={y + ROW / 2 - 1} width={track.end - track.begin + 1} height={2} opacity={0.5} />}
            {stretches(track).map(([begin, end]) => (
              <rect key={begin} x={begin + 0.06} y={y + (ROW - high) / 2} width={end - begin + 0.88} height={high} opacity={selected && track !== selected ? 0.6 : 1} />
            ))}
          </g>
        );
      })}
    </svg>
  );
}

export function LineageList({ tracking, rows, filter }: { tracking: Tracking; rows: ReadonlySignal<readonly FamilyRow[]>; filter: Signal<ListFilter> }) {
  const { frames } = tracking.movie;
  const follow = useMemo(() => computed(() => (tracking.track.value ? rows.value.findIndex(({ track }) => track === tracking.track.value) : -1)), [tracking]);
  const selected = tracking.track.value;
  const list = rows.value;
  const pick = (event: MouseEvent, track: Track) => {
    const bounds = (event.currentTarget as HTMLElement).getBoundingClientRect();
    const share = (event.clientX - bounds.left - NAMES) / (bounds.width - NAMES - SPACE);
    tracking.movie.pause();
    tracking.selectTrack(track, share >= 0 && share < 1 ? Math.floor(share * frames) : undefined);
  };
  return (
    <section class="lineage-list" aria-label="Lineage">
      <header class="row apart">
        <h3>Lineage</h3>
        <select aria-label="Which tracks" value={filter.value} onChange={(event) => (filter.value = event.currentTarget.value as ListFilter)}>
          {FILTERS.map((each) => (
            <option key={each.filter} value={each.filter}>
              {each.label}
            </option>
          ))}
        </select>
      </header>
      {list.length === 0 && <p class="dim">{tracking.detections.value.complete ? "None of this kind." : "Reading the movie…"}</p>}
      <VirtualRows count={list.length} height={ROW} label="Tracks" class="lineage-rows" follow={follow}>
        {(span) => (
          <>
            {list.slice(span.from, span.to).map(({ track, depth }, i) => (
              <div
                key={track.number}
                role="option"
                aria-selected={track === selected}
                aria-label={describeTrack(track)}
                class="lineage-row"
                title={describeTrack(track)}
                style={{ top: `${(span.from + i) * ROW}px` }}
                onClick={(event) => pick(event, track)}
              >
                <span class="track-name" style={{ paddingLeft: `${8 + INDENT * Math.min(DEEPEST, depth)}px` }}>
                  <i style={{ background: trackColour(track.number) }} aria-hidden="true" />
                  {track.number}
                </span>
              </div>
            ))}
            <Bars rows={list} span={span} frames={frames} selected={selected} />
            <NowLine tracking={tracking} />
          </>
        )}
      </VirtualRows>
    </section>
  );
}

/** The current frame, through all bars. */
function NowLine({ tracking }: { tracking: Tracking }) {
  const share = (tracking.frame.value + 0.5) / tracking.movie.frames;
  return <i class="now-line" style={{ left: `calc(${NAMES}px + (100% - ${NAMES + SPACE}px) * ${share})` }} aria-hidden="true" />;
}
