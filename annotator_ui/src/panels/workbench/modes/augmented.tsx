/** Augmented microscopy: is it real, which is better, and where is it wrong? */

import { useSignal } from "@preact/signals";
import { useEffect, useMemo } from "preact/hooks";
import { asProblem, type Problem } from "../../../api/problem";
import type { AssignmentSession } from "../../../session/assignment";
import { Picture } from "../../../session/picture";
import { ProblemNotice, Spinner } from "../../feedback";
import "../../styles/augmented.css";
import { cellKeys } from "../cell-keys";
import { ChannelsPanel } from "../channels-panel";
import type { Confirmation } from "../dialogs";
import type { Display } from "../display";
import { Frame, useFrame, type ModeProps } from "../frame";
import { GuidelinesPanel } from "../guidelines-panel";
import { labelKeys, sheetKey, viewKeys, workKeys, type Key, type KeyGroup } from "../keys";
import { StatusBar } from "../status-bar";
import { RailButton, sizeKeys, toolKeys, ToolRail, type ToolChoice } from "../tool-rail";
import { CompareBar, stepPlane } from "./augmented-bar";
import { Compare, leaderOf, shareContrast, SharedDisplay, titleOf, type Shown } from "./augmented-compare";
import { MarksPanel, QuestionPanel } from "./augmented-panels";
import { Answering, ANSWERS, judgedKey, type Stage } from "./augmented-question";
import { Views } from "./augmented-views";

const MARK_TOOLS: readonly (readonly ToolChoice[])[] = [
  [
    { id: "new-cell", key: "N", label: "New region", hint: "Each stroke is a region of its own; circle it and it is filled. Shift adds to the selected one" },
    { id: "brush", key: "B", label: "Brush", hint: "Extend the region the stroke begins in, or the selected one" },
  ],
  [
    { id: "eraser", key: "E", label: "Eraser", hint: "Begun inside a region it trims that one alone. The right button erases too" },
    { id: "delete-cell", key: "X", label: "Delete region", hint: "Click a region to take it away" },
    { id: "picker", key: "V", label: "Select", hint: "Click a region to go on with it" },
    { id: "pan", key: "M", label: "Move the image", hint: "Or hold Space, or the middle button" },
  ],
];

const PREDICTED = "Mark where the predicted picture is wrong: what is missing, invented or blurred. Compare with the real one.";
const NEWER = "Mark where the newer model's picture is wrong: what is missing, invented or blurred.";
const TARGET = "Mark where the real picture is not to be learned from: blurred, misaligned with the source, or saturated.";

function nothingWrong(question: string | null): Confirmation {
  const which = question === "trial" ? "the predicted picture" : question === "preference" ? "the newer model's picture" : "the real picture";
  return {
    title: "Nothing marked",
    text: `You are about to say that nothing in ${which} is wrong. That is a valid reading. Is it yours?`,
    yes: "Yes, nothing is wrong",
    no: "Go on marking",
  };
}

function compareKeys(compare: Compare, source: Picture): Key[] {
  return [
    { keys: ["g"], shown: ["G"], does: "Side by side", run: () => compare.look("beside") },
    { keys: ["w"], shown: ["W"], does: "Swipe: one picture over the other", run: () => compare.look("swipe") },
    { keys: ["k"], shown: ["K"], does: "Blink: the two in turn", run: () => compare.look("blink") },
    { keys: ["i"], shown: ["I"], does: "Stop or go on blinking", run: () => (compare.ticking.value = !compare.ticking.value) },
    { keys: ["q"], shown: ["Q"], does: "Hold: see the other one", run: () => hold(compare) },
    { keys: ["j"], shown: ["J"], does: "The two change places", run: () => compare.swap() },
    { keys: ["arrowleft"], shift: true, shown: ["⇧ ← →"], does: "Move the divider", run: () => compare.move(-0.03) },
    { keys: ["arrowright"], shift: true, shown: [], does: "", run: () => compare.move(0.03) },
    { keys: ["r"], shown: ["R"], does: "Plane before", run: () => stepPlane(source, -1) },
    { keys: ["t"], shown: ["T"], does: "Plane after", run: () => stepPlane(source, 1) },
  ];
}

/** While Q is down the second picture is up, wherever one looks from. */
function hold(compare: Compare): void {
  if (compare.view.peek() !== "blink") compare.view.value = "blink";
  compare.ticking.value = false;
  compare.second.value = true;
}

/** 1 to 6 hide and show markers, in all pictures that are compared. */
function markerKeys(leader: () => Picture | undefined): Key[] {
  return [1, 2, 3, 4, 5, 6].map((number, i) => ({
    keys: [String(number)],
    shown: i === 0 ? ["1 – 6"] : [],
    does: i === 0 ? "Hide or show a marker" : "",
    run: () => {
      const display = leader()?.level.value?.channels[number - 1]?.display;
      if (display) display.value = { ...display.value, visible: !display.value.visible };
    },
  }));
}

/** Pictures of what is given, by key; opened once, whatever is told of their roles later. */
function useGiven(session: AssignmentSession): { pictures: ReadonlyMap<string, Picture> | null; problem: Problem | null; load: () => void } {
  const pictures = useSignal<ReadonlyMap<string, Picture> | null>(null);
  const problem = useSignal<Problem | null>(null);
  const load = () => {
    problem.value = null;
    const seen = session.given.peek().filter(({ kind }) => kind === "target" || kind === "candidate");
    Promise.all(
      seen.map(async ({ key, zarr_url, channels }) => [key, await Picture.open({ zarr_url: zarr_url!, channels: [...(channels ?? [])] })] as const),
    ).then(
      (opened) => (pictures.value = new Map(opened)),
      (error: unknown) => (problem.value = asProblem(error)),
    );
  };
  useEffect(load, [session]);
  return { pictures: pictures.value, problem: problem.value, load };
}

