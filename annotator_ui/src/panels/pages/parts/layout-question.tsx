/** What the hub took an archive for, and the question where it could not tell. */

import { useState } from "preact/hooks";
import type { ArchiveImport, ImportSummary, Layout } from "../../../api/types";
import { chooseLayout } from "../../../session/catalogue";
import { TASKS, wordsOf } from "../../task-words";
import { sentence } from "./figures";
import { FormProblem, useSending } from "./form";
import { ended } from "./import-words";

/** Layouts under what they bring, in the order of the tasks; those of tasks that this page does not know come last. */
export function byTask(layouts: readonly Layout[]): [string, Layout[]][] {
  const known = TASKS.map(({ name }) => name as string);
  const tasks = [...known, ...new Set(layouts.map(({ task }) => task).filter((task) => !known.includes(task)))];
  return tasks.map((task): [string, Layout[]] => [task, layouts.filter((layout) => layout.task === task)]).filter(([, found]) => found.length > 0);
}

/** The layouts as options, by task. */
export function LayoutOptions({ layouts }: { layouts: readonly Layout[] }) {
  return (
    <>
      {byTask(layouts).map(([task, found]) => (
        <optgroup key={task} label={wordsOf(task).title}>
          {found.map((layout) => (
            <option key={layout.name} value={layout.name}>
              {layout.title} ({layout.name})
            </option>
          ))}
        </optgroup>
      ))}
    </>
  );
}

/** Why the hub took it for this layout; nothing where a person named it. */
export function Told({ job }: { job: ImportSummary }) {
  const guess = job.guesses.find(({ layout }) => layout === job.layout);
  if (!guess) return null;
  return (
    <p class="dim">
      Told from the archive: {ended(guess.reason)}
    </p>
  );
}

/** Which layout is it? Asked where the archive did not say, or where it was told wrong and nothing came in. */
export function LayoutQuestion({ job, layouts, chosen }: { job: ImportSummary; layouts: readonly Layout[]; chosen: (job: ArchiveImport) => void }) {
  const sending = useSending();
  const likely = job.guesses.filter((guess) => !guess.refused);
  // The guesses come later than this form is drawn first: the likeliest stands until a person says otherwise.
  const [said, setLayout] = useState("");
  const layout = said || (likely[0]?.layout ?? "");
  const again = job.state === "failed" || (job.state === "finished" && job.imported === 0);
  if (job.archive_name === "" || (job.state !== "asking" && !again)) return null;
  return (
    <form
      class="layout-question"
      aria-label={`Layout of ${job.archive_name}`}
      onSubmit={(event) => {
        event.preventDefault();
        void sending.run(async () => chosen(await chooseLayout(job.id, layout)));
      }}
    >
      {job.state === "asking" && <p>{likely.length > 0 ? "Which of these is it?" : "Which layout is it?"}</p>}
      {job.guesses.length > 0 && job.state === "asking" && (
        <ul class="guesses">
          {job.guesses.map((guess) => (
            <li key={guess.layout}>
              {guess.refused ? (
                <div class="not-taken">
                  <strong>{guess.title}</strong>
                  <span class="dim">
                    {sentence(guess.reason)} Not taken: {guess.refused}.
                  </span>
                </div>
              ) : (
                <label>
                  <input type="radio" name={`layout-${job.id}`} checked={layout === guess.layout} onChange={() => setLayout(guess.layout)} />
                  <strong>{guess.title}</strong>
                  <span class="dim">{sentence(guess.reason)}</span>
                </label>
              )}
            </li>
          ))}
        </ul>
      )}
      <div class="row">
        <select aria-label="Layout" value={layout} onChange={(event) => setLayout(event.currentTarget.value)}>
          <option value="" disabled>
            Choose a layout
          </option>
          <LayoutOptions layouts={layouts} />
        </select>
        <button type="submit" class="button primary" disabled={sending.busy || layout === ""}>
          {sending.busy ? "Sending…" : "Import it as this"}
        </button>
      </div>
      <FormProblem problem={sending.problem} />
    </form>
  );
}
