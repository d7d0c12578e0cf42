/** Tracking: the cells of a movie are given, who is who from frame to frame is said. */

import { batch, computed, effect, signal, useComputed, useSignal, type ReadonlySignal } from "@preact/signals";
import { useEffect, useMemo } from "preact/hooks";
import { asProblem, type Problem } from "../../../api/problem";
import type { LabelMap } from "../../../labels/label-map";
import type { Point } from "../../../labels/raster";
import type { Palette } from "../../../layers/palette";
import { trackColour } from "../../../lineage/colours";
import { familyRows, type ListFilter } from "../../../lineage/family";
import { prompt } from "../../../lineage/linking-tool";
import { Masks } from "../../../session/masks";
import { Tracking } from "../../../session/tracking";
import type { PointerStep } from "../../../tools/tool";
import { ProblemNotice, Spinner } from "../../feedback";
import "../../styles/tracking.css";
import { ChannelsPanel } from "../channels-panel";
import { Display } from "../display";
import { Frame, useFrame, type FrameState, type ModeProps } from "../frame";
import { GuidelinesPanel } from "../guidelines-panel";
import { PictureStage } from "../picture-stage";
import { StatusBar } from "../status-bar";
import { EventList } from "./tracking/event-list";
import { trackingKeys } from "./tracking/keys";
import { LineageList } from "./tracking/lineage-list";
import { Look } from "./tracking/look";
import { LookPanel } from "./tracking/look-panel";
import { Numbers, SelectedTrack } from "./tracking/numbers";
import { Overlay } from "./tracking/overlay";
import { TrackingRail } from "./tracking/rail";
import { Timeline } from "./tracking/timeline";
import { TreePanel } from "./tracking/tree-panel";

/** A press that moves farther than this is a drag, screen pixels. */
const DRAG = 4;

const EMPTY = {
  title: "No cell linked",
  text: "You are about to say that no cell of this movie is the same as another. That is a valid reading. Is it yours?",
  yes: "Yes, submit it so",
  no: "Go on linking",
};

/** A click points at a cell, a drag moves the picture. */
function pointing(tracking: Tracking, display: Display): (step: PointerStep) => void {
  let from: Point | null = null;
  let moved = false;
  return ({ kind, at, screen, shift }) => {
    if (kind === "down") [from, moved] = [screen, false];
    else if (kind === "move" && from) {
      const dy = screen.y - from.y;
      const dx = screen.x - from.x;
      moved ||= Math.hypot(dy, dx) > DRAG;
      if (!moved) return;
      display.pan(dy, dx);
      from = screen;
    } else if (kind === "up") {
      if (from && !moved) tracking.point(tracking.cellAt(at), shift);
      from = null;
    } else from = null;
  };
}

/** Lead the eye: to what was chosen elsewhere, and along with the track where that is wished. */
function leading(tracking: Tracking, display: Display, look: Look): () => void {
  const stops = [
    effect(() => {
      const cell = tracking.lookAt.value;
      if (cell) display.show(cell, 16);
    }),
    effect(() => {
      const cell = look.centred.value ? tracking.here.value : null;
      if (cell) display.show(cell, Infinity);
    }),
  ];
  return () => stops.forEach((stop) => stop());
}

function useTracking({ session }: ModeProps): { tracking: Tracking | null; problem: Problem | null; again: () => void } {
  const tracking = useSignal<Tracking | null>(null);
  const problem = useSignal<Problem | null>(null);
  const attempt = useSignal(0);
  useEffect(() => {
    let gone = false;
    problem.value = null;
    Masks.open(session.given.peek(), session.assignment.image).then(
      (masks) => {
        if (gone) return masks.close();
        const opened = new Tracking(session, masks);
        tracking.value = opened;
        void opened.start();
      },
      (error: unknown) => gone || (problem.value = asProblem(error)),
    );
    return () => {
      gone = true;
      tracking.peek()?.close();
      tracking.value = null;
    };
  }, [session, attempt.value]);
  return { tracking: tracking.value, problem: problem.value, again: () => attempt.value++ };
}

export function TrackingMode(props: ModeProps) {
  const { session } = props;
  const { tracking, problem, again } = useTracking(props);
  const frame = useFrame(props, () => (session.values.peek().size === 0 ? EMPTY : null));
  if (tracking) return <Bench {...props} tracking={tracking} frame={frame} />;
  return (
    <Frame frame={frame} name="tracking" keys={[]} side={<GuidelinesPanel session={session} otherwise="Link each cell to what it becomes in the next frame." />}>
      <div class="stage-note">{problem ? <ProblemNotice problem={problem} retry={again} /> : <Spinner label="Opening the movie" />}</div>
    </Frame>
  );
}

