/** Places that some readers marked as a failure of the picture, and others did not. */

import type { Dispute, Option, Sight } from "../../../session/disagreements";
import { byOption, type DisputeKind } from "./contract";
import { drawn } from "./cells";

const FAILURE = "#f47f78";

function titleOf({ kind, role, title }: Sight): string {
  if (kind === "image") return "The source";
  if (kind === "target" || role === "real") return "The real picture";
  return role === "predicted" ? "The predicted picture" : title;
}

/** The picture that was marked: the predicted one where there is one, else the target. */
export function judged(sights: Dispute["sights"]): Sight {
  return sights.find(({ role }) => role === "predicted") ?? sights.find(({ kind }) => kind === "target") ?? sights.at(-1)!;
}

export const augmented: DisputeKind = {
  question: () => "Is the picture wrong here?",
  form(dispute) {
    const mark = judged(dispute.sights);
    const marks = (option: Option) => option.labels !== null && option.cells > 0;
    const unmarked = dispute.options.some((option) => !marks(option));
    // The picture itself stands among the choices where somebody found nothing wrong with it.
    const stills = [...dispute.sights.filter((sight) => sight !== mark), ...(unmarked ? [] : [mark])].map((sight) => ({ title: titleOf(sight), rgba: sight.rgba, fills: [], outlines: [] }));
    return {
      question: augmented.question(dispute.kind),
      stills,
      choices: dispute.options.map((option) => {
        const marked = marks(option);
        return {
          key: String(option.index),
          title: marked ? "Wrong here" : "Nothing is wrong here",
          colours: [],
          readings: option.readings,
          pictures: [{ title: "", rgba: mark.rgba, fills: [], outlines: marked ? [drawn(option.labels!, dispute, () => FAILURE)] : [] }],
        };
      }),
      nothing: unmarked ? null : "Nothing is wrong here",
      several: false,
      settlement: byOption,
    };
  },
};
