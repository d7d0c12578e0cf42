/** Classification of whole images: one image large, one key a class. */

import { useEffect, useMemo } from "preact/hooks";
import { assign, saidOf, sayOfAll, type Classes } from "../../../labels/classes";
import type { AssignmentSession } from "../../../session/assignment";
import { WHOLE } from "../../../session/subjects";
import { ChannelsPanel } from "../channels-panel";
import { ClassBar, classKeys } from "../class-bar";
import { Display } from "../display";
import { Frame, useFrame, type FrameState, type ModeProps } from "../frame";
import { GuidelinesPanel } from "../guidelines-panel";
import { sheetKey, viewKeys, workKeys, type Key, type KeyGroup } from "../keys";
import { PictureStage } from "../picture-stage";
import { preference } from "../preference";
import { StatusBar } from "../status-bar";

/** Choosing a class hands the image in. */
const submitsAtOnce = preference("classes.submit-at-once", false);

const UNSAID = {
  title: "No class chosen",
  text: "You are about to say nothing of this image: it counts as seen, not as a class. Skip it?",
  yes: "Skip it",
  no: "Choose a class",
};

/** What a press on the class at `index` says; where choosing submits, it does. */
export function choose(session: Pick<AssignmentSession, "values" | "change">, classes: Classes, index: number, submit: () => void): void {
  const name = classes.names[index];
  if (name === undefined) return;
  session.change("class", {}, assign(session.values.peek(), [WHOLE], name, classes));
  if (submitsAtOnce.peek() && !classes.multi) submit();
}

export function wholeKeys(session: AssignmentSession, classes: Classes, display: Display, frame: Pick<FrameState, "submit" | "showKeys">, skip: () => void): KeyGroup[] {
  const none: Key[] = classes.multi
    ? [{ keys: ["n"], shown: ["N"], does: "None of these classes", run: () => session.change("class", {}, sayOfAll([WHOLE], [])) }]
    : [];
  return [
    {
      group: "Classes",
      keys: [
        ...classKeys(classes, (index) => choose(session, classes, index, frame.submit), classes.multi ? "Add the class, or take it away" : "Choose the class"),
        ...none,
        { keys: ["enter"], shown: ["↵"], does: "Submit and take the next image", run: () => frame.submit() },
        { keys: ["s"], shown: ["S"], does: "Skip: not sure", run: () => skip() },
        { keys: ["backspace", "delete"], shown: ["⌫"], does: "Take the class back", run: () => session.change("unsay", {}, sayOfAll([WHOLE], null)) },
      ],
    },
    { group: "Work", keys: workKeys(session, frame.submit) },
    { group: "View", keys: [...viewKeys(display), sheetKey(frame.showKeys)] },
  ];
}

export function WholeImage(props: ModeProps & { classes: Classes }) {
  const { session, classes, workbench } = props;
  const display = useMemo(() => new Display(session.assignment.image), [session]);
  const frame = useFrame(props, () => (saidOf(session.values.peek(), WHOLE) === null ? UNSAID : null));
  const skip = () => {
    session.change("unsay", {}, sayOfAll([WHOLE], null));
    void workbench.submit();
  };
  const keys = useMemo(() => wholeKeys(session, classes, display, frame, skip), [session]);
  useEffect(() => {
    session.tool.value = "pan";
  }, [session]);

  const said = saidOf(session.values.value, WHOLE);
  const { draft } = session.assignment;
  const sure = draft?.cells[WHOLE];
  return (
    <Frame
      frame={frame}
      name="whole"
      keys={keys}
      side={
        <>
          <section class="panel" aria-label="Class">
            <h3>{classes.ordinal ? "On the scale" : classes.multi ? "Classes" : "Class"}</h3>
            <p class="said" aria-live="polite">
              {said === null ? <span class="dim">Not said yet</span> : said.length === 0 ? "None of these" : said.join(", ")}
            </p>
            {draft && sure !== undefined && <p class="dim">A model's draft is filled in; it was {Math.round(sure * 100)}% sure.</p>}
            {classes.multi && <p class="dim">Several classes may hold. Each key adds its class or takes it away.</p>}
            <p class="dim">
              {submitsAtOnce.value && !classes.multi ? "A key chooses and hands the image in." : "A key chooses, ↵ hands it in and brings the next."}
            </p>
            {!classes.multi && (
              <label class="check">
                <input type="checkbox" checked={submitsAtOnce.value} onChange={(event) => (submitsAtOnce.value = event.currentTarget.checked)} />
                Choosing submits
              </label>
            )}
          </section>
          <ChannelsPanel picture={session.picture} digits={false} />
          <GuidelinesPanel session={session} otherwise="Choose the class that fits the image as a whole." />
        </>
      }
      status={<StatusBar session={session} display={display} nameAt={() => ""} />}
    >
      <div class="with-bar">
        <div class="picture-box">
          <PictureStage session={session} display={display} panning={frame.panning} label={said === null ? "No class yet" : said.join(", ") || "None of the classes"} />
        </div>
        <ClassBar classes={classes} label="Classes" pressed={new Set(said ?? [])} choose={(index) => choose(session, classes, index, frame.submit)}>
          {classes.multi && (
            <button
              type="button"
              class="button small"
              aria-pressed={said?.length === 0}
              aria-keyshortcuts="N"
              onClick={() => session.change("class", {}, sayOfAll([WHOLE], []))}
            >
              None of these <kbd>N</kbd>
            </button>
          )}
          <button type="button" class="button small quiet" aria-keyshortcuts="S" disabled={workbench.busy.value} onClick={skip}>
            Skip, not sure <kbd>S</kbd>
          </button>
        </ClassBar>
      </div>
    </Frame>
  );
}
