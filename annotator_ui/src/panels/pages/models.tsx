/** Training runs and the models that came of them. */

import type { ModelCardSummary, TrainingRunSummary } from "../../api/types";
import { listModelCards, listTrainingRuns } from "../../session/models";
import { may } from "../../session/people";
import { pageOfRelease } from "../../session/releases";
import { isOver } from "../../session/run-feed";
import { EmptyState } from "../feedback";
import { wordsOf } from "../task-words";
import { Meter } from "./parts/bars";
import { ago, duration, measure } from "./parts/figures";
import { headlineOf, measureWords } from "./parts/measure-words";
import { Compared } from "./parts/measures";
import { PageHead, Section } from "./parts/page-head";
import { Pending } from "./parts/pending";
import { useEvery, useReply } from "./parts/reply";
import { StateBadge } from "./parts/state-badge";

function Card({ card }: { card: ModelCardSummary }) {
  const headline = headlineOf(card);
  return (
    <article class="card model-tile">
      <div class="stack tight">
        <h3>
          <a href={`/models/${card.id}`}>{card.name}</a>
        </h3>
        <p class="dim small-text">
          {wordsOf(card.task).title} from <a href={pageOfRelease(card.release)}>{card.release}</a> · {ago(card.created)}
        </p>
      </div>
      <Compared name={measureWords(headline).label} value={card.measures[headline]} baseline={card.baseline[headline]} low={card.measures[`${headline}_low`]} high={card.measures[`${headline}_high`]} plain={wordsOf(card.task).baseline} />
    </article>
  );
}

function Run({ run }: { run: TrainingRunSummary }) {
  const over = isOver(run.state);
  return (
    <li class="run-row">
      <span class="row">
        <StateBadge state={run.state} />
        <a href={`/training-runs/${run.id}`}>{run.release}</a>
      </span>
      <span class="run-bar">{over ? <span class="dim small-text">{run.error || (run.progress.validation === undefined ? "" : `validation ${measure(run.progress.validation)}`)}</span> : <Meter part={run.progress.fraction ?? 0} whole={1} label={`Training on ${run.release}`} />}</span>
      <span class="dim small-text">
        budget {duration(run.budget_seconds)} · seed {run.seed} · {ago(run.created)}
      </span>
      <span class="end">
        {run.model_card && (
          <a class="button small" href={`/models/${run.model_card}`}>
            Model card
          </a>
        )}
        {!over && (
          <a class="button small" href={`/training-runs/${run.id}`}>
            Watch
          </a>
        )}
      </span>
    </li>
  );
}

export default function Models() {
  const cards = useReply(listModelCards, []);
  const runs = useReply(listTrainingRuns, []);
  const going = runs.value?.some((run) => !isOver(run.state)) ?? false;
  useEvery(2, going, () => {
    void runs.reload();
    void cards.reload();
  });
  const nothing = cards.value?.length === 0 && runs.value?.length === 0;
  return (
    <>
      <PageHead title="Models" lead="What machines learned from releases, measured on images they never trained on." />
      {nothing ? (
        <EmptyState
          title="No model yet"
          text={may("curator") ? "Publish a release, then train on it: a few minutes on a laptop give a first model." : "Once a release is published, a curator can train on it."}
          {...(may("curator") ? { action: { label: "See releases", href: "/releases" } } : {})}
        />
      ) : (
        <>
          <Pending reply={cards} skeleton="cards" count={3}>
            {(found) => (
              <div class="grid">
                {found.map((card) => (
                  <Card key={card.id} card={card} />
                ))}
                {found.length === 0 && <p class="dim">The first model card comes when a training is finished.</p>}
              </div>
            )}
          </Pending>
          <Section title="Training runs">
            <Pending reply={runs} skeleton="rows" count={3}>
              {(found) => (
                <ul class="plain card flush">
                  {found.map((run) => (
                    <Run key={run.id} run={run} />
                  ))}
                </ul>
              )}
            </Pending>
          </Section>
        </>
      )}
    </>
  );
}
