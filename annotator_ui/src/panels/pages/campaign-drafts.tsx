/** Pre-annotation: a model's checkpoint draws drafts that people start from. */

import { useEffect, useRef } from "preact/hooks";
import type { Campaign, ModelCardSummary, PredictionRun } from "../../api/types";
import { listModelCards } from "../../session/models";
import { getPredictionRun, listPredictionRuns, startPrediction } from "../../session/rounds";
import { isOver } from "../../session/run-feed";
import { Meter } from "./parts/bars";
import { ago, counted, measure } from "./parts/figures";
import { Field, FormProblem, textOf, useSending } from "./parts/form";
import { finite } from "./parts/measures";
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
            {run.scope === "unread" ? "drafts for images nobody has read" : "every image, to measure"} · {ago(run.created)}
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

/** The best first: that is whose drafts people should start from. */
function byF1(cards: readonly ModelCardSummary[]): ModelCardSummary[] {
  return [...cards].sort((a, b) => (finite(b.measures["f1_50"]) ?? 0) - (finite(a.measures["f1_50"]) ?? 0));
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
    <Section title="Pre-annotate" aside={<span class="dim">people correct a draft faster than they draw</span>}>
      <div class="card">
        <Pending reply={cards} skeleton="rows" count={1}>
          {(found) =>
            found.length === 0 ? (
              <p class="dim">
                No model yet. Publish a release of what is settled, then train on it; its model can draw drafts here. <a href="/models">Models</a>
              </p>
            ) : (
              <form class="inline-form" onSubmit={submit}>
                <Field name="model_card" label="Model" problem={sending.problem}>
                  <select name="model_card" required>
                    {byF1(found).map((card) => (
                      <option key={card.id} value={card.id}>
                        {card.name}, F1 {measure(card.measures["f1_50"])} (from {card.release})
                      </option>
                    ))}
                  </select>
                </Field>
                <Field name="scope" label="Images" problem={sending.problem}>
                  <select name="scope">
                    <option value="unread">nobody has read, as drafts</option>
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
