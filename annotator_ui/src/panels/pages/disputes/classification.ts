/** A subject (an image, or one of its cells or boxes) that readers named differently. */

import { classColour } from "../../class-colours";
import type { Dispute, Option, Settlement } from "../../../session/disagreements";
import type { DisputeKind } from "./contract";
import { around } from "./cells";

/** What an option says of the subject: names, or null where it says nothing of it. */
export function saidOf(option: Pick<Option, "values">, subject: string): readonly string[] | null {
  const said = option.values?.[subject];
  return Array.isArray(said) ? (said as readonly string[]) : null;
}

const same = (a: readonly string[], b: readonly string[]) => a.length === b.length && a.every((name) => b.includes(name));

/** The option that says exactly these names, else the values themselves: an expert may know better than every reader. */
export function settlementOf(dispute: Pick<Dispute, "options" | "keys" | "ontology">, chosen: readonly string[]): Settlement {
  const subject = dispute.keys[0] ?? "0";
  const order = dispute.ontology?.names ?? [];
  const names = [...chosen].sort((a, b) => order.indexOf(a) - order.indexOf(b));
  const option = dispute.options.find((candidate) => {
    const said = saidOf(candidate, subject);
    return said !== null && same(said, names);
  });
  return option ? { option: option.index } : { values: { [subject]: names } };
}

export const classification: DisputeKind = {
  question: () => "Which class is it?",
  form(dispute) {
    const subject = dispute.keys[0] ?? "0";
    const several = dispute.ontology?.multi ?? false;
    const stated = dispute.ontology?.names ?? [];
    const said = dispute.options.flatMap((option) => saidOf(option, subject) ?? []);
    const names = [...stated, ...said.filter((name, i) => !stated.includes(name) && said.indexOf(name) === i)];
    const cells = dispute.given.find(({ kind }) => kind === "cells");
    const mine = cells && subject !== "0" ? cells.ids.map((id) => (String(id) === subject ? id : 0)) : null;
    const { rgba } = dispute.sights[0]!;
    return {
      question: several ? "Which classes hold?" : classification.question(dispute.kind),
      stills: [
        {
          title: subject === "0" ? "The image" : `Subject ${subject}`,
          rgba,
          fills: [],
          outlines: mine ? [{ ...around(mine, dispute, "#ffffff", 1.5), shade: true }] : [],
        },
      ],
      choices: names.map((name, i) => ({
        key: name,
        title: name,
        colours: [classColour(i)],
        readings: dispute.options.reduce((sum, option) => sum + (saidOf(option, subject)?.includes(name) ? option.readings : 0), 0),
        pictures: [],
      })),
      nothing: several ? "None of them" : "Cannot be told",
      several,
      settlement: (keys) => (keys.length > 0 || several ? settlementOf(dispute, keys) : { nothing: true }),
    };
  },
};
