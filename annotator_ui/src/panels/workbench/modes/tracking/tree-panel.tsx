/** The lineage tree below the picture, in step with it. */

import { untracked, useComputed, useSignal, useSignalEffect } from "@preact/signals";
import { useEffect, useMemo, useRef } from "preact/hooks";
import type { Track } from "../../../../lineage/lineage";
import { familiesIn, kin, placeOf, trackAt, TreeLayout } from "../../../../lineage/tree";
import type { Tracking } from "../../../../session/tracking";
import { describeTrack } from "./lineage-list";
import type { Look } from "./look";
import { drawTree } from "./tree-drawing";
import { GUTTER, TreeView } from "./tree-view";

const TALL = { least: 90, first: 190, step: 24 };
const STEPS = { ArrowUp: "above", ArrowDown: "below", ArrowLeft: "mother", ArrowRight: "daughter" } as const;

export function TreePanel({ tracking, look }: { tracking: Tracking; look: Look }) {
  const box = useRef<HTMLDivElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  const view = useMemo(() => new TreeView(tracking.movie.frames), [tracking]);
  const layout = useMemo(() => new TreeLayout(), [tracking]);
  const tree = useComputed(() => layout.of(tracking.lineage.value, view.folded.value));
  const tall = useSignal(TALL.first);
  const suspicious = useComputed(() => {
    const frames = new Map<number, number[]>();
    for (const { cell, track } of tracking.review.events.value) frames.set(track.number, [...(frames.get(track.number) ?? []), cell.frame]);
    return frames;
  });
  const scroll = (to: { top?: number; left?: number }) => {
    // The content has its new size only after it is drawn.
    requestAnimationFrame(() => box.current?.scrollTo(to));
  };

  useEffect(() => {
    const element = box.current!;
    const observer = new ResizeObserver(() => {
      view.height.value = element.clientHeight;
      view.width.value = element.clientWidth;
    });
    observer.observe(element);
    return () => observer.disconnect();
  }, []);

  const drawing = useRef(0);
  useSignalEffect(() => {
    const scene = { tree: tree.value, frame: tracking.frame.value, selected: tracking.track.value, suspicious: suspicious.value };
    for (const each of [view.rowHeight, view.stretch, view.top, view.left, view.height, view.width]) void each.value;
    cancelAnimationFrame(drawing.current);
    drawing.current = requestAnimationFrame(() => {
      const element = canvas.current;
      // In main memory: without a graphics card, lines and words are drawn many times faster there.
      const context = element?.getContext("2d", { alpha: false, willReadFrequently: true });
      if (!element || !context) return;
      const ratio = Math.min(2, window.devicePixelRatio || 1);
      const size = { height: Math.round(view.height.peek() * ratio), width: Math.round(view.width.peek() * ratio) };
      if (element.height !== size.height || element.width !== size.width) Object.assign(element, size);
      context.setTransform(ratio, 0, 0, ratio, 0, 0);
      drawTree(context, view, scene);
    });
  });

  // The tree follows the selection, and its frame where time is stretched.
  useSignalEffect(() => {
    const track = tracking.track.value;
    const at = track && placeOf(tree.peek(), track);
    if (!at) return;
    // Only when another is selected: who scrolls away from it is let go.
    const top = untracked(() => view.topFor(at.row));
    if (top !== view.top.peek()) scroll({ top });
  });
  useSignalEffect(() => {
    const frame = tracking.frame.value;
    const x = untracked(() => view.x(frame));
    if (view.stretch.peek() > 1 && (x < GUTTER || x > view.width.peek() - 20)) scroll({ left: view.left.peek() + x - view.width.peek() / 2 });
  });

  const go = (track: Track, frame?: number) => {
    tracking.movie.pause();
    tracking.selectTrack(track, frame);
  };
  const click = (event: MouseEvent) => {
    const bounds = box.current!.getBoundingClientRect();
    const { x, y } = { x: event.clientX - bounds.left, y: event.clientY - bounds.top };
    const row = view.rowAt(y);
    if (x < GUTTER) {
      const family = familiesIn(tree.peek(), row, row + 0.01)[0];
      if (family && family.size > 1) view.fold(family.root.number);
      return;
    }
    const frame = view.frameAt(x);
    const track = trackAt(tree.peek(), row, frame);
    if (track) go(track, frame);
    else {
      tracking.movie.pause();
      void tracking.movie.goTo(frame);
    }
  };
  const wheel = (event: WheelEvent) => {
    if (!event.ctrlKey) return;
    event.preventDefault();
    scroll({ left: view.zoomTime(event.deltaY < 0 ? 1.25 : 0.8, event.clientX - box.current!.getBoundingClientRect().left) });
  };
  const key = (event: KeyboardEvent) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.shiftKey) return;
    const track = tracking.track.peek();
    const step = STEPS[event.key as keyof typeof STEPS];
    const first = tree.peek().families[0]?.root;
    if (step) {
      const next = track ? kin(tree.peek(), track, step) : first;
      if (next) go(next, step === "daughter" ? next.begin : step === "mother" ? next.end : undefined);
    } else if (event.key === " " && track) {
      const at = placeOf(tree.peek(), track);
      if (at && at.family.size > 1) view.fold(at.family.root.number);
    } else return;
    event.preventDefault();
    event.stopPropagation();
  };
  // By hand: what the browser listens to passively would scroll the page as well.
  useEffect(() => {
    const element = box.current!;
    element.addEventListener("wheel", wheel, { passive: false });
    return () => element.removeEventListener("wheel", wheel);
  }, []);

  const selected = tracking.track.value;
  const families = tree.value.families.length;
  return (
    <section class="tree-dock" aria-label="Lineage tree" style={{ height: `${tall.value}px` }}>
      <Handle tall={(by) => (tall.value = Math.min(window.innerHeight * 0.6, Math.max(TALL.least, tall.peek() + by)))} />
      <header class="row apart">
        <h3>
          Tree <small class="dim">{families.toLocaleString("en")} {families === 1 ? "family" : "families"}</small>
        </h3>
        <span class="tree-tools">
          <Search tracking={tracking} go={go} />
          <ToolButton label="Lower rows" text="▤−" run={() => scroll({ top: view.zoomRows(-1) })} />
          <ToolButton label="Higher rows" text="▤+" run={() => scroll({ top: view.zoomRows(1) })} />
          <ToolButton label="Less of time apart" text="↔−" run={() => scroll({ left: view.zoomTime(0.67, view.width.peek() / 2) })} />
          <ToolButton label="Stretch time (Ctrl and the wheel)" text="↔+" run={() => scroll({ left: view.zoomTime(1.5, view.width.peek() / 2) })} />
          <ToolButton label="Fold all families" text="▸" run={() => (view.folded.value = new Set(tree.peek().families.filter(({ size }) => size > 1).map(({ root }) => root.number)))} />
          <ToolButton label="Unfold all families" text="▾" run={() => (view.folded.value = new Set())} />
          <ToolButton label="Hide the tree (W)" text="×" run={() => (look.tree.value = false)} />
        </span>
      </header>
      <div class="tree-stage">
        {/* Behind the box that scrolls, not in it: a canvas that scrolls is drawn twice. */}
        <canvas ref={canvas} aria-hidden="true" style={{ width: `${view.width.value}px`, height: `${view.height.value}px` }} />
        <div
          ref={box}
          class="tree-box"
          tabIndex={0}
          role="tree"
          aria-activedescendant="tree-selected"
          aria-label={`Lineage tree, ${families} families. Up and down: the track drawn above or below; left: mother; right: first daughter; Space: fold. The list of tracks says the same in words.`}
          onScroll={({ currentTarget: { scrollTop, scrollLeft } }) => {
            view.top.value = scrollTop;
            view.left.value = scrollLeft;
          }}
          onClick={click}
          onKeyDown={key}
        >
          <div class="tree-content" style={{ width: `${view.contentWidth}px`, height: `${view.contentHeight(tree.value.rows)}px` }}>
            {/* The drawing in words: the one that is selected. */}
            <span id="tree-selected" class="sr" role="treeitem" aria-selected={selected !== null} aria-level={selected ? depthOf(selected) : 1}>
              {selected ? describeTrack(selected) : "No track selected"}
            </span>
          </div>
        </div>
      </div>
    </section>
  );
}

