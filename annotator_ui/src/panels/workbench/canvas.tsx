/** The picture: binds the renderer to signals, and the pointer to the tools. */

import { effect, useSignal, type ReadonlySignal, type Signal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";
import type { LabelMap } from "../../labels/label-map";
import type { Palette } from "../../layers/palette";
import { Renderer } from "../../layers/renderer";
import { toImage } from "../../layers/view";
import type { AssignmentSession } from "../../session/assignment";
import { windowInTexels, type Picture } from "../../session/picture";
import type { PointerStep, ToolId } from "../../tools/tool";
import { Notice } from "../feedback";
import type { Display } from "./display";
import { SketchOverlay } from "./sketch-overlay";

const PAINTING: readonly ToolId[] = ["brush", "new-cell", "eraser"];

/** Tools that light the cell under the pointer: it is the one they will take. */
const AIMING: readonly ToolId[] = ["delete-cell", "picker", "merge", "split-points", "split-line"];

export interface CanvasProps {
  readonly session: AssignmentSession;
  readonly display: Display;
  /** Space is held down: the pointer pans. */
  readonly panning: Signal<boolean>;
  /** What the picture says, for those who do not see it: "12 cells". */
  readonly label: string;
  /** Another picture than the assignment's: a target, a candidate. */
  readonly picture?: Picture;
  /** Labels to show instead of the map that is painted: given cells, the detections of a frame. */
  readonly labels?: ReadonlySignal<LabelMap | null>;
  /** Colours by id; without it every cell has one of its own. */
  readonly palette?: ReadonlySignal<Palette | null>;
  /** The background is hatched: nothing is said of it yet. */
  readonly hatched?: boolean;
  /** Takes the left button instead of the session's tools; the cell under the pointer is lit. */
  readonly onPointer?: (step: PointerStep) => void;
  /** What lies over the picture. */
  readonly children?: ComponentChildren;
}

/** Keep the renderer in step with the session and the display. Returns how to stop. */
function bind(renderer: Renderer, props: CanvasProps): () => void {
  const { session, display, labels, palette } = props;
  const { editor, assignment } = session;
  const picture = props.picture ?? session.picture;
  const shown = () => (labels ? labels.value : editor.map);
  if (!labels) {
    session.onDrawn = (rect) => renderer.labelsChanged(editor.map, rect);
    renderer.setLabels(editor.map, assignment.draft?.cells ?? {});
  }
  const stops = [
    effect(() => {
      if (labels?.value) renderer.setLabels(labels.value, {});
    }),
    effect(() => renderer.setPalette(palette?.value ?? null)),
    effect(() => {
      const level = picture.level.value;
      if (level) renderer.setImage({ height: level.height, width: level.width, planes: level.channels.map((channel) => channel.texels) });
    }),
    effect(() => {
      const channels = (picture.level.value?.channels ?? []).map((channel) => ({ ...channel.display.value, ...windowInTexels(channel) }));
      // From twelve screen pixels an image pixel on, the person wants to see pixels.
      renderer.setChannels(channels, display.smoothly.value && display.view.value.scale < 12, display.inverted.value);
    }),
    effect(() => renderer.setView(display.view.value)),
    effect(() => {
      const pointing = props.onPointer !== undefined || AIMING.includes(session.tool.value);
      const at = pointing ? display.pointer.value : null;
      renderer.setStyle({
        visible: display.labels.value,
        colouring: display.colouring.value,
        opacity: display.opacity.value,
        outlines: display.outlines.value,
        hatched: props.hatched ?? false,
        selected: session.selected.value ?? 0,
        hovered: at ? (shown()?.at(Math.floor(at.y), Math.floor(at.x)) ?? 0) : 0,
      });
    }),
  ];
  return () => {
    if (!labels) session.onDrawn = () => {};
    stops.forEach((stop) => stop());
  };
}

/** Pointer events -> tools. Left: the tool; middle, or with Space: pan; right: eraser. */
function listen(box: HTMLElement, ring: HTMLElement, props: CanvasProps): () => void {
  const { session, display, panning, onPointer } = props;
  const { toolbox } = session;
  let tool: ToolId = session.tool.value;
  /** A button is down that `onPointer` was told of. */
  let held = false;
  const screenAt = (event: MouseEvent) => {
    const bounds = box.getBoundingClientRect();
    return { y: event.clientY - bounds.top, x: event.clientX - bounds.left };
  };
  const send = (kind: PointerStep["kind"], event: PointerEvent) => {
    const screen = screenAt(event);
    const step: PointerStep = { kind, at: toImage(display.view.value, screen), screen, shift: event.shiftKey, pressed: toolbox.busy || kind === "down", pressure: event.pointerType === "pen" ? event.pressure : 1 };
    if (onPointer && tool !== "pan") {
      onPointer(step);
      if (kind !== "move") held = kind === "down";
      return;
    }
    session.point(tool, step, (dy, dx) => display.pan(dy, dx));
  };
  const place = (event: PointerEvent) => {
    const screen = screenAt(event);
    display.pointer.value = toImage(display.view.value, screen);
    ring.style.transform = `translate(${screen.x}px, ${screen.y}px)`;
  };
  const on = {
    pointerdown: (event: PointerEvent) => {
      if (toolbox.busy || held || event.button > 2) return;
      if (onPointer && event.button === 2) return;
      event.preventDefault();
      box.setPointerCapture(event.pointerId);
      box.focus({ preventScroll: true });
      session.activity.note();
      tool = event.button === 1 || panning.value || (!session.form.paints && !onPointer) ? "pan" : event.button === 2 ? "eraser" : session.tool.value;
      if (tool === "pan") box.dataset["grabbing"] = "";
      place(event);
      send("down", event);
    },
    pointermove: (event: PointerEvent) => {
      place(event);
      if (!toolbox.busy && !held) {
        if (toolbox.pending && !onPointer) send("move", event);
        return;
      }
      // Fast strokes: the browser folds several positions into one event; the curve needs them all.
      const folded = event.getCoalescedEvents?.() ?? [];
      for (const each of folded.length > 0 ? folded : [event]) send("move", each);
    },
    pointerup: (event: PointerEvent) => {
      delete box.dataset["grabbing"];
      send("up", event);
    },
    pointercancel: (event: PointerEvent) => {
      delete box.dataset["grabbing"];
      send("cancel", event);
    },
    pointerleave: () => {
      display.pointer.value = null;
    },
    contextmenu: (event: MouseEvent) => event.preventDefault(),
    wheel: (event: WheelEvent) => {
      event.preventDefault();
      session.activity.note();
      const lines = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? 16 : 1;
      display.zoom(Math.exp(-event.deltaY * lines * (event.ctrlKey ? 0.01 : 0.0016)), screenAt(event));
    },
  };
  for (const [name, handler] of Object.entries(on)) box.addEventListener(name, handler as EventListener, { passive: false });
  return () => {
    for (const [name, handler] of Object.entries(on)) box.removeEventListener(name, handler as EventListener);
  };
}

export function Canvas(props: CanvasProps) {
  const { session, display, panning } = props;
  const box = useRef<HTMLDivElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  const ring = useRef<HTMLDivElement>(null);
  const failed = useSignal<string | null>(null);

  useEffect(() => {
    const element = box.current!;
    let renderer: Renderer;
    try {
      renderer = new Renderer(canvas.current!, display.image);
    } catch (error) {
      failed.value = error instanceof Error ? error.message : String(error);
      return;
    }
    const resize = () => {
      display.resize({ height: element.clientHeight, width: element.clientWidth });
      renderer.setView(display.view.value);
      renderer.resize(element.clientHeight, element.clientWidth);
    };
    const unbind = bind(renderer, props);
    const observer = new ResizeObserver(resize);
    observer.observe(element);
    resize();
    const unlisten = listen(element, ring.current!, props);
    return () => {
      unlisten();
      observer.disconnect();
      unbind();
      renderer.close();
    };
  }, [session, props.picture, props.labels, props.palette]);

  const paints = !props.onPointer && PAINTING.includes(session.tool.value) && !panning.value;
  const side = Math.max(3, 2 * session.radius.value * display.view.value.scale);
  return (
    <div
      ref={box}
      class="bench-picture"
      data-tool={panning.value ? "pan" : props.onPointer ? "picker" : session.tool.value}
      tabIndex={0}
      role="application"
      aria-label={`Image ${session.assignment.image.name}. ${props.label}. Press ? for the keys.`}
    >
      <canvas ref={canvas} />
      <div ref={ring} class={`ring ${session.tool.value}`} hidden={!paints || display.pointer.value === null}>
        <i style={{ width: `${side}px`, height: `${side}px` }} />
      </div>
      {!props.onPointer && <SketchOverlay sketch={session.sketch} view={display.view} />}
      {props.children}
      {failed.value && (
        <div class="picture-failed">
          <Notice tone="bad" title="This device cannot draw the image" text={`${failed.value}.`}>
            <p class="dim">Use a current Firefox, Chrome, Edge or Safari with hardware acceleration on. What was drawn before is kept.</p>
          </Notice>
        </div>
      )}
    </div>
  );
}
