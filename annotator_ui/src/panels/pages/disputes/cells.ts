/** Cells that readers drew differently: is there one, are there several, how far does it reach? */

import { outlines } from "../../../labels/outlines";
import type { Dispute } from "../../../session/disagreements";
import { CELL_COLOURS, type Outline } from "../parts/crop-canvas";
import { counted } from "../parts/figures";
import { byOption, type DisputeKind } from "./contract";

const QUESTIONS: Readonly<Record<string, string>> = {
  existence: "Is there a cell?",
  split: "One cell or several?",
  extent: "How far does it reach?",
};

/** Outlines of what an option drew in the box; each of its cells in a colour of its own. */
export function drawn(labels: Uint32Array, { box }: Dispute, colour?: (cell: number) => string): Outline {
  const sides = outlines(labels, box.y1 - box.y0, box.x1 - box.x0);
  const cells = [...new Set(sides.map((side) => side.cell))];
  const own = (cell: number) => CELL_COLOURS[cells.indexOf(cell) % CELL_COLOURS.length]!;
  return { sides, y: box.y0, x: box.x0, colour: colour ?? own, width: 2, shade: true };
}

/** Outlines of ids that lie over the whole crop, thin: what is there besides. */
export function around(ids: Uint32Array, { crop }: Dispute, colour = "rgb(255 255 255 / 0.4)", width = 1): Outline {
  return { sides: outlines(ids, crop.y1 - crop.y0, crop.x1 - crop.x0), y: crop.y0, x: crop.x0, colour: () => colour, width };
}

export const cells: DisputeKind = {
  question: (kind) => QUESTIONS[kind] ?? "What is there?",
  form(dispute) {
    const { rgba } = dispute.sights[0]!;
    const neighbours = around(dispute.neighbours, dispute);
    return {
      question: cells.question(dispute.kind),
      stills: [{ title: "The image", rgba, fills: [], outlines: [] }],
      choices: dispute.options.map((option) => ({
        key: String(option.index),
        title: option.cells === 0 ? "No cell" : counted(option.cells, "cell"),
        colours: [],
        readings: option.readings,
        pictures: [{ title: "", rgba, fills: [], outlines: option.labels ? [neighbours, drawn(option.labels, dispute)] : [neighbours] }],
      })),
      nothing: "No cell here",
      several: false,
      settlement: byOption,
    };
  },
};