/** 1: nobody's daughter. */
function depthOf(track: Track): number {
  let depth = 1;
  for (let mother = track.mother; mother; mother = mother.mother) depth++;
  return depth;
}

function ToolButton({ label, text, run }: { label: string; text: string; run: () => void }) {
  return (
    <button type="button" class="icon-button" aria-label={label} title={label} onClick={run}>
      {text}
    </button>
  );
}

/** A track by its number. */
function Search({ tracking, go }: { tracking: Tracking; go: (track: Track) => void }) {
  const missing = useSignal(false);
  return (
    <input
      type="search"
      inputMode="numeric"
      class="tree-search"
      placeholder="Track number"
      aria-label="Go to the track with this number"
      aria-invalid={missing.value}
      onInput={(event) => {
        const text = event.currentTarget.value.trim();
        const track = /^\d+$/.test(text) ? tracking.lineage.peek().track(Number(text)) : null;
        missing.value = text !== "" && !track;
        if (track) go(track);
      }}
    />
  );
}

/** The upper border of the panel, to be dragged. */
function Handle({ tall }: { tall: (by: number) => void }) {
  const from = useRef<number | null>(null);
  return (
    <div
      class="tree-handle"
      role="separator"
      aria-orientation="horizontal"
      aria-label="Height of the tree"
      tabIndex={0}
      onPointerDown={(event) => {
        event.currentTarget.setPointerCapture(event.pointerId);
        from.current = event.clientY;
      }}
      onPointerMove={(event) => {
        if (from.current === null) return;
        tall(from.current - event.clientY);
        from.current = event.clientY;
      }}
      onPointerUp={() => (from.current = null)}
      onKeyDown={(event) => {
        if (event.key !== "ArrowUp" && event.key !== "ArrowDown") return;
        event.preventDefault();
        event.stopPropagation();
        tall(event.key === "ArrowUp" ? TALL.step : -TALL.step);
      }}
    />
  );
}
