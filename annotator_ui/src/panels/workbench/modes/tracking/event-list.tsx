/** What a careful tracker looks at first, one line each. */

import { computed } from "@preact/signals";
import { useMemo } from "preact/hooks";
import { trackColour } from "../../../../lineage/colours";
import type { Tracking } from "../../../../session/tracking";
import { Icon } from "../../icons";
import { ProposalsBar } from "./proposals-bar";
import { VirtualRows } from "./virtual-rows";

const ROW = 26;

export function EventList({ tracking }: { tracking: Tracking }) {
  const { ready } = tracking;
  const { events, current } = tracking.review;
  const follow = useMemo(() => computed(() => events.value.findIndex(({ id }) => id === current.value)), [tracking]);
  return (
    <section class="event-list" aria-label="Suspicious places">
      <ProposalsBar tracking={tracking} />
      <header class="row apart">
        <h3>
          {tracking.proposals.open.value ? "Proposed" : "Suspicious"} <b class="count-small">{events.value.length}</b>
        </h3>
        <span class="event-steps">
          <button type="button" class="button small" disabled={events.value.length === 0} onClick={() => tracking.nextEvent(1)} title="Next suspicious place (E)">
            Next <kbd>E</kbd>
          </button>
        </span>
      </header>
      <Proposal tracking={tracking} />
      {events.value.length === 0 && <p class="dim">{ready ? "Nothing stands out." : "Known once the movie has been read."}</p>}
      <VirtualRows count={events.value.length} height={ROW} label="Suspicious places" class="event-rows" follow={follow}>
        {({ from, to }) =>
          events.value.slice(from, to).map((event, i) => (
            <div
              key={event.id}
              role="option"
              aria-selected={event.id === current.value}
              class="event-row"
              style={{ top: `${(from + i) * ROW}px` }}
              onClick={() => tracking.lookInto(event)}
            >
              <i style={{ background: trackColour(event.track.number) }} aria-hidden="true" />
              <span class="event-text">
                <b>{event.track.number}</b> {event.text}
              </span>
              <small class="dim">{event.cell.frame + 1}</small>
              <button
                type="button"
                class="icon-button"
                aria-label="This is fine"
                title="This is fine (K)"
                onClick={(click) => {
                  click.stopPropagation();
                  tracking.dismiss(event.id);
                }}
              >
                <Icon name="check" size={14} />
              </button>
            </div>
          ))
        }
      </VirtualRows>
    </section>
  );
}

/** What would put the place right where the person is; shown before it is done. */
function Proposal({ tracking }: { tracking: Tracking }) {
  const event = tracking.review.event.value;
  if (!event) return null;
  const fix = tracking.fix.value;
  return (
    <div class="event-fix" role="status">
      <span class={fix ? "" : "dim"}>{fix?.text ?? "Nothing proposed: link or cut by hand"}</span>
      {fix && (
        <button type="button" class="button small" title="Repair as proposed (R)" onClick={() => tracking.takeFix()}>
          {event.kind === "proposed" ? "Take" : "Repair"} <kbd>R</kbd>
        </button>
      )}
      <button type="button" class="button small" title={event.kind === "proposed" ? "Not this one (K)" : "This is fine (K)"} onClick={() => tracking.dismiss()}>
        {event.kind === "proposed" ? "Refuse" : "Fine"} <kbd>K</kbd>
      </button>
    </div>
  );
}
