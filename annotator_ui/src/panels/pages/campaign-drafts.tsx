/** Pre-annotation: a model's checkpoint draws drafts that people start from. */

import { useEffect, useRef } from "preact/hooks";
import type { Campaign, ModelCardSummary, PredictionRun } from "../../api/types";
import { listModelCards } from "../../session/models";
import { getPredictionRun, listPredictionRuns, startPrediction } from "../../session/rounds";
import { isOver } from "../../session/run-feed";
import { wordsOf } from "../task-words";
import { Meter } from "./parts/bars";
import { ago, counted, measure } from "./parts/figures";
import { Field, FormProblem, textOf, useSending, type Sending } from "./parts/form";
import { finite, headlineOf, measureWords } from "./parts/measure-words";
import { Section } from "./parts/page-head";
import { Pending } from "./parts/pending";
import { useEvery, useReply } from "./parts/reply";
import { StateBadge } from "./parts/state-badge";

type Scope = PredictionRun["scope"];

const SCOPE_WORDS: Record<Scope, string> = {
  unread: "images nobody has read",
  all: "every image, to measure",
  detections: "cells of movies that came without masks",
};

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
            {SCOPE_WORDS[run.scope]} · {ago(run.created)}
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

/** Which model, which images. */
function PredictForm({ cards, scopes, action, sending, ask }: {
  cards: readonly ModelCardSummary[];
  scopes: readonly { scope: Scope; label: string }[];
  action: string;
  sending: Sending;
  ask: (card: string, scope: Scope) => Promise<void>;
}) {
  function submit(event: SubmitEvent): void {
    event.preventDefault();
    const form = new FormData(event.currentTarget as HTMLFormElement);
    const chosen = scopes.find(({ scope }) => scope === textOf(form, "scope")) ?? scopes[0]!;
    void sending.run(() => ask(textOf(form, "model_card"), chosen.scope));
  }
  return (
    <form class="inline-form" onSubmit={submit}>
      <Field name="model_card" label="Model" problem={sending.problem}>
        <select name="model_card" required>
          {cards.map((card) => (
            <option key={card.id} value={card.id}>
              {card.name}, {measureWords(headlineOf(card)).label} {measure(card.measures[headlineOf(card)])} (from {card.release})
            </option>
          ))}
        </select>
      </Field>
      <Field name="scope" label="Images" problem={sending.problem}>
        <select name="scope">
          {scopes.map(({ scope, label }) => (
            <option key={scope} value={scope}>
              {label}
            </option>
          ))}
        </select>
      </Field>
      <button type="submit" class="button primary" disabled={sending.busy}>
        {sending.busy ? "Asking…" : action}
      </button>
    </form>
  );
}

const DRAFTS = [
  { scope: "unread", label: "nobody has read, as drafts" },
  { scope: "all", label: "all, only to measure" },
] as const;
const JUDGED = [{ scope: "unread", label: "nobody has read, to be judged" }, DRAFTS[1]] as const;
const DETECTIONS = [{ scope: "detections", label: "movies that came without masks" }] as const;

export function DraftsPanel({ campaign, finished }: { campaign: Campaign; finished: () => void }) {
  const cards = useReply(listModelCards, []);
  const runs = useReply(() => listPredictionRuns(campaign.name), [campaign.name]);
  const sending = useSending();
  const names = new Map((cards.value ?? []).map((card) => [card.id, card.name]));
  const ask = async (model_card: string, scope: Scope) => {
    const run = await startPrediction({ model_card, campaign: campaign.name, scope });
    runs.put([run, ...(runs.value ?? [])]);
  };
  const judged = campaign.task === "augmented";
  return (
    <Section title={judged ? "Predict" : "Pre-annotate"} aside={<span class="dim">{judged ? "people judge what a model predicts" : "people correct a draft faster than they start from nothing"}</span>}>
      <div class="card">
        <Pending reply={cards} skeleton="rows" count={1}>
          {(found) => (
            <>
              {usable(found, campaign.task).length === 0 ? (
                <p class="dim">
                  {found.length === 0 ? "No model yet." : `No model of ${wordsOf(campaign.task).title.toLowerCase()} yet.`} Publish a release of what is settled, then train on it; its model can be used here. <a href="/models">Models</a>
                </p>
              ) : (
                <PredictForm cards={usable(found, campaign.task)} scopes={judged ? JUDGED : DRAFTS} action="Predict" sending={sending} ask={ask} />
              )}
              {campaign.task === "tracking" && usable(found, "instance_segmentation").length > 0 && (
                <>
                  <p class="dim">
                    A movie that came without masks cannot be followed until somebody says where its cells are. A model that outlines cells can; then {campaign.state === "draft" ? "open the campaign" : "close and open the campaign again"} to take
                    the movies in.
                  </p>
                  <PredictForm cards={usable(found, "instance_segmentation")} scopes={DETECTIONS} action="Find the cells" sending={sending} ask={ask} />
                </>
              )}
            </>
          )}
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
