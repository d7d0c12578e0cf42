/** One import: how many files came in and how many did not, then every file with its reason. */

import { useEffect, useState } from "preact/hooks";
import type { ArchiveImport, FileOutcome, ImportedFile } from "../../api/types";
import { getImport, listImportFiles, listLayouts, reportOf, type FileFilter, type Page } from "../../session/catalogue";
import { EmptyState, Notice } from "../feedback";
import { navigate, path, query } from "../router";
import { Meter } from "./parts/bars";
import { ago, count, counted, sentence } from "./parts/figures";
import { ended, going, OUTCOMES, outcomeCounts, outcomeOf, reasonChoices } from "./parts/import-words";
import { LayoutQuestion, Told } from "./parts/layout-question";
import { Figure, PageHead, Section } from "./parts/page-head";
import { Pending } from "./parts/pending";
import { useEvery, useReply } from "./parts/reply";
import { StateBadge } from "./parts/state-badge";

function go(change: Record<string, string>): void {
  const next = new URLSearchParams(query.value);
  for (const [name, value] of Object.entries(change)) {
    if (value) next.set(name, value);
    else next.delete(name);
  }
  const text = next.toString();
  // The list changes under the eye of who reads it: no new page, no jump to the top.
  const before = window.scrollY;
  navigate(text ? `${path.value}?${text}` : path.value, "replace");
  window.scrollTo(0, before);
}

function askedFor(): FileFilter & { page: number } {
  const asked = query.value;
  const outcome = OUTCOMES.find(({ name }) => name === asked.get("outcome"))?.name ?? "";
  return { outcome, kind: asked.get("kind") ?? "", search: asked.get("search") ?? "", page: Math.max(1, Number(asked.get("page")) || 1) };
}

function Row({ file }: { file: ImportedFile }) {
  const { title, tone } = outcomeOf(file.outcome);
  return (
    <tr>
      <th scope="row" class="break">
        {file.image ? <a href={`/images/${file.image}`}>{file.name}</a> : file.name}
      </th>
      <td>
        <span class={`badge ${tone}`}>{title}</span>
      </td>
      <td class="break">
        {ended(file.reason || file.kind)} {file.remedy && <span class="dim">{sentence(file.remedy)}</span>}
      </td>
    </tr>
  );
}

function Files({ found }: { found: Page<ImportedFile> }) {
  return (
    <>
      <table class="file-table">
        <thead>
          <tr>
            <th scope="col">File</th>
            <th scope="col">What became of it</th>
            <th scope="col">Why, and what to do</th>
          </tr>
        </thead>
        <tbody>
          {found.items.map((file) => (
            <Row key={file.name + file.outcome} file={file} />
          ))}
        </tbody>
      </table>
      {found.pages > 1 && (
        <nav class="pager" aria-label="Pages of files">
          <button type="button" class="button small" disabled={found.page <= 1} onClick={() => go({ page: String(found.page - 1) })}>
            Previous
          </button>
          <span class="dim">
            page {found.page} of {count(found.pages)}
          </span>
          <button type="button" class="button small" disabled={found.page >= found.pages} onClick={() => go({ page: String(found.page + 1) })}>
            Next
          </button>
        </nav>
      )}
    </>
  );
}

