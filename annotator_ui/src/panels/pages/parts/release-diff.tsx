/** What changed since another release: numbers first, then pictures of the cells that changed most, then tables. */

import { useEffect, useState } from "preact/hooks";
import type { DiffImage, Release, ReleaseDiff, ReleaseSummary } from "../../../api/types";
import { getDiff, listReleases } from "../../../session/releases";
import { Notice, Spinner } from "../../feedback";
import { wordsOf } from "../../task-words";
import { changeLine, diffFigures, factLine, kindWord, ledger, moveLines, TONES } from "./diff-words";
import { CodeBlock } from "../../copy";
import { bytes, count, counted, sentence } from "./figures";
import { Figure, Section } from "./page-head";
import { Pending } from "./pending";
import { Picture } from "./picture";
import { useEvery, useReply } from "./reply";
import "../../styles/pages-diff.css";

const SHOWN = 10;
const ROWS = 20;
const PICTURES = 12;

function Numbers({ diff }: { diff: ReleaseDiff }) {
  const summary = diff.summary!;
  const figures = diffFigures(summary);
  const cells = summary.cells ?? summary.tracks;
  const untouched = summary.images.added + summary.images.removed + summary.images.changed === 0;
  const account = cells && !untouched ? ledger(cells, wordsOf(summary.task).thing) : "";
  const told = [...moveLines(summary.images.moves), ...Object.entries(summary.facts).map(([name, pair]) => factLine(name, pair))];
  return (
    <section class="card" aria-label="Numbers">
      {figures.length > 0 && (
        <div class="figures">
          {figures.map((figure) => (
            <Figure key={figure.label} {...figure} />
          ))}
        </div>
      )}
      {untouched && <p class="untouched">Images, labels and splits are the same.</p>}
      {account && <p class="ledger">{account}</p>}
      {told.length > 0 && (
        <ul class="note-list">
          {told.map((line) => (
            <li key={line}>{line}</li>
          ))}
        </ul>
      )}
      {summary.pixels && summary.pixels.changed > 0 && <Pixels pixels={summary.pixels} />}
    </section>
  );
}

