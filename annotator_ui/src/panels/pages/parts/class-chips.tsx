/** The classes of a campaign or dataset, in their colours and order. */

import type { Ontology } from "../../../api/types";
import { classColour } from "../../class-colours";

export function ClassChips({ ontology }: { ontology: Ontology }) {
  return (
    <>
      <ul class={ontology.ordinal ? "class-chips ranked" : "class-chips"}>
        {ontology.names.map((name, i) => (
          <li key={name}>
            <i class="class-dot" style={{ background: classColour(i) }} aria-hidden="true" />
            {name}
          </li>
        ))}
      </ul>
      {ontology.multi && <small class="dim">Several may hold at once.</small>}
      {ontology.ordinal && <small class="dim">From the lowest rank to the highest.</small>}
    </>
  );
}
