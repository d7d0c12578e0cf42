/** Links proposed by the hub: which frames, by which method, and what to do with what came. */

import { useSignal } from "@preact/signals";
import { LINKERS, type LinkerName } from "../../../../session/proposals";
import type { Tracking } from "../../../../session/tracking";

type Range = "all" | "on" | "ten";

const RANGES: readonly { range: Range; label: string }[] = [
  { range: "all", label: "Whole movie" },
  { range: "on", label: "From this frame on" },
  { range: "ten", label: "The next 10 frames" },
];

const METHODS: Readonly<Record<LinkerName, string>> = {
  "global-program": "Global program",
  assignment: "Assignment",
  kalman: "Constant velocity",
  overlap: "Overlap",
  nearest: "Nearest",
};

export function ProposalsBar({ tracking }: { tracking: Tracking }) {
  const { proposals } = tracking;
  const range = useSignal<Range>("all");
  const linker = useSignal<LinkerName>("global-program");
  const order = () => {
    const last = tracking.movie.frames - 1;
    const first = range.value === "all" ? 0 : Math.min(tracking.frame.peek(), last - 1);
    void proposals.order(linker.value, first, range.value === "ten" ? Math.min(last, first + 10) : last);
  };
  const open = proposals.open.value;
  if (open)
    return (
      <div class="proposals-bar" role="status">
        <span>
          <b>{open.length.toLocaleString("en")}</b> proposed {open.length === 1 ? "link" : "links"} left
        </span>
        <button type="button" class="button small" disabled={open.length === 0} onClick={() => tracking.takeSure()} title="Those on which a second method agrees and that cut no link of yours; one step of undo">
          Take all sure
        </button>
        <button type="button" class="button small" onClick={() => proposals.clear()}>
          Done
        </button>
      </div>
    );
  const trouble = proposals.problem.value?.title ?? proposals.refused.value;
  return (
    <div class="proposals-bar">
      <select aria-label="Which frames" value={range.value} onChange={(event) => (range.value = event.currentTarget.value as Range)}>
        {RANGES.map((each) => (
          <option key={each.range} value={each.range}>
            {each.label}
          </option>
        ))}
      </select>
      <select aria-label="By which method" value={linker.value} onChange={(event) => (linker.value = event.currentTarget.value as LinkerName)}>
        {LINKERS.map((each) => (
          <option key={each} value={each}>
            {METHODS[each]}
          </option>
        ))}
      </select>
      <button type="button" class="button small" disabled={!tracking.ready || proposals.working.value} onClick={order}>
        {proposals.working.value ? "Linking…" : "Propose links"}
      </button>
      {trouble && (
        <small class="bad" role="alert">
          {trouble}
        </small>
      )}
    </div>
  );
}
