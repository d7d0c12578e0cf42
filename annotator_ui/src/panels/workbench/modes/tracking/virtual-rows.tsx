/** A long list of equal rows of which only those in sight are drawn. */

import { useSignal, useSignalEffect, type ReadonlySignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";

/** Rows drawn beyond those in sight, so that scrolling shows no holes. */
const BEYOND = 6;

export interface Span {
  readonly from: number;
  /** Not included. */
  readonly to: number;
}

/** The rows to draw of `count`, each `height` high, in a box of `box` scrolled down by `top`. */
export function visibleRows(count: number, height: number, top: number, box: number): Span {
  const from = Math.max(0, Math.min(count, Math.floor(top / height) - BEYOND));
  return { from, to: Math.max(from, Math.min(count, Math.ceil((top + box) / height) + BEYOND)) };
}

export function VirtualRows(props: {
  count: number;
  /** Of a row, CSS pixels. */
  height: number;
  label: string;
  class: string;
  /** The row that is kept in sight when it changes; -1: none. */
  follow: ReadonlySignal<number>;
  /** Drawn within the rows' box, whose origin is that of row 0. */
  children: (span: Span) => ComponentChildren;
}) {
  const { count, height, follow } = props;
  const box = useRef<HTMLDivElement>(null);
  const top = useSignal(0);
  const tall = useSignal(400);
  useEffect(() => {
    const element = box.current!;
    const observer = new ResizeObserver(() => (tall.value = element.clientHeight));
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  useSignalEffect(() => {
    const row = follow.value;
    const element = box.current;
    if (row < 0 || !element) return;
    const margin = Math.min(2 * height, element.clientHeight / 4);
    if (row * height < element.scrollTop + margin) element.scrollTop = row * height - margin;
    else if ((row + 1) * height > element.scrollTop + element.clientHeight - margin) element.scrollTop = (row + 1) * height - element.clientHeight + margin;
  });
  return (
    <div ref={box} class={`virtual-rows ${props.class}`} role="listbox" aria-label={props.label} onScroll={(event) => (top.value = event.currentTarget.scrollTop)}>
      <div class="virtual-content" style={{ height: `${count * height}px` }}>
        {props.children(visibleRows(count, height, top.value, tall.value))}
      </div>
    </div>
  );
}
