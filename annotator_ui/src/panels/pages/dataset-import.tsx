/** Import a zip in a published layout, and see what a worker makes of it. */

import { useEffect, useRef, useState } from "preact/hooks";
import type { ArchiveImport, Layout } from "../../api/types";
import { getImport, listImports, listLayouts, sendArchive } from "../../session/catalogue";
import { TASKS, wordsOf } from "../task-words";
import { Meter } from "./parts/bars";
import { ago, bytes, count, counted } from "./parts/figures";
import { Field, FormFoot, FormProblem, numberOf, textOf, useSending } from "./parts/form";
import { useEvery, useReply } from "./parts/reply";
import { StateBadge } from "./parts/state-badge";

const going = (job: ArchiveImport) => job.state === "waiting" || job.state === "running";

function Job({ first, imported }: { first: ArchiveImport; imported: () => void }) {
  const reply = useReply(() => (going(first) ? getImport(first.id) : Promise.resolve(first)), [first.id]);
  const job = reply.value ?? first;
  useEvery(1, going(job), () => void reply.reload());
  const was = useRef(going(first));
  useEffect(() => {
    if (was.current && !going(job)) imported();
    was.current = going(job);
  }, [job.state]);
  return (
    <li class="import-job">
      <div class="row apart">
        <span class="row">
          <StateBadge state={job.state} />
          <strong>{job.layout}</strong>
          <span class="dim">{ago(job.created)}</span>
        </span>
        <span class="dim">
          {count(job.imported)} of {counted(job.found, "image")} imported
          {job.skipped.length > 0 && `, ${job.skipped.length} skipped`}
        </span>
      </div>
      {going(job) && <Meter part={job.imported + job.skipped.length} whole={job.found} label="Imported" />}
      {job.error && (
        <p class="form-problem" role="alert">
          {job.error}
        </p>
      )}
      {job.skipped.length > 0 && (
        <details>
          <summary>{counted(job.skipped.length, "entry", "entries")} skipped, and why</summary>
          <ul class="skipped">
            {job.skipped.map((entry, i) => (
              <li key={i}>
                <code>{entry.where}</code> <span class="dim">{entry.reason}</span>
              </li>
            ))}
          </ul>
        </details>
      )}
    </li>
  );
}

/** Layouts under what they bring, in the order of the tasks; those of tasks that this page does not know come last. */
export function byTask(layouts: readonly Layout[]): [string, Layout[]][] {
  const known = TASKS.map(({ name }) => name as string);
  const tasks = [...known, ...new Set(layouts.map(({ task }) => task).filter((task) => !known.includes(task)))];
  return tasks.map((task): [string, Layout[]] => [task, layouts.filter((layout) => layout.task === task)]).filter(([, found]) => found.length > 0);
}

export function ImportPanel({ dataset, imported }: { dataset: string; imported: () => void }) {
  const sending = useSending();
  const [share, setShare] = useState<number | null>(null);
  const [file, setFile] = useState<File | null>(null);
  const layouts = useReply(listLayouts, []);
  const jobs = useReply(() => listImports(dataset), [dataset]);
  function submit(event: SubmitEvent): void {
    event.preventDefault();
    const element = event.currentTarget as HTMLFormElement;
    const form = new FormData(element);
    if (!file) return;
    void sending
      .run(async () => {
        setShare(0);
        const job = await sendArchive(dataset, textOf(form, "layout"), file, numberOf(form, "limit"), setShare).done;
        jobs.put([job, ...(jobs.value ?? [])]);
        element.reset();
        setFile(null);
      })
      .finally(() => setShare(null));
  }
  return (
    <section class="card" aria-label="Import an archive">
      <form class="stack" onSubmit={submit}>
        <div class="pair">
          <Field name="layout" label="Layout" problem={sending.problem} hint={layouts.problem ? `${layouts.problem.message}` : undefined}>
            <select name="layout" required>
              {byTask(layouts.value ?? []).map(([task, found]) => (
                <optgroup key={task} label={wordsOf(task).title}>
                  {found.map((layout) => (
                    <option key={layout.name} value={layout.name}>
                      {layout.title} ({layout.name})
                    </option>
                  ))}
                </optgroup>
              ))}
            </select>
          </Field>
          <Field name="limit" label="At most this many images" problem={sending.problem} hint="Empty: all of them">
            <input type="number" name="limit" min={1} />
          </Field>
        </div>
        <label class="drop slim">
          <input type="file" accept=".zip,application/zip" required onChange={(event) => setFile(event.currentTarget.files?.[0] ?? null)} />
          <strong>{file ? file.name : "Choose a zip archive"}</strong>
          <span class="dim">{file ? bytes(file.size) : "Masks in it are kept as truth, which annotators never see."}</span>
        </label>
        {share !== null && (share < 1 ? <Meter part={share} whole={1} label="Sending the archive" /> : <p class="dim">The hub looks at the archive…</p>)}
        <FormProblem problem={sending.problem} />
        <FormFoot sending={sending} verb="Import" doing="Sending…" />
      </form>
      {jobs.value && jobs.value.length > 0 && (
        <ul class="import-jobs" aria-label="Imports of this dataset">
          {jobs.value.map((job) => (
            <Job key={job.id} first={job} imported={imported} />
          ))}
        </ul>
      )}
    </section>
  );
}
