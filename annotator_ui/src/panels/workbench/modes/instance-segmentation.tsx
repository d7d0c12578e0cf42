/** Instance segmentation: every cell an outline of its own. */

import { useMemo } from "preact/hooks";
import type { AssignmentSession } from "../../../session/assignment";
import { actionKeys, cellKeys } from "../cell-keys";
import { ChannelsPanel } from "../channels-panel";
import { Display } from "../display";
import { Frame, useFrame, type FrameState, type ModeProps } from "../frame";
import { GuidelinesPanel } from "../guidelines-panel";
import { channelKeys, labelKeys, sheetKey, viewKeys, workKeys, type Key, type KeyGroup } from "../keys";
import { LabelsPanel } from "../labels-panel";
import { relabelKey } from "../selected-cell";
import { colouringKey, imageKeys } from "../look-keys";
import { PictureStage } from "../picture-stage";
import { StatusBar } from "../status-bar";
import { CELL_TOOLS, sizeKeys, toolKeys, ToolRail } from "../tool-rail";

const EMPTY = {
  title: "No cell drawn",
  text: "You are about to say that there is no cell in this image. That is a valid reading. Is it yours?",
  yes: "Yes, submit it empty",
  no: "Go on drawing",
};

export function instanceKeys(session: AssignmentSession, display: Display, frame: Pick<FrameState, "submit" | "showKeys">): KeyGroup[] {
  const { protect, fillCircled } = session;
  const stroke: Key[] = [
    { keys: ["p"], shown: ["P"], does: "Protect other cells, or paint over them", run: () => (protect.value = !protect.value) },
    { keys: ["c"], shown: ["C"], does: "Fill what I circle", run: () => (fillCircled.value = !fillCircled.value) },
  ];
  return [
    { group: "Tools", keys: [...toolKeys(session, CELL_TOOLS), ...sizeKeys(session), ...stroke] },
    { group: "Cells", keys: [...cellKeys(session, display), ...actionKeys(session, display), relabelKey(), ...workKeys(session, frame.submit)] },
    { group: "View", keys: [...viewKeys(display), ...labelKeys(display), colouringKey(session, display), ...imageKeys(session, display), ...channelKeys(session), sheetKey(frame.showKeys)] },
  ];
}

export function InstanceSegmentation(props: ModeProps) {
  const { session } = props;
  const display = useMemo(() => new Display(session.assignment.image), [session]);
  const frame = useFrame(props, () => (session.cellCount.peek() === 0 ? EMPTY : null));
  const keys = useMemo(() => instanceKeys(session, display, frame), [session]);
  return (
    <Frame
      frame={frame}
      name="instances"
      keys={keys}
      keyNote="Shift with New cell adds to the selected cell. The right mouse button erases with any tool."
      rail={<ToolRail session={session} display={display} tools={CELL_TOOLS} />}
      side={
        <>
          <ChannelsPanel picture={session.picture} display={display} />
          <LabelsPanel session={session} display={display} />
          <GuidelinesPanel session={session} otherwise="Outline every cell you can tell apart." />
        </>
      }
      status={<StatusBar session={session} display={display} />}
    >
      <PictureStage session={session} display={display} panning={frame.panning} label={`${session.cellCount.value} cells`} />
    </Frame>
  );
}
