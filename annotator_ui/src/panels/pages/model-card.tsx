/** What a checkpoint can do: beside a baseline, by stratum, and image by image, the worst included. */

import type { ImageScore, ModelCard } from "../../api/types";
import { checkpointUrl, getModelCard } from "../../session/models";
import { pageOfRelease } from "../../session/releases";
import { Notice } from "../feedback";
import { Markdown } from "../markdown";
import { wordsOf } from "../task-words";
import { Digest } from "../copy";
import { bytes, count, counted, day, measure, sentence } from "./parts/figures";
import { finite, headlineOf, measureText, measureWords, scoreOf, sortMeasures, type Sorted } from "./parts/measure-words";
import { Compared, ConfusionTable, NumberTable, onlyPlain, PartsTable } from "./parts/measures";
import { ThresholdChart } from "./parts/threshold-chart";
import { Facts, PageHead, Section } from "./parts/page-head";
import { Pending } from "./parts/pending";
import { Picture } from "./parts/picture";
import { WithdrawnSource } from "./parts/withdrawal";
import { useReply } from "./parts/reply";

function Measures({ card, sorted }: { card: ModelCard; sorted: Sorted }) {
  const tests = finite(card.measures["images"]);
  const { baseline: plain } = wordsOf(card.task);
  return (
    <section class="card" aria-label="Measures">
      <h2>On the test split</h2>
      <div class="stack">
        {sorted.ratios.map((name) => (
          <Compared key={name} name={measureWords(name).label} value={card.measures[name]} baseline={card.baseline[name]} low={card.measures[`${name}_low`]} high={card.measures[`${name}_high`]} plain={plain} />
        ))}
      </div>
      <ThresholdChart measures={card.measures} baseline={card.baseline} />
      <NumberTable names={[...sorted.numbers, ...onlyPlain(card.measures, card.baseline)]} measures={card.measures} baseline={card.baseline} plain={plain} />
      {sorted.ratios.length === 0 && sorted.numbers.length === 0 && <p class="dim">There was no test image to measure it on.</p>}
      <p class="dim small-text">
        <i class="key-mark" /> {plain}, on the same images. The light line in a bar is the 95 % interval over images.
        {tests !== null && tests < 30 && ` With ${counted(tests, "test image")} a difference of a few hundredths may be chance.`}
      </p>
    </section>
  );
}

/** What the reader must know before the figures. */
function Notes({ notes }: { notes: readonly string[] }) {
  if (notes.length === 0) return null;
  return (
    <Notice tone="info" title={notes.length === 1 ? "Know this about the figures" : "Know these about the figures"}>
      <ul class="note-list">
        {notes.map((note) => (
          <li key={note}>{sentence(note)}</li>
        ))}
      </ul>
    </Notice>
  );
}

