/** Pixels that readers gave different classes. */

import { classColour } from "../../class-colours";
import type { Dispute, Option } from "../../../session/disagreements";
import { fillOf } from "../parts/crop-canvas";
import { byOption, type DisputeKind } from "./contract";
import { drawn } from "./cells";

/** Raster value k + 1 is class k; 0 is unknown. */
const colourOf = (value: number) => classColour(value - 1);

/** Raster values that `option` paints in the box, most pixels first. */
export function valuesIn(option: Pick<Option, "labels">): number[] {
  const counts = new Map<number, number>();
  for (const value of option.labels ?? []) if (value !== 0) counts.set(value, (counts.get(value) ?? 0) + 1);
  return [...counts].sort((a, b) => b[1] - a[1]).map(([value]) => value);
}

function titled(values: readonly number[], { ontology }: Dispute): string {
  const found = values.map((value) => ontology?.names[value - 1] ?? `class ${value}`);
  if (found.length === 0) return "Unknown";
  return found.length <= 3 ? found.join(", ") : `${found.slice(0, 2).join(", ")} and ${found.length - 2} more`;
}

export const semantic: DisputeKind = {
  question: () => "Which class is it?",
  form(dispute) {
    const { rgba } = dispute.sights[0]!;
    return {
      question: semantic.question(dispute.kind),
      stills: [{ title: "The image", rgba, fills: [], outlines: [] }],
      choices: dispute.options.map((option) => {
        const { labels } = option;
        const values = valuesIn(option);
        return {
          key: String(option.index),
          title: titled(values, dispute),
          colours: values.slice(0, 3).map(colourOf),
          readings: option.readings,
          pictures: [{ title: "", rgba, fills: labels ? [fillOf(labels, dispute.box, colourOf, 0.4)] : [], outlines: labels ? [drawn(labels, dispute, colourOf)] : [] }],
        };
      }),
      nothing: dispute.options.some((option) => valuesIn(option).length === 0) ? null : "Leave it unknown",
      several: false,
      settlement: byOption,
    };
  },
};
