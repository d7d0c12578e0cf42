/** The picture area: the canvas, and what is said while the image is on its way or cannot be read. */

import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { asProblem, type Problem } from "../../api/problem";
import { ProblemNotice, Spinner } from "../feedback";
import { Canvas, type CanvasProps } from "./canvas";
import { Minimap } from "./minimap";

export function PictureStage(props: CanvasProps) {
  const { display } = props;
  const picture = props.picture ?? props.session.picture;
  const unreadable = useSignal<Problem | null>(null);
  const load = () => {
    unreadable.value = null;
    const ratio = window.devicePixelRatio || 1;
    const { height, width } = display.screen.value;
    picture.load(height * ratio, width * ratio).catch((error: unknown) => (unreadable.value = asProblem(error)));
  };
  useEffect(load, [picture]);
  return (
    <>
      <Canvas {...props}>
        {props.children}
        {!props.picture && <Minimap picture={picture} display={display} />}
      </Canvas>
      {!picture.level.value && !unreadable.value && (
        <div class="stage-note">
          <Spinner label="Loading the image" />
        </div>
      )}
      {unreadable.value && (
        <div class="stage-note">
          <ProblemNotice problem={unreadable.value} retry={load} />
        </div>
      )}
    </>
  );
}
