/** Classification of given cells or boxes: a gallery of crops, labelled in batches, beside the image they come from. */

import { computed, useComputed, useSignal } from "@preact/signals";
import { useEffect, useMemo, useState } from "preact/hooks";
import { asProblem, type Problem } from "../../../api/problem";
import type { Given } from "../../../api/types";
import { squareFor } from "../../../labels/boxes";
import { saidOf, type Classes } from "../../../labels/classes";
import type { AssignmentSession } from "../../../session/assignment";
import { readSubjects, subjectAt, type Subjects } from "../../../session/subjects";
import { classColour } from "../../class-colours";
import { ProblemNotice, Spinner } from "../../feedback";
import { ChannelsPanel } from "../channels-panel";
import { ClassBar, classKeys } from "../class-bar";
import { Display } from "../display";
import { Frame, useFrame, type FrameState, type ModeProps } from "../frame";
import { Gallery } from "../gallery";
import { GalleryPanel } from "../gallery-panel";
import { GalleryState } from "../gallery-state";
import { GuidelinesPanel } from "../guidelines-panel";
import { labelKeys, sheetKey, viewKeys, workKeys, type Key, type KeyGroup } from "../keys";
import { PictureStage } from "../picture-stage";
import { preference } from "../preference";
import { StatusBar } from "../status-bar";
import { SubjectOverlay } from "../subject-overlay";
import type { TileLook } from "../tile";

const advances = preference("classes.go-on", true);
/** Subjects of which nothing is said. */
const OPEN = "#7f8c99";

/** Before anything is shown. */
const NOT_SEEN = {
  title: "Nothing is shown yet",
  text: "The cells of this image are not there yet, so you would hand in what is filled in without having seen it. Submit it so?",
  yes: "Submit it unseen",
  no: "Wait",
};

export function galleryKeys(
  session: AssignmentSession,
  state: GalleryState,
  subjects: Pick<Subjects, "byKey">,
  display: Display,
  frame: Pick<FrameState, "submit" | "showKeys">,
): KeyGroup[] {
  const { classes } = state;
  const closeUp = () => {
    const subject = subjects.byKey.get(state.selection.peek().focus ?? "");
    if (subject) display.closeUp(subject.box);
  };
  const none: Key[] = classes.multi ? [{ keys: ["n"], shown: ["N"], does: "None of these classes", run: () => state.sayAll([]) }] : [];
  return [
    {
      group: "Classes",
      keys: [
        ...classKeys(classes, (index) => state.give(index), classes.multi ? "Add the class to what is chosen, or take it away" : "Give what is chosen this class"),
        ...none,
        { keys: ["backspace", "delete", "s"], shown: ["S", "⌫"], does: "Not sure: leave unlabelled", run: () => state.sayAll(null) },
        ...workKeys(session, frame.submit),
      ],
    },
    {
      group: "Choose",
      keys: [
        { keys: ["arrowleft"], shown: ["↑ ↓ ← →"], does: "Move; with Shift choose what is between", run: (held) => state.move(-1, held?.shiftKey) },
        { keys: ["arrowright"], shown: [], does: "", run: (held) => state.move(1, held?.shiftKey) },
        { keys: ["arrowup"], shown: [], does: "", run: (held) => state.move(-state.columns, held?.shiftKey) },
        { keys: ["arrowdown"], shown: [], does: "", run: (held) => state.move(state.columns, held?.shiftKey) },
        { keys: ["home"], shown: ["Home"], does: "The first", run: (held) => state.move(-Infinity, held?.shiftKey) },
        { keys: ["end"], shown: ["End"], does: "The last", run: (held) => state.move(Infinity, held?.shiftKey) },
        { keys: ["a"], ctrl: true, shown: ["Ctrl A"], does: "All that are shown", run: () => state.chooseAll() },
        { keys: ["escape"], shown: ["Esc"], does: "Only this one", run: () => state.release() },
        { keys: ["u"], shown: ["U"], does: "Next without a class", run: () => state.nextUnsaid() },
      ],
    },
    {
      group: "View",
      keys: [
        { keys: ["v"], shown: ["V"], does: "Zoom the image in on it", run: closeUp },
        ...viewKeys(display, false),
        ...labelKeys(display),
        sheetKey(frame.showKeys),
      ],
    },
  ];
}

/** Loads what is given, then shows the gallery. */
export function GivenSubjects(props: ModeProps & { classes: Classes; given: Given }) {
  const { session, given } = props;
  const [subjects, setSubjects] = useState<Subjects | null>(null);
  const problem = useSignal<Problem | null>(null);
  const frame = useFrame(props, () => NOT_SEEN);
  const keys = useMemo(() => [{ group: "Work", keys: workKeys(session, frame.submit) }], [session]);
  const load = () => {
    problem.value = null;
    const { height, width } = session.assignment.image;
    readSubjects(given, height, width).then(setSubjects, (error: unknown) => (problem.value = asProblem(error)));
  };
  useEffect(load, [session]);
  if (subjects) return <Loaded {...props} subjects={subjects} />;
  return (
    <Frame frame={frame} name="gallery" keys={keys} side={<GuidelinesPanel session={session} otherwise="Give every cell its class." />}>
      <div class="stage-note">{problem.value ? <ProblemNotice problem={problem.value} retry={load} /> : <Spinner label="Loading the cells" />}</div>
    </Frame>
  );
}

