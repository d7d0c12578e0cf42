/** The tools, with their keys, the brush size and what a stroke may do. */

import type { AssignmentSession } from "../../session/assignment";
import type { ToolId } from "../../tools/tool";
import type { Display } from "./display";
import { Icon, type IconName } from "./icons";
import type { Key } from "./keys";

export interface ToolChoice {
  readonly id: ToolId;
  readonly key: string;
  readonly label: string;
  readonly hint: string;
}

/** Tools that draw cells. */
export const CELL_TOOLS: readonly ToolChoice[] = [
  { id: "new-cell", key: "N", label: "New cell", hint: "Each stroke is a cell of its own; circle it and it is filled. Shift adds to the selected cell" },
  { id: "brush", key: "B", label: "Brush", hint: "Extend the cell the stroke begins in, or the selected one" },
  { id: "eraser", key: "E", label: "Eraser", hint: "Begun inside a cell it trims that cell alone. The right button erases too" },
  { id: "delete-cell", key: "X", label: "Delete cell", hint: "Click a cell to take it away" },
  { id: "picker", key: "V", label: "Select", hint: "Click a cell to go on with it" },
  { id: "pan", key: "M", label: "Move the image", hint: "Or hold Space, or the middle button" },
];

export const SMALLEST = 0.5;
export const LARGEST = 100;

/** The next brush radius up or down: about a fifth, at least half a pixel. */
export function resized(radius: number, direction: 1 | -1): number {
  const step = Math.max(0.5, Math.round(radius * 0.4) / 2);
  return Math.min(LARGEST, Math.max(SMALLEST, radius + direction * step));
}

export function RailButton(props: { icon: IconName; label: string; hint?: string; hotkey: string; pressed?: boolean; disabled?: boolean; run: () => void }) {
  return (
    <button
      type="button"
      class="rail-button"
      aria-label={props.label}
      aria-keyshortcuts={props.hotkey}
      {...(props.pressed === undefined ? {} : { "aria-pressed": props.pressed })}
      disabled={props.disabled ?? false}
      onClick={props.run}
    >
      <Icon name={props.icon} />
      <kbd>{props.hotkey}</kbd>
      <span class="tip" role="tooltip">
        <b>{props.label}</b> <kbd>{props.hotkey}</kbd>
        {props.hint && <small>{props.hint}</small>}
      </span>
    </button>
  );
}

/** Brush sizes, as a slider and as keys. */
export function sizeKeys({ radius }: AssignmentSession): Key[] {
  return [
    { keys: ["[", "-"], shown: ["["], does: "Smaller brush", run: () => (radius.value = resized(radius.value, -1)) },
    { keys: ["]", "+", "="], shown: ["]"], does: "Larger brush", run: () => (radius.value = resized(radius.value, 1)) },
  ];
}

export function toolKeys(session: AssignmentSession, tools: readonly ToolChoice[]): Key[] {
  return tools.map(({ id, key, label }) => ({ keys: [key.toLowerCase()], shown: [key], does: label, run: () => (session.tool.value = id) }));
}

export function ToolRail({ session, display, tools }: { session: AssignmentSession; display: Display; tools: readonly ToolChoice[] }) {
  const { tool, radius, revision, editor } = session;
  void revision.value; // undo and redo follow the edits
  return (
    <div class="rail" role="toolbar" aria-orientation="vertical" aria-label="Tools">
      {tools.map(({ id, key, label, hint }) => (
        <RailButton key={id} icon={id} label={label} hint={hint} hotkey={key} pressed={tool.value === id} run={() => (tool.value = id)} />
      ))}
      <hr />
      <label class="brush-size">
        <span class="dot-box" aria-hidden="true">
          <i style={{ width: `${Math.min(26, 4 + radius.value)}px`, height: `${Math.min(26, 4 + radius.value)}px` }} />
        </span>
        <input
          type="range"
          aria-label="Brush size"
          min={SMALLEST}
          max={40}
          step={0.5}
          value={radius.value}
          onInput={(event) => (radius.value = event.currentTarget.valueAsNumber)}
        />
        <output>{Math.max(1, Math.round(radius.value * 2))} px</output>
        <span class="tip" role="tooltip">
          <b>Brush size</b> <kbd>[</kbd> <kbd>]</kbd>
        </span>
      </label>
      <hr />
      <RailButton icon="undo" label="Undo" hotkey="Z" disabled={!editor.history.canUndo} run={() => session.undo()} />
      <RailButton icon="redo" label="Redo" hotkey="Y" disabled={!editor.history.canRedo} run={() => session.redo()} />
      <span class="rail-space" />
      <RailButton icon="fit" label="Fit the image" hotkey="F" run={() => display.fit()} />
    </div>
  );
}