function Report({ job }: { job: ArchiveImport }) {
  const asked = askedFor();
  const { outcome, kind, search, page } = asked;
  const [typed, setTyped] = useState(search);
  // A running import adds files: its own counts say when to look again.
  const reply = useReply(() => listImportFiles(job.id, asked, page), [job.id, outcome, kind, search, page, job.imported, job.skipped, job.state]);
  useEffect(() => {
    if (typed === search) return;
    const timer = setTimeout(() => go({ search: typed, page: "" }), 250);
    return () => clearTimeout(timer);
  }, [typed, search]);
  const counts = outcomeCounts(job.outcomes);
  const reasons = reasonChoices(job.reasons, outcome);
  const filtered = outcome !== "" || kind !== "" || search !== "";
  return (
    <Section title="Files" aside={<span class="dim">{reply.value ? counted(reply.value.count, "file") : ""}</span>}>
      {counts[0]!.count > 0 && (
        <div class="filters">
          <input type="search" aria-label="Search names and reasons" placeholder="Search names and reasons" value={typed} onInput={(event) => setTyped(event.currentTarget.value)} />
          {counts.length > 2 && (
            <div class="chips" role="group" aria-label="What became of them">
              {counts.map((one) => (
                <button
                  key={one.name}
                  type="button"
                  aria-pressed={outcome === one.name}
                  onClick={() => go({ outcome: one.name as FileOutcome | "", kind: "", page: "" })}
                >
                  {one.title} <span class="dim">{count(one.count)}</span>
                </button>
              ))}
            </div>
          )}
          {reasons.length > 0 && (
            <select aria-label="Reason" value={kind} onChange={(event) => go({ kind: event.currentTarget.value, page: "" })}>
              <option value="">Every reason</option>
              {reasons.map((reason) => (
                <option key={reason.kind} value={reason.kind}>
                  {reason.kind} ({count(reason.count)})
                </option>
              ))}
            </select>
          )}
        </div>
      )}
      <Pending reply={reply} skeleton="rows" count={8}>
        {(found) =>
          found.items.length > 0 ? (
            <Files found={found} />
          ) : filtered ? (
            <EmptyState
              title="No file fits"
              text="Nothing in this import has that name, outcome or reason."
              action={{ label: "Show all", run: () => (setTyped(""), go({ outcome: "", kind: "", search: "", page: "" })) }}
            />
          ) : (
            <EmptyState title="No files yet" text={going(job) ? "They appear here as they are read." : "This import came to an end before it read any."} />
          )
        }
      </Pending>
    </Section>
  );
}

export default function ImportPage({ params }: { params: Record<string, string> }) {
  const id = params["id"]!;
  const reply = useReply(() => getImport(id), [id]);
  const layouts = useReply(listLayouts, []);
  useEvery(1, reply.value !== null && going(reply.value), () => void reply.reload());
  return (
    <Pending reply={reply} skeleton="page" missing="No such import">
      {(job) => (
        <>
          <PageHead
            title={job.archive_name || `Import as ${job.layout}`}
            crumbs={[
              { href: "/datasets", label: "Datasets" },
              { href: `/datasets/${job.dataset}`, label: job.dataset },
            ]}
            badge={<StateBadge state={job.state} />}
            lead={`${layouts.value?.find(({ name }) => name === job.layout)?.title ?? job.layout}${job.layout ? ", " : ""}${ago(job.created)}`}
          >
            {job.found > 0 && (
              <a class="button" href={reportOf(job.id)} download>
                Download as CSV
              </a>
            )}
          </PageHead>
          <Told job={job} />
          {job.error && <Notice tone={job.state === "failed" ? "bad" : "warn"} title={job.state === "asking" ? "The layout is not clear" : "The import stopped"} text={sentence(job.error)} />}
          <LayoutQuestion job={job} layouts={layouts.value ?? []} chosen={reply.put} />
          {job.found > 0 && (
            <section class="card" aria-label="Counts">
              <div class="figures">
                <Figure value={count(job.found)} label="found" />
                <Figure value={count(job.outcomes.imported)} label="came in" />
                <Figure value={count(job.outcomes.already_there)} label="already there" />
                <Figure value={count(job.outcomes.refused)} label="refused" />
                <Figure value={count(job.outcomes.left_out)} label="not part of the layout" />
              </div>
              {going(job) && <Meter part={job.imported + job.skipped} whole={job.found} label="Imported" />}
            </section>
          )}
          {(job.found > 0 || job.state === "finished") && <Report job={job} />}
        </>
      )}
    </Pending>
  );
}