function Pixels({ pixels }: { pixels: NonNullable<NonNullable<ReleaseDiff["summary"]>["pixels"]> }) {
  return (
    <div class="diff-tables">
      <div class="table-scroll">
        <table class="tight-table">
          <thead>
            <tr>
              <th>From</th>
              <th>To</th>
              <th class="number">Pixels</th>
            </tr>
          </thead>
          <tbody>
            {pixels.pairs.slice(0, SHOWN).map((pair) => (
              <tr key={`${pair.before}>${pair.after}`}>
                <td>{pair.before || "unknown"}</td>
                <td>{pair.after || "unknown"}</td>
                <td class="number">{count(pair.pixels)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      <div class="table-scroll">
        <table class="tight-table">
          <thead>
            <tr>
              <th>Class</th>
              <th class="number">Dice with before</th>
            </tr>
          </thead>
          <tbody>
            {pixels.classes.map((one) => (
              <tr key={one.name}>
                <td>{one.name}</td>
                <td class="number">{one.dice === null ? "–" : one.dice.toFixed(4)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </div>
  );
}

function Pictures({ diff }: { diff: ReleaseDiff }) {
  const [all, setAll] = useState(false);
  if (diff.cells.length === 0) return null;
  const single = diff.summary!.task === "classification";
  const shown = all ? diff.cells : diff.cells.slice(0, PICTURES);
  return (
    <div class="stack">
      <p class="dim small-text">
        {single ? (
          "What changed most, each in its box."
        ) : (
          <>
            What changed most: <span class="before-word">before</span> on the left, <span class="after-word">after</span> on the right, {diff.summary!.task === "semantic_segmentation" ? "the pixels that went from one class to the other" : "other cells in gray"}{diff.summary!.task === "tracking" ? "; dashed: a track that begins in the frame shown" : ""}.
          </>
        )}
      </p>
      <ul class={single ? "diff-pictures single" : "diff-pictures"}>
        {shown.map((cell) => (
          <li key={cell.picture_url}>
            <Picture src={cell.picture_url} alt={`${kindWord(cell.kind)}, ${cell.name}: ${changeLine(cell)}`} fit="contain" />
            <span class="row">
              <span class={`badge ${TONES[cell.kind]}`}>{kindWord(cell.kind)}</span>
              <span class="small-text">{changeLine(cell)}</span>
            </span>
            <span class="image-name dim small-text" title={cell.name}>
              {cell.name}
            </span>
          </li>
        ))}
      </ul>
      {shown.length < diff.cells.length && (
        <div>
          <button type="button" class="button small" onClick={() => setAll(true)}>
            Show {count(diff.cells.length - shown.length)} more
          </button>
        </div>
      )}
    </div>
  );
}

const move = (before: string | number, after: string | number): string => (before === after ? String(after) : `${before === "" ? "–" : before} → ${after === "" ? "–" : after}`);

function Images({ images, total, things }: { images: readonly DiffImage[]; total: number; things: string }) {
  const [page, setPage] = useState(0);
  if (images.length === 0) return null;
  const pages = Math.ceil(images.length / ROWS);
  const shown = images.slice(page * ROWS, (page + 1) * ROWS);
  return (
    <div class="stack tight">
      <div class="card flush table-scroll" tabIndex={0} role="region" aria-label="Images that changed">
        <table>
          <thead>
            <tr>
              <th>Image</th>
              <th>What</th>
              <th>Split</th>
              <th class="number">{things[0]!.toUpperCase() + things.slice(1)}</th>
              <th class="number">Changes</th>
            </tr>
          </thead>
          <tbody>
            {shown.map((image) => (
              <tr key={image.image}>
                <td class="diff-name" title={image.name}>{image.name}</td>
                <td>{image.kind === "changed" ? image.what.join(", ") : <span class={`badge ${image.kind === "added" ? "good" : "bad"}`}>{image.kind}</span>}</td>
                <td>{move(image.split_before, image.split_after)}</td>
                <td class="number">{image.kind === "added" ? count(image.cells_after) : image.kind === "removed" ? count(image.cells_before) : move(image.cells_before, image.cells_after)}</td>
                <td class="number">{image.changes > 0 ? count(image.changes) : ""}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {pages > 1 && (
        <nav class="pager" aria-label="Pages of images">
          <button type="button" class="button small" disabled={page === 0} onClick={() => setPage(page - 1)}>
            Previous
          </button>
          <span class="dim">
            page {page + 1} of {count(pages)}, most changes first
          </span>
          <button type="button" class="button small" disabled={page + 1 >= pages} onClick={() => setPage(page + 1)}>
            Next
          </button>
        </nav>
      )}
      {total > images.length && <p class="dim small-text">{counted(total - images.length, "more image")} in images.parquet.</p>}
    </div>
  );
}

/** Whether the release itself cannot be sealed, which is no matter of the comparison. */
export const cannotBeSealed = (diff: ReleaseDiff): boolean => diff.state === "failed" && diff.after_sha256 === "";

function Found({ diff, draft }: { diff: ReleaseDiff; draft: boolean }) {
  const { summary } = diff;
  if (diff.state === "failed" && draft && cannotBeSealed(diff)) return <p class="dim">Nothing can be compared before it can be sealed.</p>;
  if (diff.state === "failed") return <Notice tone="bad" title="The comparison failed" text={sentence(diff.error)} />;
  if (!summary) return <Spinner label={`A worker ${draft ? "seals it and " : ""}compares it with ${diff.before}; what is the same is not read`} />;
  if (summary.same) return <p class="dim">Nothing but its name: images, labels and splits are those of {diff.before}.</p>;
  const { added, removed, changed } = summary.images;
  return (
    <div class="stack">
      <Numbers diff={diff} />
      <Pictures diff={diff} />
      <Images images={diff.images} total={added + removed + changed} things={wordsOf(summary.task).thing[1]} />
      <p class="small-text dim diff-files">
        Every change as parquet:
        {diff.tables.map((table) => (
          <a key={table.name} href={table.url} download={table.name}>
            {table.name} ({bytes(table.bytes)})
          </a>
        ))}
      </p>
      {!draft && <CodeBlock text={`cellcommons diff ${diff.before} ${diff.after} --hub ${window.location.origin}`} language="Shell" />}
    </div>
  );
}

const comparable = (release: Release, other: ReleaseSummary): boolean =>
  other.dataset === release.dataset && other.task === release.task && other.state === "published" && !other.withdrawn && other.id !== release.id;

/** What a release can be compared with, the one it is compared with first: its parent, else the one before that stands. */
function rivals(release: Release, all: readonly ReleaseSummary[]): { choices: string[]; first: string } {
  const found = all.filter((other) => comparable(release, other));
  const earlier = found.filter((other) => release.published_at === null || (other.published_at ?? "") < release.published_at);
  const choices = found.map((other) => other.reference);
  return { choices, first: choices.find((reference) => reference === release.parent) ?? earlier[0]?.reference ?? "" };
}

/** Why a release that follows another has nothing to be compared with. */
function Alone({ release, all }: { release: Release; all: readonly ReleaseSummary[] }) {
  const parent = all.find((other) => other.reference === release.parent);
  if (parent?.withdrawn)
    return (
      <p class="dim">
        {parent.reference}, which it follows, was withdrawn ({parent.withdrawn.reason}), and no other release stands that it could be compared with.
      </p>
    );
  return <p class="dim">It is the first release of {wordsOf(release.task).title.toLowerCase()}: all of it is new.</p>;
}

/** `said`: told what is known of the change so far. */
function Since({ release, all, said }: { release: Release; all: readonly ReleaseSummary[]; said: ((diff: ReleaseDiff) => void) | undefined }) {
  const { choices, first } = rivals(release, all);
  const [chosen, choose] = useState("");
  const against = chosen || first;
  const diff = useReply(() => getDiff(release.dataset, release.place, against), [release.id, release.state, against]);
  useEvery(1, diff.value?.state === "waiting", () => void diff.reload());
  useEffect(() => {
    if (diff.value) said?.(diff.value);
  }, [diff.value]);
  const current = diff.value?.before === against ? diff : { ...diff, value: null };
  const parentGone = first !== release.parent;
  return (
    <Section
      title={choices.length > 1 ? "What changed" : `What changed since ${against}`}
      id="changes"
      aside={
        choices.length > 1 ? (
          <label class="diff-since small-text">
            <span class="dim">since</span>
            <select value={against} onChange={(event) => choose(event.currentTarget.value)}>
              {choices.map((reference) => (
                <option key={reference}>{reference}</option>
              ))}
            </select>
          </label>
        ) : undefined
      }
    >
      {parentGone && !chosen && <p class="dim small-text">{release.parent}, which it follows, is not there to compare with; this is the newest before it that is.</p>}
      <Pending reply={current} skeleton="rows" count={3}>
        {(found) => <Found diff={found} draft={release.state === "draft"} />}
      </Pending>
    </Section>
  );
}

/** The section of a release that follows another. */
export function ReleaseChanges({ release, said }: { release: Release; said?: (diff: ReleaseDiff) => void }) {
  const all = useReply(() => listReleases(release.dataset), [release.dataset]);
  if (all.value && rivals(release, all.value).first) return <Since release={release} all={all.value} said={said} />;
  return (
    <Section title="What changed" id="changes">
      <Pending reply={all} skeleton="rows" count={3}>
        {(found) => <Alone release={release} all={found} />}
      </Pending>
    </Section>
  );
}
