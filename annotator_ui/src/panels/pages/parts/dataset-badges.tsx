/** What there is to know of a dataset at a glance: its name, its licence, and who sees it. */

import type { Dataset } from "../../../api/types";

export function DatasetBadges({ dataset }: { dataset: Dataset }) {
  return (
    <>
      <code>{dataset.name}</code>
      <span class="badge">{dataset.licence}</span>
      {dataset.visibility === "lab" && (
        <span class="badge info" title={`Only people of ${dataset.lab} see it`}>
          only {dataset.lab}
        </span>
      )}
    </>
  );
}
