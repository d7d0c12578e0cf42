/** Import a zip, and see what a worker makes of it. */

import { useEffect, useRef, useState } from "preact/hooks";
import type { ImportSummary, Layout } from "../../api/types";
import { AUTO, getImport, listImports, listLayouts, sendArchive } from "../../session/catalogue";
import type { Sending, Step } from "../../session/file-sending";
import { Detour, Unfinished } from "./dataset-uploads";
import { Meter } from "./parts/bars";
import { ago, bytes, count, counted, sentence } from "./parts/figures";
import { Field, FormFoot, FormProblem, numberOf, textOf, useSending } from "./parts/form";
import { going } from "./parts/import-words";
import { LayoutOptions, LayoutQuestion, Told } from "./parts/layout-question";
import { useEvery, useReply } from "./parts/reply";
import { StateBadge } from "./parts/state-badge";

function Job({ first, layouts, imported }: { first: ImportSummary; layouts: readonly Layout[]; imported: () => void }) {
  // Asked anew only while it goes on, which it may again once a layout is chosen.
  const latest = useRef(first);
  const reply = useReply((): Promise<ImportSummary> => (going(latest.current) ? getImport(first.id) : Promise.resolve(latest.current)), [first.id]);
  const job = reply.value ?? first;
  latest.current = job;
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
          <strong>{job.archive_name || job.layout}</strong>
          <span class="dim">
            {job.archive_name && job.layout && `${job.layout} · `}
            {ago(job.created)}
          </span>
        </span>
        {job.found > 0 && (
          <span class="dim">
            {count(job.imported)} of {counted(job.found, "file")} came in
            {job.skipped > 0 && `, ${count(job.skipped)} did not`}
          </span>
        )}
      </div>
      {going(job) && <Meter part={job.imported + job.skipped} whole={job.found} label="Imported" />}
      <Told job={job} />
      {job.error && (
        <p class={job.state === "asking" ? "dim" : "form-problem"} role="alert">
          {sentence(job.error)}
        </p>
      )}
      <LayoutQuestion job={job} layouts={layouts} chosen={reply.put} />
      {job.found > 0 && <a href={`/imports/${job.id}`}>What became of each file{job.skipped > 0 && ", and why"}</a>}
    </li>
  );
}

/** How far an archive is on its way. */
function Going({ step, sending }: { step: Step; sending: Sending | null }) {
  if (step.kind === "reading") return <p class="dim">The hub looks at the archive…</p>;
  const button = (what: string, act?: () => void) => (
    <button type="button" class="button quiet small" onClick={act}>
      {what}
    </button>
  );
  return (
    <div class="row">
      {step.kind === "offline" && <span class="badge warn">no answer, trying again</span>}
      <Meter part={step.share} whole={1} label={step.kind === "hashing" ? "Reading the archive" : "Sending the archive"} />
      {step.kind === "paused" ? button("Go on", () => sending?.resume()) : step.kind !== "hashing" && button("Pause", () => sending?.pause())}
      {button("Cancel", () => sending?.cancel())}
    </div>
  );
}

export function ImportPanel({ dataset, imported }: { dataset: string; imported: () => void }) {
  const sending = useSending();
  const [step, setStep] = useState<Step | null>(null);
  const current = useRef<Sending | null>(null);
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
        current.current = sendArchive(dataset, textOf(form, "layout"), file, numberOf(form, "limit"), setStep);
        try {
          const upload = await current.current.done;
          const job = await getImport(upload.import_id!);
          jobs.put([job, ...(jobs.value ?? []).filter((other) => other.id !== job.id)]);
        } catch (error) {
          if (!(error instanceof DOMException)) throw error; // cancelled
        }
        element.reset();
        setFile(null);
      })
      .finally(() => {
        setStep(null);
        current.current = null;
      });
  }
  return (
    <section class="card" aria-label="Import an archive">
      <form class="stack" onSubmit={submit}>
        <div class="pair">
          <Field
            name="layout"
            label="Layout"
            problem={sending.problem}
            hint={layouts.problem ? `${layouts.problem.message}` : "Left alone, the hub tells it from the archive and says why."}
          >
            <select name="layout" required>
              <option value={AUTO}>Told from the archive</option>
              <LayoutOptions layouts={layouts.value ?? []} />
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
        {step && <Going step={step} sending={current.current} />}
        <FormProblem problem={sending.problem} />
        <FormFoot sending={sending} verb="Import" doing="Sending…" />
      </form>
      <Detour />
      <Unfinished dataset={dataset} purpose="import" busy={file ? [file.name] : []} />
      {jobs.value && jobs.value.length > 0 && (
        <ul class="import-jobs" aria-label="Imports of this dataset">
          {jobs.value.map((job) => (
            <Job key={job.id} first={job} layouts={layouts.value ?? []} imported={imported} />
          ))}
        </ul>
      )}
    </section>
  );
}