function Strata({ card, headline }: { card: ModelCard; headline: string }) {
  const rows = Object.entries(card.by_stratum);
  if (rows.length === 0 || (rows.length === 1 && rows[0]![0] === "")) return null; // it would say again what stands above
  const all = rows.map(([, row]) => sortMeasures(row, headline));
  const shown = [...new Set(all.flatMap(({ ratios }) => ratios.slice(0, 4)))].slice(0, 4);
  const counts = [...new Set(all.flatMap(({ counts: names }) => names))].slice(0, 3);
  return (
    <Section title="By stratum">
      <div class="table-scroll card flush">
        <table>
          <thead>
            <tr>
              <th>Stratum</th>
              {counts.map((name) => (
                <th key={name} class="number">
                  {name === "images" ? "Images" : name === "cells" ? "Cells" : measureWords(name).label}
                </th>
              ))}
              {shown.map((name) => (
                <th key={name} class="number">
                  {measureWords(name).label}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {rows.map(([stratum, row]) => (
              <tr key={stratum}>
                <td>{stratum || "not stated"}</td>
                {counts.map((name) => (
                  <td key={name} class="number">
                    {count(finite(row[name]) ?? 0)}
                  </td>
                ))}
                {shown.map((name) => (
                  <td key={name} class="number">
                    {measure(row[name])}
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </Section>
  );
}

const PICTURES: Readonly<Record<string, string>> = {
  classification: "the image with what it is and what the model says",
  tracking: "frames with trails",
  augmented: "source, real, predicted",
};

function Scored({ score, card, headline }: { score: ImageScore; card: ModelCard; headline: string }) {
  const found = scoreOf(score.measures, headline);
  const seen = PICTURES[card.task] ?? "image, reference and prediction";
  return (
    <li>
      <a href={`/images/${score.image}`} title={score.name}>
        <Picture src={score.picture_url} alt={`${score.name}: ${seen}`} fit="contain" />
        <span class="row apart nowrap">
          <span class="image-name">{score.name || "an image that is gone"}</span>
          {found && <strong title={measureWords(found.name).label}>{measure(found.value)}</strong>}
        </span>
        {score.stratum && <span class="dim small-text">{score.stratum}</span>}
      </a>
    </li>
  );
}

function Images({ card, headline }: { card: ModelCard; headline: string }) {
  const { images } = card;
  if (images.length === 0) return null;
  const half = Math.min(6, Math.ceil(images.length / 2));
  const best = images.slice(0, half);
  const worst = images.slice(half).reverse().slice(0, half);
  return (
    <>
      <Section title="Where it does best" aside={<span class="dim">{PICTURES[card.task] ?? "image, reference, prediction"}</span>}>
        <ul class="scored">
          {best.map((score) => (
            <Scored key={score.image} score={score} card={card} headline={headline} />
          ))}
        </ul>
      </Section>
      {worst.length > 0 && (
        <Section title="Where it fails" aside={<span class="dim">worst first</span>}>
          <ul class="scored">
            {worst.map((score) => (
              <Scored key={score.image} score={score} card={card} headline={headline} />
            ))}
          </ul>
        </Section>
      )}
    </>
  );
}

function Body({ card }: { card: ModelCard }) {
  const headline = headlineOf(card);
  const sorted = sortMeasures(card.measures, headline);
  const plain = sortMeasures(card.baseline, headline);
  const markers = card.task === "augmented";
  return (
    <>
      <WithdrawnSource reference={card.release} withdrawn={card.release_withdrawn} />
      <Notes notes={card.notes} />
      <div class="split-page">
        <Measures card={card} sorted={sorted} />
        <div class="stack">
          <section class="card" aria-label="Lineage">
            <h2>Lineage</h2>
            <Facts
              rows={[
                ["Task", wordsOf(card.task).title],
                ["Release", <a href={pageOfRelease(card.release)}>{card.release}</a>],
                ["Training", <a href={`/training-runs/${card.training_run}`}>run and curve</a>],
                ["Checkpoint", <Digest value={card.checkpoint_sha256} />],
              ]}
            />
          </section>
          {sorted.counts.length > 0 && (
            <section class="card" aria-label="Tested on">
              <h2>Tested on</h2>
              <Facts rows={sorted.counts.map((name) => [measureWords(name).label, measureText(name, card.measures[name])] as const)} />
            </section>
          )}
        </div>
      </div>
      {sorted.confusion && (
        <Section title="What is taken for what">
          <ConfusionTable confusion={sorted.confusion} />
        </Section>
      )}
      {Object.keys(sorted.parts).length > 0 && (
        <Section title={markers ? "Each marker" : "Each class"} aside={<span class="dim">mark: {wordsOf(card.task).baseline.toLowerCase()}</span>}>
          <PartsTable parts={sorted.parts} baseline={plain.parts} first={markers ? "Marker" : "Class"} />
        </Section>
      )}
      <Images card={card} headline={headline} />
      <Strata card={card} headline={headline} />
      {card.text && (
        <details class="card whole-card">
          <summary>
            <h2>The whole card</h2>
          </summary>
          <Markdown text={card.text} untitled />
        </details>
      )}
    </>
  );
}

export default function ModelCardPage({ params }: { params: Record<string, string> }) {
  const id = params["id"]!;
  const reply = useReply(() => getModelCard(id), [id]);
  return (
    <Pending reply={reply} skeleton="page" missing="No such model">
      {(card) => (
        <>
          <PageHead title={card.name} crumbs={[{ href: "/models", label: "Models" }]} badge={<span class="badge">{wordsOf(card.task).title}</span>} lead={`Trained on ${card.release}, ${day(card.created)}`}>
            <a class="button primary" href={checkpointUrl(id)} download={`${card.name}.safetensors`}>
              Download checkpoint ({bytes(card.checkpoint_bytes)})
            </a>
          </PageHead>
          <Body card={card} />
        </>
      )}
    </Pending>
  );
}
