/** The classes of a campaign or dataset, in their colours and order; with how many there are of each, where that is known. */

import type { Ontology } from "../../../api/types";
import { classColour } from "../../class-colours";
import { count } from "./figures";
import type { Numbers } from "./measure-words";

export function ClassChips({ ontology, counts = {} }: { ontology: Pick<Ontology, "names"> & Partial<Ontology>; counts?: Numbers }) {
  return (
    <>
      <ul class={ontology.ordinal ? "class-chips ranked" : "class-chips"}>
        {ontology.names.map((name, i) => (
          <li key={name}>
            <i class="class-dot" style={{ background: classColour(i) }} aria-hidden="true" />
            {name}
            {counts[name] !== undefined && <span class="dim">{count(counts[name])}</span>}
          </li>
        ))}
      </ul>
      {ontology.multi && <small class="dim">Several may hold at once.</small>}
      {ontology.ordinal && <small class="dim">From the lowest rank to the highest.</small>}
    </>
  );
}