function Opened(props: ModeProps & { pictures: ReadonlyMap<string, Picture> }) {
  const { session, pictures } = props;
  const source = useMemo(() => inMiddle(session.picture), [session]);
  const display = useMemo(() => new SharedDisplay(session.assignment.image), [session]);
  const compare = useMemo(() => new Compare(["source", ...pictures.keys()]), [session]);
  const answering = useMemo(() => new Answering(session), [session]);
  const urged = useSignal(0);
  const given = [...pictures.values()];
  useEffect(() => shareContrast(given), [pictures]);
  useEffect(() => () => answering.close(), [answering]);
  useEffect(() => {
    const up = (event: KeyboardEvent) => {
      if (event.key.toLowerCase() === "q") compare.second.value = false;
    };
    window.addEventListener("keyup", up);
    return () => window.removeEventListener("keyup", up);
  }, [session]);

  const bare = useFrame(props, () => (session.cellCount.peek() === 0 ? nothingWrong(session.question.peek()) : null));
  const frame = useMemo(() => ({ ...bare, submit: () => (answering.stage.peek() === "marking" ? bare.submit() : void urged.value++) }), [bare]);

  const question = session.question.value;
  const stage: Stage = answering.stage.value;
  const judged = stage === "marking" ? judgedKey(session.given.value, question) : null;
  useEffect(() => {
    if (judged) compare.bring(judged);
  }, [judged]);
  const keys = useMemo((): KeyGroup[] => {
    const asked = question && stage === "asking" ? ANSWERS[question].map(({ value, key, label }): Key => ({ keys: [key.toLowerCase()], shown: [key], does: label, run: () => void answering.say(value) })) : [];
    const fill: Key = { keys: ["c"], shown: ["C"], does: "Fill what I circle", run: () => (session.fillCircled.value = !session.fillCircled.value) };
    const marking = stage === "marking" ? [{ group: "Marking", keys: [...toolKeys(session, MARK_TOOLS), ...sizeKeys(session), fill, ...regionKeys(session, display)] }] : [];
    return [
      ...(asked.length > 0 ? [{ group: "Answer, for good", keys: asked }] : []),
      ...marking,
      { group: "Compare", keys: compareKeys(compare, source) },
      { group: "View", keys: [...viewKeys(display), ...labelKeys(display), ...markerKeys(() => leaderOf(given)), ...workKeys(session, frame.submit), sheetKey(frame.showKeys)] },
    ];
  }, [session, stage, question, frame]);

  const shown: Shown[] = [
    { key: "source", short: "Source", title: "Source", picture: source },
    ...session.given.value.flatMap((row) => {
      const picture = pictures.get(row.key);
      return picture ? [{ key: row.key, ...titleOf(row, question), picture }] : [];
    }),
  ];
  const leader = leaderOf(given);
  const wanted = question === "trial" ? PREDICTED : question === "preference" ? NEWER : TARGET;
  return (
    <Frame
      frame={frame}
      name="augmented"
      keys={keys}
      keyNote="The right mouse button erases with any tool. On pictures that are not marked the left button moves."
      rail={
        stage === "marking" ? (
          <ToolRail session={session} display={display} tools={MARK_TOOLS} />
        ) : (
          <div class="rail" role="toolbar" aria-orientation="vertical" aria-label="Tools">
            <span class="rail-space" />
            <RailButton icon="fit" label="Fit the image" hotkey="F" run={() => display.fit()} />
          </div>
        )
      }
      side={
        <>
          <QuestionPanel session={session} answering={answering} urged={urged.value} />
          {stage === "marking" && <MarksPanel session={session} display={display} wanted={wanted} />}
          {leader && <ChannelsPanel picture={leader} title={given.length > 1 ? "Markers, in all pictures" : "Markers"} />}
          <ChannelsPanel picture={source} title="Source" digits={false} />
          <GuidelinesPanel session={session} otherwise={wanted} />
        </>
      }
      status={<StatusBar session={session} display={display} nameAt={(y, x) => (session.editor.map.at(y, x) ? `region ${session.editor.map.at(y, x)}` : "")} />}
    >
      <CompareBar compare={compare} shown={shown} source={source} />
      <Views session={session} display={display} frame={frame} compare={compare} shown={shown} judged={judged} />
    </Frame>
  );
}

/** The middle of a stack is in focus most often. Said before the picture is asked for. */
function inMiddle(picture: Picture): Picture {
  if (picture.depth > 1 && !picture.level.peek()) picture.plane.value = { t: 0, z: Math.floor((picture.depth - 1) / 2) };
  return picture;
}

/** As for cells, with the word that fits. */
function regionKeys(session: AssignmentSession, display: Display): Key[] {
  return cellKeys(session, display).map((key) => ({ ...key, does: key.does.replace("cell", "region") }));
}

export function Augmented(props: ModeProps) {
  const { pictures, problem, load } = useGiven(props.session);
  if (problem)
    return (
      <div class="fill bench-failed">
        <ProblemNotice problem={problem} retry={load} />
        <a class="button quiet" href="/">
          Home
        </a>
      </div>
    );
  if (!pictures) return <Spinner label="Opening the pictures" fill />;
  return <Opened {...props} pictures={pictures} />;
}