function Loaded(props: ModeProps & { classes: Classes; subjects: Subjects }) {
  const { session, classes, subjects } = props;
  const { draft, image } = session.assignment;
  const display = useMemo(() => new Display(image), [session]);
  const state = useMemo(
    () => new GalleryState(session, subjects.list.map(({ key }) => key), classes, draft, advances),
    [session, subjects],
  );
  useEffect(() => () => state.close(), [state]);
  const tile = useSignal(112);
  const frame = useFrame(props, () => {
    const { unsaid } = state.counts.peek();
    if (unsaid === 0) return null;
    return {
      title: unsaid === state.subjects.length ? "Nothing labelled" : `${unsaid} not labelled`,
      text: `Of ${unsaid === 1 ? "one subject" : `${unsaid} subjects`} you say nothing. That is fine where you are not sure; others may know.`,
      yes: "Submit it so",
      no: "Go on labelling",
    };
  });
  const keys = useMemo(() => galleryKeys(session, state, subjects, display, frame), [session, state]);
  const look = useMemo<TileLook>(
    () => ({ picture: session.picture, subjects, display, side: squareFor(subjects.list.map(({ box }) => box)) }),
    [session, subjects],
  );
  const colourOf = (key: string) => {
    const first = saidOf(session.values.value, key)?.[0];
    return first === undefined ? null : classColour(classes.names.indexOf(first));
  };
  const nameAt = (y: number, x: number) => {
    const key = subjectAt(subjects, y, x);
    return key === null ? "" : `${key}: ${saidOf(session.values.value, key)?.join(", ") || "–"}`;
  };
  const palette = useComputed(() => subjects.cells && new Map(subjects.list.map(({ key }) => [Number(key), colourOf(key) ?? OPEN] as const)));
  const labels = useMemo(() => computed(() => subjects.cells), [subjects]);

  const { focus, chosen } = state.selection.value;
  useEffect(() => {
    session.selected.value = subjects.cells && focus !== null ? Number(focus) : null;
    const box = focus === null ? null : subjects.byKey.get(focus)?.box;
    if (box) display.show({ y: (box.y0 + box.y1) / 2, x: (box.x0 + box.x1) / 2 });
  }, [focus]);

  const lists = state.targets.map((key) => saidOf(session.values.value, key) ?? []);
  const pressed = new Set(classes.names.filter((name) => lists.length > 0 && lists.every((list) => list.includes(name))));
  const mixed = new Set(classes.names.filter((name) => lists.some((list) => list.includes(name))));
  const { counts } = state;
  return (
    <Frame
      frame={frame}
      name="gallery"
      keys={keys}
      keyNote="Click a cell in the image to go to it. Shift, Ctrl or a drag over the gallery choose several."
      side={
        <>
          <GalleryPanel state={state} tile={tile} advance={advances} draft={draft !== null} />
          <ChannelsPanel picture={session.picture} digits={false} />
          <GuidelinesPanel session={session} otherwise="Give every cell its class." />
        </>
      }
      status={<StatusBar session={session} display={display} nameAt={nameAt} />}
    >
      <div class="with-bar">
        <div class="gallery-and-picture">
          <Gallery state={state} values={session.values.value} look={look} tile={tile.value} acted={() => session.activity.note()} />
          <div class="picture-box">
            <PictureStage
              session={session}
              display={display}
              panning={frame.panning}
              label={`${counts.value.unsaid} of ${state.subjects.length} not labelled`}
              labels={labels}
              palette={palette}
              onPointer={({ kind, at }) => {
                const key = kind === "down" ? subjectAt(subjects, at.y, at.x) : null;
                if (key !== null) state.go(key);
              }}
            >
              <SubjectOverlay
                subjects={subjects}
                values={session.values.value}
                focus={focus}
                display={display}
                colourOf={(name) => classColour(classes.names.indexOf(name))}
              />
            </PictureStage>
          </div>
        </div>
        <ClassBar
          classes={classes}
          label={chosen.size > 1 ? `Class of the ${chosen.size} chosen` : "Class"}
          pressed={pressed}
          mixed={mixed}
          counts={counts.value.perClass}
          disabled={state.targets.length === 0}
          choose={(index) => state.give(index)}
        >
          {classes.multi && (
            <button type="button" class="button small" aria-keyshortcuts="N" onClick={() => state.sayAll([])}>
              None of these <kbd>N</kbd>
            </button>
          )}
          <button type="button" class="button small quiet" aria-keyshortcuts="S" onClick={() => state.sayAll(null)}>
            Not sure <kbd>S</kbd>
          </button>
        </ClassBar>
      </div>
    </Frame>
  );
}
