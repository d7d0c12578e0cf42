/** The pictures of the augmented mode: linked in pan and zoom, beside one another, under a divider, or in turn. */

import { signal, useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import type { LabelMap } from "../../../labels/label-map";
import { toScreen } from "../../../layers/view";
import type { AssignmentSession } from "../../../session/assignment";
import type { PointerStep } from "../../../tools/tool";
import type { Display } from "../display";
import type { FrameState } from "../frame";
import { PictureStage } from "../picture-stage";
import { BLINK_MS, clampSplit, columnsFor, type Compare, type Shown } from "./augmented-compare";

/** Pictures that nothing is marked on show no labels. */
const NONE = signal<LabelMap | null>(null);

/** Where the pointer is in the other pictures. */
function Twin({ display }: { display: Display }) {
  const at = display.pointer.value;
  if (!at) return null;
  const { y, x } = toScreen(display.view.value, at);
  return <i class="twin" aria-hidden="true" style={{ transform: `translate(${x}px, ${y}px)` }} />;
}

/** On pictures that are only looked at the left button moves. */
function mover(display: Display): (step: PointerStep) => void {
  let last: PointerStep["screen"] | null = null;
  return ({ kind, screen }) => {
    if (kind === "move" && last) display.pan(screen.y - last.y, screen.x - last.x);
    last = kind === "up" || kind === "cancel" ? null : screen;
  };
}

/** The divider: dragged, or moved by the arrow keys while it has the focus. */
function Divider({ compare, names }: { compare: Compare; names: readonly [string, string] }) {
  const bar = useRef<HTMLDivElement>(null);
  const share = Math.round(compare.split.value * 100);
  const drag = (event: PointerEvent) => {
    if (!bar.current?.hasPointerCapture(event.pointerId)) return;
    const bounds = bar.current.parentElement!.getBoundingClientRect();
    compare.split.value = clampSplit((event.clientX - bounds.left) / bounds.width);
  };
  const onKey = (event: KeyboardEvent) => {
    const steps: Readonly<Record<string, number>> = { ArrowLeft: -0.02, ArrowRight: 0.02, PageDown: -0.1, PageUp: 0.1, Home: -1, End: 1 };
    const by = steps[event.key];
    if (by === undefined) return;
    event.preventDefault();
    event.stopPropagation();
    compare.move(by);
  };
  return (
    <div
      ref={bar}
      class="divider"
      role="slider"
      tabIndex={0}
      aria-label={`Divider between ${names[0]} and ${names[1]}`}
      aria-orientation="horizontal"
      aria-valuemin={0}
      aria-valuemax={100}
      aria-valuenow={share}
      aria-valuetext={`${share} % ${names[0]}`}
      style={{ left: `${compare.split.value * 100}%` }}
      onPointerDown={(event) => {
        event.stopPropagation();
        bar.current!.setPointerCapture(event.pointerId);
      }}
      onPointerMove={drag}
      onKeyDown={onKey}
    />
  );
}

/** The two take turns, but never under a stroke. */
function useBlinking(compare: Compare, session: AssignmentSession): void {
  const active = compare.view.value === "blink" && compare.ticking.value;
  useEffect(() => {
    if (!active) return;
    const timer = setInterval(() => {
      if (!session.editor.drawing) compare.second.value = !compare.second.peek();
    }, BLINK_MS);
    return () => clearInterval(timer);
  }, [active]);
}

interface ViewsProps {
  readonly session: AssignmentSession;
  readonly display: Display;
  readonly frame: FrameState;
  readonly compare: Compare;
  readonly shown: readonly Shown[];
  /** Failures are marked on it; null while nothing is marked. */
  readonly judged: string | null;
}

export function Views({ session, display, frame, compare, shown, judged }: ViewsProps) {
  useBlinking(compare, session);
  const view = compare.view.value;
  const [first, second] = compare.pair.value;
  const visible = compare.visible.value.flatMap((key) => shown.find((each) => each.key === key) ?? []);
  const nameOf = (key: string) => shown.find((each) => each.key === key)?.short ?? key;
  const box = useRef<HTMLDivElement>(null);
  const room = useSignal({ height: 1, width: 1 });
  useEffect(() => {
    const element = box.current!;
    const watch = new ResizeObserver(() => (room.value = { height: Math.max(1, element.clientHeight), width: Math.max(1, element.clientWidth) }));
    watch.observe(element);
    return () => watch.disconnect();
  }, []);
  const columns = columnsFor(visible.length, display.image, room.value);
  return (
    <div ref={box} class={`views ${view}`} style={view === "beside" ? { "--columns": columns, "--rows": Math.ceil(visible.length / columns) } : {}}>
      {visible.map(({ key, title, picture }) => {
        const marked = key === judged;
        const clip = view === "swipe" && key === second && first !== second ? { clipPath: `inset(0 0 0 ${compare.split.value * 100}%)` } : {};
        const down = view === "blink" && key !== compare.up;
        return (
          <figure key={key} class={marked ? "view judged" : "view"} style={clip} data-down={down || undefined} data-second={key === second || undefined}>
            <PictureStage
              // What a canvas does with the pointer is bound when it opens: it is another one once it is marked.
              key={marked ? "marked" : "seen"}
              session={session}
              display={display}
              panning={frame.panning}
              picture={picture}
              label={marked ? `${title}. ${session.cellCount.value} regions marked` : title}
              {...(marked ? {} : { labels: NONE, onPointer: mover(display) })}
            >
              <Twin display={display} />
            </PictureStage>
            <figcaption>{title}</figcaption>
          </figure>
        );
      })}
      {view === "swipe" && first !== second && <Divider compare={compare} names={[nameOf(first), nameOf(second)]} />}
    </div>
  );
}
