/** What changed since another release: numbers first, then pictures of the cells that changed most, then tables. */

import { useState } from "preact/hooks";
import type { DiffImage, Release, ReleaseDiff, ReleaseSummary } from "../../../api/types";
import { getDiff, listReleases } from "../../../session/releases";
import { Notice, Spinner } from "../../feedback";
import { wordsOf } from "../../task-words";
import { changeLine, diffFigures, factLine, kindWord, ledger, moveLines, TONES } from "./diff-words";
import { bytes, count, counted } from "./figures";
import { Figure, Section } from "./page-head";
import { Pending } from "./pending";
import { Picture } from "./picture";
import { useEvery, useReply } from "./reply";
import "../../styles/pages-diff.css";

const SHOWN = 10;

function Numbers({ diff }: { diff: ReleaseDiff }) {
  const summary = diff.summary!;
  const figures = diffFigures(summary);
  const cells = summary.cells ?? summary.tracks;
  const untouched = summary.images.added + summary.images.removed + summary.images.changed === 0;
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
      {cells && !untouched && <p class="ledger">{ledger(cells, wordsOf(summary.task).thing)}</p>}
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
  if (diff.cells.length === 0) return null;
  const single = diff.summary!.task === "classification";
  return (
    <div class="stack">
      <p class="dim small-text">
        {single ? "What changed most." : "What changed most: the image, its outline before in green, after in amber."}
      </p>
      <ul class={single ? "diff-pictures single" : "diff-pictures"}>
        {diff.cells.map((cell) => (
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
    </div>
  );
}

const move = (before: string | number, after: string | number): string => (before === after ? String(after) : `${before === "" ? "–" : before} → ${after === "" ? "–" : after}`);

function Images({ images, total, things }: { images: readonly DiffImage[]; total: number; things: string }) {
  const [all, setAll] = useState(false);
  if (images.length === 0) return null;
  const shown = all ? images : images.slice(0, SHOWN);
  return (
    <div class="stack tight">
      <div class="card flush table-scroll" tabIndex={0} role="region" aria-label="Images that changed">
        <table>
          <thead>
            <tr>
              <th>Image</th>
              <th>What</th>
              <th>Split</th>
              <th class="number">{things}</th>
              <th class="number">Changes</th>
            </tr>
          </thead>
          <tbody>
            {shown.map((image) => (
              <tr key={image.image}>
                <td class="diff-name">{image.name}</td>
                <td>{image.kind === "changed" ? image.what.join(", ") : <span class={`badge ${image.kind === "added" ? "good" : "bad"}`}>{image.kind}</span>}</td>
                <td>{move(image.split_before, image.split_after)}</td>
                <td class="number">{image.kind === "added" ? count(image.cells_after) : image.kind === "removed" ? count(image.cells_before) : move(image.cells_before, image.cells_after)}</td>
                <td class="number">{image.changes > 0 ? count(image.changes) : ""}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {!all && images.length > SHOWN && (
        <button type="button" class="button quiet small" onClick={() => setAll(true)}>
          Show {count(images.length - SHOWN)} more
        </button>
      )}
      {all && total > images.length && <p class="dim small-text">{counted(total - images.length, "more image")} in images.parquet.</p>}
    </div>
  );
}

function Found({ diff, draft }: { diff: ReleaseDiff; draft: boolean }) {
  const { summary } = diff;
  if (diff.state === "failed") return <Notice tone="bad" title={draft ? "It cannot be sealed like this" : "The comparison failed"} text={diff.error} />;
  if (!summary) return <Spinner label={`A worker compares it with ${diff.before}; what is the same is not read`} />;
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
        <code>
          cellcommons diff {diff.before} {diff.after}
        </code>
      </p>
    </div>
  );
}

const comparable = (release: Release, other: ReleaseSummary): boolean =>
  other.slug === release.slug && other.task === release.task && other.state === "published" && !other.withdrawn && other.id !== release.id;

/** The section of a release that follows another. */
export function ReleaseChanges({ release }: { release: Release }) {
  const [against, setAgainst] = useState(release.parent ?? "");
  const diff = useReply(() => getDiff(release.slug, release.place, against), [release.id, release.state, against]);
  const others = useReply(() => listReleases(release.slug), [release.slug]);
  useEvery(1, diff.value?.state === "waiting", () => void diff.reload());
  const choices = (others.value ?? []).filter((other) => comparable(release, other)).map((other) => other.reference);
  const current = diff.value?.before === against ? diff : { ...diff, value: null };
  return (
    <Section
      title={choices.length > 1 ? "What changed" : `What changed since ${against}`}
      id="changes"
      aside={
        choices.length > 1 ? (
          <label class="diff-since small-text">
            <span class="dim">since</span>
            <select value={against} onChange={(event) => setAgainst(event.currentTarget.value)}>
              {choices.map((reference) => (
                <option key={reference}>{reference}</option>
              ))}
            </select>
          </label>
        ) : undefined
      }
    >
      <Pending reply={current} skeleton="rows" count={3}>
        {(found) => <Found diff={found} draft={release.state === "draft"} />}
      </Pending>
    </Section>
  );
}
