/** Semantic segmentation: a class for every pixel that somebody is sure of; the rest stays unknown. */

import { computed } from "@preact/signals";
import { useEffect, useMemo } from "preact/hooks";
import type { Classes } from "../../../labels/classes";
import type { AssignmentSession } from "../../../session/assignment";
import type { ToolId } from "../../../tools/tool";
import { classColour } from "../../class-colours";
import { EmptyState } from "../../feedback";
import { ChannelsPanel } from "../channels-panel";
import { waitingKeys } from "../cell-keys";
import { ClassBar, classKeys, digitsOf } from "../class-bar";
import { ClassesPanel } from "../classes-panel";
import { Display } from "../display";
import { Frame, useFrame, type FrameState, type ModeProps } from "../frame";
import { GuidelinesPanel } from "../guidelines-panel";
import { labelKeys, sheetKey, viewKeys, workKeys, type Key, type KeyGroup } from "../keys";
import { imageKeys } from "../look-keys";
import { PictureStage } from "../picture-stage";
import { StatusBar } from "../status-bar";
import { sizeKeys, toolKeys, ToolRail, type ToolChoice } from "../tool-rail";

export const CLASS_TOOLS: readonly (readonly ToolChoice[])[] = [
  [
    { id: "brush", key: "B", label: "Brush", hint: "Paint the class in hand; circle a region and it is filled" },
    { id: "lasso", key: "L", label: "Lasso", hint: "Circle a region; it gets the class in hand when you let go" },
    { id: "polygon", key: "G", label: "Polygon", hint: "A corner a click; close it with a click on the first, a double click or Enter" },
    { id: "wand", key: "W", label: "Wand", hint: "Takes what is as bright as the pixel you press on, in the first shown channel; drag right for more, left for less" },
    { id: "threshold", key: "T", label: "Threshold", hint: "Takes the bright (or dark) region you press on; drag right for more, left for less" },
    { id: "fill-region", key: "R", label: "Fill a region", hint: "Click a region of one class, or an unknown one: it gets the class in hand" },
  ],
  [
    { id: "eraser", key: "E", label: "Eraser", hint: "Back to unknown. The right button erases too" },
    { id: "pan", key: "M", label: "Move the image", hint: "Or hold Space, or the middle button" },
  ],
];

const NOTHING = {
  title: "Nothing painted",
  text: "Every pixel of this image is still unknown: you are about to say nothing of it. Submit it so?",
  yes: "Submit it so",
  no: "Go on painting",
};

const PUTS_NO_CLASS: readonly ToolId[] = ["eraser", "pan"];

/** Take the class at `index` in hand, and the brush with it where the tool in hand paints none. Class `k` has pixel value `k + 1`. */
export function takeClass(session: Pick<AssignmentSession, "paintClass" | "tool">, index: number): void {
  session.paintClass.value = index + 1;
  if (PUTS_NO_CLASS.includes(session.tool.peek())) session.tool.value = "brush";
}

export function semanticKeys(session: AssignmentSession, classes: Classes, display: Display, frame: Pick<FrameState, "submit" | "showKeys">): KeyGroup[] {
  const { protect, fillCircled } = session;
  const stroke: Key[] = [
    { keys: ["p"], shown: ["P"], does: "Paint only where it is unknown, or over other classes", run: () => (protect.value = !protect.value) },
    { keys: ["c"], shown: ["C"], does: "Fill what I circle", run: () => (fillCircled.value = !fillCircled.value) },
  ];
  return [
    { group: "Classes", keys: [...classKeys(classes, (index) => takeClass(session, index), "Take the class in hand"), ...workKeys(session, frame.submit)] },
    { group: "Tools", keys: [...toolKeys(session, CLASS_TOOLS), ...sizeKeys(session), ...stroke, ...waitingKeys(session)] },
    { group: "View", keys: [...viewKeys(display), ...labelKeys(display), ...imageKeys(session, display), sheetKey(frame.showKeys)] },
  ];
}

export function SemanticSegmentation(props: ModeProps) {
  const { ontology } = props.session;
  if (!ontology) return <EmptyState fill title="This campaign names no classes" text="Tell a curator." action={{ label: "Home", href: "/" }} />;
  return <Painter {...props} classes={ontology} />;
}

const ALLOWED: readonly ToolId[] = CLASS_TOOLS.flat().map(({ id }) => id);

function Painter(props: ModeProps & { classes: Classes }) {
  const { session, classes } = props;
  const { image } = session.assignment;
  const display = useMemo(() => {
    // Before the first picture: what a session begins with is made for drawing cells.
    session.paintClass.value = 1;
    session.protect.value = false;
    if (!ALLOWED.includes(session.tool.peek())) session.tool.value = "brush";
    const made = new Display(image);
    made.opacity.value = 0.4;
    return made;
  }, [session]);
  const frame = useFrame(props, () => (session.cellCount.peek() === 0 ? NOTHING : null));
  const keys = useMemo(() => semanticKeys(session, classes, display, frame), [session]);
  const palette = useMemo(() => computed(() => new Map(classes.names.map((_, index) => [index + 1, classColour(index)]))), [classes]);
  useEffect(() => () => void (session.paintClass.value = null), [session]);
  const nameAt = (y: number, x: number) => classes.names[session.editor.map.at(y, x) - 1] ?? "unknown";
  const hand = (session.paintClass.value ?? 1) - 1;
  const erasing = session.tool.value === "eraser";
  const digit = digitsOf(classes.names)[hand];
  return (
    <Frame
      frame={frame}
      name="semantic"
      keys={keys}
      keyNote="The right mouse button erases with any tool."
      rail={<ToolRail session={session} display={display} tools={CLASS_TOOLS} />}
      side={
        <>
          <ClassesPanel session={session} classes={classes} display={display} take={(index) => takeClass(session, index)} />
          <ChannelsPanel picture={session.picture} display={display} digits={false} />
          <GuidelinesPanel session={session} otherwise="Paint every pixel whose class you are sure of." />
        </>
      }
      status={<StatusBar session={session} display={display} nameAt={nameAt} />}
    >
      <div class="with-bar">
        <div class="picture-box">
          <PictureStage
            session={session}
            display={display}
            panning={frame.panning}
            label={`${session.cellCount.value} of ${classes.names.length} classes painted`}
            palette={palette}
            hatched
          >
            <span class="in-hand" style={erasing ? {} : { "--class": classColour(hand) }} aria-hidden="true">
              <i /> {erasing ? "Eraser: back to unknown" : classes.names[hand]} {!erasing && digit && <kbd>{digit}</kbd>}
            </span>
          </PictureStage>
        </div>
        <ClassBar small classes={classes} label="Class in hand" pressed={new Set(erasing ? [] : [classes.names[hand]!])} choose={(index) => takeClass(session, index)} />
      </div>
    </Frame>
  );
}