/** What the canvas draws: the mask of the frame that is shown, each cell in its track's colour. */
function useMaskColours(tracking: Tracking): { labels: ReadonlySignal<LabelMap | null>; palette: ReadonlySignal<Palette | null> } {
  return useMemo(() => {
    const palette = computed<Palette | null>(() => {
      const shown = tracking.movie.shown.value;
      if (!shown) return null;
      const lineage = tracking.lineage.value;
      return new Map(tracking.detections.value.at(shown.frame).map(({ id, key }) => [id, trackColour(lineage.trackOf(key)!.number)]));
    });
    return { labels: computed(() => tracking.movie.shown.value?.map ?? null), palette };
  }, [tracking]);
}

function Bench({ session, tracking, frame }: ModeProps & { tracking: Tracking; frame: FrameState }) {
  const display = useMemo(() => new Display(session.assignment.image), [session]);
  // On a phone the picture needs the room.
  const look = useMemo(() => new Look(window.innerWidth > 760 && window.innerHeight >= 640), [session]);
  const filter = useMemo(() => signal<ListFilter>("all"), [session]);
  const rows = useComputed(() => familyRows(tracking.lineage.value, filter.value, filter.value === "frame" ? tracking.frame.value : 0));
  const { labels, palette } = useMaskColours(tracking);
  const onPointer = useMemo(() => pointing(tracking, display), [tracking]);
  useEffect(() => leading(tracking, display, look), [tracking]);
  const keys = useMemo(() => {
    const move = (by: number) => {
      const list = rows.peek();
      const at = list.findIndex(({ track }) => track === tracking.track.peek());
      const next = list[at === -1 ? (by > 0 ? 0 : list.length - 1) : at + by];
      if (next) batch(() => tracking.selectTrack(next.track));
    };
    return trackingKeys(tracking, display, look, move, frame);
  }, [tracking]);
  const nameAt = (y: number, x: number) => {
    const cell = tracking.cellAt({ y, x });
    return cell ? `track ${tracking.lineage.value.trackOf(cell.key)!.number}, cell ${cell.id}` : "background";
  };
  const { movie } = tracking;
  const cells = tracking.detections.value.at(movie.frame.value).length;
  return (
    <Frame
      frame={frame}
      name="tracking"
      keys={keys}
      keyNote="Shift while linking keeps what the cell went on as: the two are daughters then."
      rail={<TrackingRail tracking={tracking} session={session} display={display} />}
      side={
        <div class="tracking-side" {...(look.lists.value ? { "data-open": "" } : {})}>
          <Numbers tracking={tracking} />
          <SelectedTrack tracking={tracking} />
          <LineageList tracking={tracking} rows={rows} filter={filter} />
          <EventList tracking={tracking} />
          <details class="more-panels">
            <summary>Look, channels, guidelines</summary>
            <LookPanel display={display} look={look} />
            <ChannelsPanel picture={session.picture} />
            <GuidelinesPanel session={session} otherwise="Link each cell to what it becomes in the next frame." />
          </details>
        </div>
      }
      status={<StatusBar session={session} display={display} nameAt={nameAt} />}
    >
      <div class="movie-stage">
        <PictureStage session={session} display={display} panning={frame.panning} label={`Frame ${movie.frame.value + 1} of ${movie.frames}, ${cells} cells`} labels={labels} palette={palette} onPointer={onPointer}>
          <Overlay tracking={tracking} display={display} look={look} />
        </PictureStage>
        <Prompt tracking={tracking} />
        <Failure tracking={tracking} />
      </div>
      {look.tree.value && <TreePanel tracking={tracking} look={look} />}
      <Timeline tracking={tracking} look={look} />
    </Frame>
  );
}

/** What the tool in hand waits for, and what the last step brought about. */
function Prompt({ tracking }: { tracking: Tracking }) {
  const wanted = prompt(tracking.choosing.value, tracking.scope.value);
  const said = tracking.said.value;
  if (!wanted && !said) return null;
  return (
    <div class="tracking-prompt" role="status">
      {said && (
        <span key={said.number} class={`prompt-said ${said.tone}`}>
          {said.text}
        </span>
      )}
      {wanted && (
        <span key="wanted" class="prompt-wanted">
          {wanted}
          <button type="button" class="link" onClick={() => tracking.escape()}>
            Esc
          </button>
        </span>
      )}
    </div>
  );
}

/** A frame that cannot be read, or cells that cannot be measured. */
function Failure({ tracking }: { tracking: Tracking }) {
  const problem = tracking.movie.unreadable.value ?? tracking.unmeasured.value;
  if (!problem) return null;
  return (
    <div class="tracking-failure">
      <ProblemNotice problem={problem} retry={() => void tracking.start()} />
    </div>
  );
}
