/** The tools of tracking, and which part of a track they mean. */

import type { AssignmentSession } from "../../../../session/assignment";
import type { Tracking } from "../../../../session/tracking";
import type { Display } from "../../display";
import { RailButton } from "../../tool-rail";
import { CUTS, LINKING_TOOLS, SCOPES } from "./keys";

export function TrackingRail({ tracking, session, display }: { tracking: Tracking; session: AssignmentSession; display: Display }) {
  const { choosing, scope, here, track, ready } = tracking;
  void session.revision.value; // undo and redo follow the edits
  const { history } = session.editor;
  return (
    <div class="rail" role="toolbar" aria-orientation="vertical" aria-label="Tools">
      {LINKING_TOOLS.map(({ id, key, icon, label, hint }) => (
        <RailButton key={id} icon={icon} label={label} hint={hint} hotkey={key} pressed={choosing.value.tool === id} disabled={!ready && id !== "select"} run={() => tracking.take(id)} />
      ))}
      <div class="scopes" role="radiogroup" aria-label="Swap and give: which part of the track">
        {SCOPES.map((choice) => (
          <button
            key={choice.scope}
            type="button"
            role="radio"
            aria-checked={scope.value === choice.scope}
            aria-keyshortcuts={choice.key}
            title={`Swap and give ${choice.hint} (${choice.key})`}
            onClick={() => (scope.value = choice.scope)}
          >
            {choice.label}
          </button>
        ))}
      </div>
      <hr />
      <RailButton icon="extend" label="Go on by overlap" hint="Follows the selected track to the first place that is not plain" hotkey="G" disabled={!ready || !track.value} run={() => void tracking.extend()} />
      {CUTS.map(({ scope: cut, key, icon, label, hint }) => (
        <RailButton key={cut} icon={icon} label={label} hint={hint} hotkey={key} disabled={!ready || !here.value} run={() => tracking.cut(cut)} />
      ))}
      <hr />
      <RailButton icon="undo" label="Undo" hotkey="Z" disabled={!history.canUndo} run={() => tracking.undo()} />
      <RailButton icon="redo" label="Redo" hotkey="Y" disabled={!history.canRedo} run={() => tracking.redo()} />
      <span class="rail-space" />
      <RailButton icon="fit" label="Fit the image" hotkey="F" run={() => display.fit()} />
    </div>
  );
}
