/** Cells of a frame whose parents readers see differently: shown in the frame before and in their own. */

import { outlines } from "../../../labels/outlines";
import type { Dispute, Ids, Option, Sight } from "../../../session/disagreements";
import { nodeOf } from "../../../session/nodes";
import { CELL_COLOURS, fillOf } from "../parts/crop-canvas";
import { byOption, type DisputeKind, type Still } from "./contract";
import { around } from "./cells";

const ORPHAN = "#ffffff";

/** Distinct parents that any option names, in the order they come: each has one colour in all pictures. */
export function parentsOf(options: readonly Pick<Option, "values">[]): string[] {
  const found = options.flatMap(({ values }) => Object.values(values ?? {}).filter((parent): parent is string => nodeOf(parent) !== null));
  return [...new Set(found)];
}

/** What an option says in words: `keys` are the children in question, `before` the frame that is shown. */
export function titleOf(values: Option["values"], keys: readonly string[], before: number): string {
  const cell = (node: string) => {
    const { frame, id } = nodeOf(node)!;
    return frame === before ? `cell ${id}` : `cell ${id} of frame ${frame + 1}`;
  };
  const parents = keys.map((key) => {
    const parent = values?.[key];
    return typeof parent === "string" && nodeOf(parent) ? parent : null;
  });
  if (keys.length === 1) return parents[0] ? `Comes from ${cell(parents[0])}` : "Begins here";
  const [first] = parents;
  if (first && parents.every((parent) => parent === first)) return `Division of ${cell(first)}`;
  const linked = parents.filter((parent) => parent !== null).length;
  if (linked === 0) return "All begin here";
  return keys.map((key, i) => `${nodeOf(key)?.id ?? key} ${parents[i] ? `from ${cell(parents[i]!)}` : "begins"}`).join(", ");
}

/** One frame with the cells in `colours` (id -> colour) filled and outlined, the others thin. */
function frameOf(dispute: Dispute, sight: Sight, ids: Ids | undefined, colours: ReadonlyMap<number, string>): Still {
  const still = { title: sight.title, rgba: sight.rgba };
  if (!ids) return { ...still, fills: [], outlines: [] };
  const { crop } = dispute;
  const rest = ids.ids.map((id) => (colours.has(id) ? 0 : id));
  const mine = ids.ids.map((id) => (colours.has(id) ? id : 0));
  const sides = outlines(mine, crop.y1 - crop.y0, crop.x1 - crop.x0);
  return {
    ...still,
    fills: [fillOf(mine, crop, (id) => colours.get(id)!, 0.35)],
    outlines: [around(rest, dispute, "rgb(255 255 255 / 0.35)"), { sides, y: crop.y0, x: crop.x0, colour: (id) => colours.get(id)!, width: 2, shade: true }],
  };
}

export const tracking: DisputeKind = {
  question: (kind) => (kind === "division" ? "Does it divide?" : "Where does it come from?"),
  form(dispute) {
    const frames = dispute.sights.filter((sight) => sight.frame !== null);
    const parents = parentsOf(dispute.options);
    const colourOf = (parent: string) => CELL_COLOURS[parents.indexOf(parent) % CELL_COLOURS.length]!;
    const detections = (frame: number | null) => dispute.given.find((ids) => ids.kind === "detections" && ids.frame === frame);
    const shown = (colours: (frame: number) => ReadonlyMap<number, string>): Still[] =>
      frames.map((sight) => frameOf(dispute, sight, detections(sight.frame), colours(sight.frame!)));
    const inFrame = (nodes: readonly (readonly [string, string])[], frame: number) =>
      new Map(
        nodes.flatMap(([node, colour]) => {
          const at = nodeOf(node);
          return at?.frame === frame ? [[at.id, colour] as const] : [];
        }),
      );
    const children = dispute.keys.map((key) => [key, ORPHAN] as const);
    return {
      question: dispute.keys.length > 1 ? tracking.question("division") : tracking.question(dispute.kind),
      stills: shown((frame) => inFrame(children, frame)),
      choices: dispute.options.map((option) => {
        const links = dispute.keys.map((key) => [key, option.values?.[key]] as const);
        const nodes = links.flatMap(([child, parent]): [string, string][] =>
          typeof parent === "string" && nodeOf(parent) ? [[parent, colourOf(parent)], [child, colourOf(parent)]] : [[child, ORPHAN]],
        );
        return {
          key: String(option.index),
          title: titleOf(option.values, dispute.keys, frames[0]?.frame ?? 0),
          colours: [],
          readings: option.readings,
          pictures: shown((frame) => inFrame(nodes, frame)),
        };
      }),
      nothing: dispute.options.some(({ values }) => parentsOf([{ values }]).length === 0) ? null : dispute.keys.length > 1 ? "All begin here" : "Begins here",
      several: false,
      settlement: byOption,
    };
  },
};
