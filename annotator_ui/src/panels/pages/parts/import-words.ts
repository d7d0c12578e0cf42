/** What became of files, in words; and which filters a report offers. */

import type { ArchiveImport, FileOutcome } from "../../../api/types";

export const OUTCOMES: readonly { name: FileOutcome; title: string; tone: "good" | "warn" | "bad" | "" }[] = [
  { name: "imported", title: "Came in", tone: "good" },
  { name: "already_there", title: "Already there", tone: "" },
  { name: "refused", title: "Refused", tone: "bad" },
  { name: "left_out", title: "Not part of the layout", tone: "warn" },
];

export function outcomeOf(name: FileOutcome): (typeof OUTCOMES)[number] {
  return OUTCOMES.find((outcome) => outcome.name === name)!;
}

export interface OutcomeCount {
  readonly name: FileOutcome | "";
  readonly title: string;
  readonly count: number;
}

/** "All", then every outcome that some file came to. */
export function outcomeCounts(outcomes: ArchiveImport["outcomes"]): OutcomeCount[] {
  const some = OUTCOMES.map(({ name, title }) => ({ name, title, count: outcomes[name] })).filter(({ count }) => count > 0);
  return [{ name: "", title: "All", count: some.reduce((sum, { count }) => sum + count, 0) }, ...some];
}

/** Reasons that go with an outcome ("" is all of them), most frequent first. One reason alone is no choice. */
export function reasonChoices(reasons: ArchiveImport["reasons"], outcome: FileOutcome | ""): { kind: string; count: number }[] {
  const tally = new Map<string, number>();
  for (const reason of reasons) {
    if (reason.kind && (outcome === "" || reason.outcome === outcome)) tally.set(reason.kind, (tally.get(reason.kind) ?? 0) + reason.count);
  }
  const found = [...tally].map(([kind, count]) => ({ kind, count })).sort((a, b) => b.count - a.count || a.kind.localeCompare(b.kind));
  return found.length > 1 ? found : [];
}

/** A message with its full stop. It may begin with the name of a file, which keeps its small letter. */
export function ended(text: string): string {
  return text === "" || /[.!?…]$/.test(text) ? text : `${text}.`;
}

/** Whether there is more to come. */
export function going(job: { readonly state: ArchiveImport["state"] }): boolean {
  return job.state === "waiting" || job.state === "running";
}
