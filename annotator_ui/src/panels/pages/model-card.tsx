/** What a checkpoint can do: beside a baseline, by stratum, and image by image, the worst included. */

import type { ImageScore, ModelCard } from "../../api/types";
import { checkpointUrl, getModelCard } from "../../session/models";
import { pageOfRelease } from "../../session/releases";
import { Markdown } from "../markdown";
import { Digest } from "../copy";
import { bytes, count, day, measure } from "./parts/figures";
import { Compared, finite, MEASURES } from "./parts/measures";
import { ThresholdChart } from "./parts/threshold-chart";
import { Facts, PageHead, Section } from "./parts/page-head";
import { Pending } from "./parts/pending";
import { Picture } from "./parts/picture";
import { useReply } from "./parts/reply";

/** Shown as bars: the ratios that have a name. What each is at other thresholds is a curve. */
function ratios(card: ModelCard): string[] {
  return Object.keys(MEASURES).filter((name) => name !== "images" && name !== "cells" && finite(card.measures[name]) !== null);
}

function Measures({ card }: { card: ModelCard }) {
  const tests = finite(card.measures["images"]);
  return (
    <section class="card" aria-label="Measures">
      <h2>On the test split</h2>
      <div class="stack">
        {ratios(card).map((name) => (
          <Compared key={name} name={MEASURES[name] ?? name} value={card.measures[name]} baseline={card.baseline[name]} low={card.measures[`${name}_low`]} high={card.measures[`${name}_high`]} />
        ))}
      </div>
      <ThresholdChart measures={card.measures} baseline={card.baseline} />
      <p class="dim small-text">
        <i class="key-mark" /> Otsu + watershed on the same images. The light line in a bar is the 95 % interval over images.
        {tests !== null && tests < 30 && ` With ${count(tests)} test images a difference of a few hundredths may be chance.`}
      </p>
    </section>
  );
}

function Strata({ card }: { card: ModelCard }) {
  const rows = Object.entries(card.by_stratum);
  if (rows.length === 0) return null;
  const shown = ["f1_50", "precision_50", "recall_50", "mean_ap"].filter((name) => rows.some(([, row]) => finite(row[name]) !== null));
  return (
    <Section title="By stratum">
      <div class="table-scroll card flush">
        <table>
          <thead>
            <tr>
              <th>Stratum</th>
              <th class="number">Images</th>
              <th class="number">Cells</th>
              {shown.map((name) => (
                <th key={name} class="number">
                  {MEASURES[name]}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {rows.map(([stratum, row]) => (
              <tr key={stratum}>
                <td>{stratum || "not stated"}</td>
                <td class="number">{count(finite(row["images"]) ?? 0)}</td>
                <td class="number">{count(finite(row["cells"]) ?? 0)}</td>
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

function Scored({ score }: { score: ImageScore }) {
  return (
    <li>
      <a href={`/images/${score.image}`} title={score.name}>
        <Picture src={score.picture_url} alt={`${score.name}: image, reference outline and predicted outline`} fit="contain" />
        <span class="row apart nowrap">
          <span class="image-name">{score.name || "an image that is gone"}</span>
          <strong>{measure(score.measures["f1_50"])}</strong>
        </span>
        {score.stratum && <span class="dim small-text">{score.stratum}</span>}
      </a>
    </li>
  );
}

function Images({ card }: { card: ModelCard }) {
  const { images } = card;
  if (images.length === 0) return null;
  const half = Math.min(6, Math.ceil(images.length / 2));
  const best = images.slice(0, half);
  const worst = images.slice(half).reverse().slice(0, half);
  return (
    <>
      <Section title="Where it does best" aside={<span class="dim">image, reference, prediction</span>}>
        <ul class="scored">
          {best.map((score) => (
            <Scored key={score.image} score={score} />
          ))}
        </ul>
      </Section>
      {worst.length > 0 && (
        <Section title="Where it fails" aside={<span class="dim">worst first</span>}>
          <ul class="scored">
            {worst.map((score) => (
              <Scored key={score.image} score={score} />
            ))}
          </ul>
        </Section>
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
          <PageHead title={card.name} crumbs={[{ href: "/models", label: "Models" }]} lead={`Trained on ${card.release}, ${day(card.created)}`}>
            <a class="button primary" href={checkpointUrl(id)} download={`${card.name}.safetensors`}>
              Download checkpoint ({bytes(card.checkpoint_bytes)})
            </a>
          </PageHead>
          <div class="split-page">
            <Measures card={card} />
            <section class="card" aria-label="Lineage">
              <h2>Lineage</h2>
              <Facts
                rows={[
                  ["Release", <a href={pageOfRelease(card.release)}>{card.release}</a>],
                  ["Training", <a href={`/training-runs/${card.training_run}`}>run and curve</a>],
                  ["Checkpoint", <Digest value={card.checkpoint_sha256} />],
                ]}
              />
            </section>
          </div>
          <Images card={card} />
          <Strata card={card} />
          {card.text && (
            <details class="card whole-card">
              <summary>
                <h2>The whole card</h2>
              </summary>
              <Markdown text={card.text} untitled />
            </details>
          )}
        </>
      )}
    </Pending>
  );
}
