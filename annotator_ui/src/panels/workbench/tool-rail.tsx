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

/** Tools that draw cells, then those that correct them, then those that change nothing. */
export const CELL_TOOLS: readonly (readonly ToolChoice[])[] = [
  [
    { id: "new-cell", key: "N", label: "New cell", hint: "Each stroke is a cell of its own; circle it and it is filled. Shift adds to the selected cell" },
    { id: "brush", key: "B", label: "Brush", hint: "Extend the cell the stroke begins in, or the selected one" },
    { id: "lasso", key: "L", label: "Lasso", hint: "Circle a cell; it is filled when you let go. Shift adds to the selected cell" },
    { id: "polygon", key: "G", label: "Polygon", hint: "A corner a click; close it with a click on the first, a double click or Enter" },
    { id: "wand", key: "W", label: "Wand", hint: "Takes what is as bright as the pixel you press on, in the first shown channel; drag right for more, left for less" },
    { id: "threshold", key: "T", label: "Threshold", hint: "Takes the bright (or dark) region you press on; drag right for more, left for less" },
  ],
  [
    { id: "eraser", key: "E", label: "Eraser", hint: "Begun inside a cell it trims that cell alone. The right button erases too" },
    { id: "delete-cell", key: "X", label: "Delete cell", hint: "Click a cell to take it away" },
    { id: "split-line", key: "S", label: "Split along a line", hint: "Drag right through a cell" },
    { id: "split-points", key: "Q", label: "Split between two points", hint: "Click one cell, then the other; the cut runs along the neck between them" },
    { id: "merge", key: "J", label: "Join cells", hint: "Drag from one cell over others, or click one and then another; the first gives its number" },
    { id: "picker", key: "V", label: "Select", hint: "Click a cell to go on with it" },
    { id: "pan", key: "M", label: "Move the image", hint: "Or hold Space, or the middle button" },
  ],
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

export function toolKeys(session: AssignmentSession, tools: readonly (readonly ToolChoice[])[]): Key[] {
  return tools.flat().map(({ id, key, label }) => ({ keys: [key.toLowerCase()], shown: [key], does: label, run: () => (session.tool.value = id) }));
}

const TOLERANT: readonly ToolId[] = ["wand"];

/** How much intensities of the wand's region may differ. */
function Tolerance({ session: { tolerance } }: { session: AssignmentSession }) {
  const percent = Math.round(tolerance.value * 100);
  return (
    <label class="rail-number">
      <span>±</span>
      <input
        type="number"
        aria-label="Tolerance of the wand, % of the shown contrast"
        min={1}
        max={100}
        value={percent}
        onInput={(event) => (tolerance.value = Math.min(1, Math.max(0.005, (event.currentTarget.valueAsNumber || percent) / 100)))}
      />
      <span>%</span>
    </label>
  );
}

export function ToolRail({ session, display, tools }: { session: AssignmentSession; display: Display; tools: readonly (readonly ToolChoice[])[] }) {
  const { tool, radius, revision, editor } = session;
  void revision.value; // undo and redo follow the edits
  return (
    <div class="rail" role="toolbar" aria-orientation="vertical" aria-label="Tools">
      {tools.map((group) => (
        <div class="rail-group" role="group" key={group[0]!.id}>
          {group.map(({ id, key, label, hint }) => (
            <RailButton key={id} icon={id} label={label} hint={hint} hotkey={key} pressed={tool.value === id} run={() => (tool.value = id)} />
          ))}
        </div>
      ))}
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
      {TOLERANT.includes(tool.value) && <Tolerance session={session} />}
      <div class="rail-group" role="group">
        <RailButton icon="undo" label="Undo" hotkey="Z" disabled={!editor.history.canUndo} run={() => session.undo()} />
        <RailButton icon="redo" label="Redo" hotkey="Y" disabled={!editor.history.canRedo} run={() => session.redo()} />
        <RailButton icon="fit" label="Fit the image" hotkey="F" run={() => display.fit()} />
      </div>
    </div>
  );
}
