/** Pre-annotation: a model's checkpoint draws drafts that people start from. */

import { useEffect, useRef } from "preact/hooks";
import type { Campaign, ModelCardSummary, PredictionRun } from "../../api/types";
import { listModelCards } from "../../session/models";
import { getPredictionRun, listPredictionRuns, startPrediction } from "../../session/rounds";
import { isOver } from "../../session/run-feed";
import { wordsOf } from "../task-words";
import { Meter } from "./parts/bars";
import { ago, counted, measure } from "./parts/figures";
import { Field, FormProblem, textOf, useSending } from "./parts/form";
import { finite, headlineOf, measureWords } from "./parts/measure-words";
import { Section } from "./parts/page-head";
import { Pending } from "./parts/pending";
import { useEvery, useReply } from "./parts/reply";
import { StateBadge } from "./parts/state-badge";

function Run({ first, name, finished }: { first: PredictionRun; name: string; finished: () => void }) {
  const reply = useReply(() => (isOver(first.state) ? Promise.resolve(first) : getPredictionRun(first.id)), [first.id]);
  const run = reply.value ?? first;
  const over = isOver(run.state);
  useEvery(1, !over, () => void reply.reload());
  const was = useRef(over);
  useEffect(() => {
    if (!was.current && over) finished();
    was.current = over;
  }, [over]);
  const failures = Object.values(run.failures);
  return (
    <li class="import-job">
      <div class="row apart">
        <span class="row">
          <StateBadge state={run.state} />
          <a href={`/models/${run.model_card}`}>{name}</a>
          <span class="dim">
            {run.scope === "unread" ? "images nobody has read" : "every image, to measure"} · {ago(run.created)}
          </span>
        </span>
        <span class="dim">{counted(run.images, "image")}</span>
      </div>
      {!over && <Meter part={run.progress.fraction ?? 0} whole={1} label={`Predictions of ${name}`} />}
      {!over && run.progress.message && <p class="dim small-text">{run.progress.message}</p>}
      {run.error && (
        <p class="form-problem" role="alert">
          {run.error}
        </p>
      )}
      {failures.length > 0 && (
        <details>
          <summary>{counted(failures.length, "image")} could not be predicted</summary>
          <ul class="skipped">
            {failures.map((why, i) => (
              <li key={i} class="dim">
                {why}
              </li>
            ))}
          </ul>
        </details>
      )}
    </li>
  );
}

/** Models of the campaign's task, the best first: that is whose drafts people should start from. */
export function usable(cards: readonly ModelCardSummary[], task: string): ModelCardSummary[] {
  const score = (card: ModelCardSummary) => finite(card.measures[headlineOf(card)]) ?? -1;
  return cards.filter((card) => card.task === task).sort((a, b) => score(b) - score(a));
}

export function DraftsPanel({ campaign, finished }: { campaign: Campaign; finished: () => void }) {
  const cards = useReply(listModelCards, []);
  const runs = useReply(() => listPredictionRuns(campaign.slug), [campaign.slug]);
  const sending = useSending();
  const names = new Map((cards.value ?? []).map((card) => [card.id, card.name]));
  function submit(event: SubmitEvent): void {
    event.preventDefault();
    const form = new FormData(event.currentTarget as HTMLFormElement);
    const scope = textOf(form, "scope") === "all" ? "all" : "unread";
    void sending.run(async () => {
      const run = await startPrediction({ model_card: textOf(form, "model_card"), campaign: campaign.slug, scope });
      runs.put([run, ...(runs.value ?? [])]);
    });
  }
  return (
    <Section title={campaign.task === "augmented" ? "Predict" : "Pre-annotate"} aside={<span class="dim">{campaign.task === "augmented" ? "people judge what a model predicts" : "people correct a draft faster than they start from nothing"}</span>}>
      <div class="card">
        <Pending reply={cards} skeleton="rows" count={1}>
          {(found) =>
            usable(found, campaign.task).length === 0 ? (
              <p class="dim">
                {found.length === 0 ? "No model yet." : `No model of ${wordsOf(campaign.task).title.toLowerCase()} yet.`} Publish a release of what is settled, then train on it; its model can be used here. <a href="/models">Models</a>
              </p>
            ) : (
              <form class="inline-form" onSubmit={submit}>
                <Field name="model_card" label="Model" problem={sending.problem}>
                  <select name="model_card" required>
                    {usable(found, campaign.task).map((card) => (
                      <option key={card.id} value={card.id}>
                        {card.name}, {measureWords(headlineOf(card)).label} {measure(card.measures[headlineOf(card)])} (from {card.release})
                      </option>
                    ))}
                  </select>
                </Field>
                <Field name="scope" label="Images" problem={sending.problem}>
                  <select name="scope">
                    <option value="unread">{campaign.task === "augmented" ? "nobody has read, to be judged" : "nobody has read, as drafts"}</option>
                    <option value="all">all, only to measure</option>
                  </select>
                </Field>
                <button type="submit" class="button primary" disabled={sending.busy}>
                  {sending.busy ? "Asking…" : "Predict"}
                </button>
              </form>
            )
          }
        </Pending>
        <FormProblem problem={sending.problem} />
        {runs.value && runs.value.length > 0 && (
          <ul class="import-jobs">
            {runs.value.slice(0, 5).map((run) => (
              <Run key={run.id} first={run} name={names.get(run.model_card) ?? "a model"} finished={finished} />
            ))}
          </ul>
        )}
      </div>
    </Section>
  );
}
