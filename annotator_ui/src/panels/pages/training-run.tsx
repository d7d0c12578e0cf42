/** One training, live: how far it is, its curve, and stopping or going on. */

import { useEffect, useMemo } from "preact/hooks";
import type { TrainingRun } from "../../api/types";
import { cancelTraining, resumeTraining } from "../../session/models";
import { may } from "../../session/people";
import { getRelease, pageOfRelease } from "../../session/releases";
import { isOver, RunFeed, type Feed } from "../../session/run-feed";
import { EmptyState, Notice, ProblemNotice } from "../feedback";
import { wordsOf } from "../task-words";
import { Meter } from "./parts/bars";
import { Digest } from "../copy";
import { TrainingCurve } from "./parts/curve-chart";
import { ago, count, duration, measure } from "./parts/figures";
import { FormProblem, useSending } from "./parts/form";
import { Facts, Figure, PageHead, Section } from "./parts/page-head";
import { measureWords } from "./parts/measure-words";
import { Skeleton } from "./parts/pending";
import { useReply } from "./parts/reply";
import { StateBadge } from "./parts/state-badge";

const CONNECTIONS: Record<Feed["connection"], string> = {
  opening: "connecting",
  live: "live",
  polling: "asking every few seconds",
  ended: "",
};

function Live({ run, connection, validated }: { run: TrainingRun; connection: Feed["connection"]; validated: string }) {
  const { progress } = run;
  const over = isOver(run.state);
  // It may stop short of its budget, or tell the last step late: finished is all of it.
  const fraction = run.state === "finished" ? 1 : (progress.fraction ?? 0);
  const seconds = progress.seconds ?? 0;
  // Scoring the test images at the end tells no loss: the curve remembers the last one.
  const loss = run.curve.findLast((point) => typeof point.loss === "number")?.loss ?? progress.loss;
  const validation = run.curve.findLast((point) => typeof point.validation === "number")?.validation ?? progress.validation;
  const left = fraction > 0.02 && fraction < 1 ? (seconds / fraction) * (1 - fraction) : null;
  return (
    <section class="card" aria-label="Progress">
      <div class="figures">
        <Figure value={`${Math.round(fraction * 100)} %`} label={over ? run.state : progress.message || "of the budget"} />
        <Figure value={progress.step === undefined ? "–" : count(progress.step)} label="steps" />
        <Figure value={measure(loss)} label="loss" />
        <Figure value={measure(validation)} label={`validation, ${validated}`} />
        <Figure value={seconds ? duration(seconds) : "–"} label={over || left === null ? "trained" : `about ${duration(left)} left`} />
      </div>
      {!over && <Meter part={fraction} whole={1} label="Training" />}
      {!over && (
        <p class="dim small-text live-said" role="status">
          <i class={connection === "live" ? "pulse" : "pulse off"} aria-hidden="true" />
          {run.state === "waiting" ? "Waiting for the gpu worker" : CONNECTIONS[connection]}
        </p>
      )}
    </section>
  );
}

/** A run does not say its task: its release does. */
async function taskOf(reference: string): Promise<string> {
  const [dataset, version] = reference.split("@") as [string, string];
  return (await getRelease(dataset, version)).task;
}

export default function TrainingRunPage({ params }: { params: Record<string, string> }) {
  const id = params["id"]!;
  const source = useMemo(() => new RunFeed(id), [id]);
  useEffect(() => {
    source.open();
    return () => source.close();
  }, [source]);
  const sending = useSending();
  const { run, connection, problem } = source.feed.value;
  const task = useReply(() => (run ? taskOf(run.release) : Promise.resolve(null)), [run?.release]);
  if (!run) {
    if (problem?.status === 404) return <EmptyState title="No such training" action={{ label: "Models", href: "/models" }} />;
    return problem ? <ProblemNotice problem={problem} retry={() => source.open()} /> : <Skeleton kind="page" />;
  }
  const turn = (work: (id: string) => Promise<unknown>) =>
    void sending.run(async () => {
      await work(id);
      source.open();
    });
  const curator = may("curator");
  const words = wordsOf(task.value);
  const validated = task.value ? measureWords(words.headline).label : "score";
  const config = Object.entries(run.config);
  return (
    <>
      <PageHead title={`Training on ${run.release}`} crumbs={[{ href: "/models", label: "Models" }, { href: pageOfRelease(run.release), label: run.release }]} badge={<StateBadge state={run.state} />} lead={[task.value && words.title, `ordered ${ago(run.created)}`].filter(Boolean).join(" · ")}>
        {curator && (run.state === "waiting" || run.state === "running") && (
          <button type="button" class="button danger" disabled={sending.busy} onClick={() => turn(cancelTraining)}>
            Cancel
          </button>
        )}
        {curator && (run.state === "cancelled" || run.state === "failed") && (
          <button type="button" class="button primary" disabled={sending.busy} onClick={() => turn(resumeTraining)}>
            Resume
          </button>
        )}
        {run.model_card && (
          <a class="button primary" href={`/models/${run.model_card}`}>
            Open the model card
          </a>
        )}
      </PageHead>
      <FormProblem problem={sending.problem} />
      {run.error && <Notice tone="bad" title="The training failed" text={run.error} />}
      {run.state === "cancelled" && <Notice tone="info" title="Cancelled" text="What it had learned is kept; resumed, it goes on from there." />}
      {run.state === "cancelling" && <Notice tone="info" title="Stopping" text="The worker saves its state and stops at the next step." />}
      <Live run={run} connection={connection} validated={validated} />
      <Section title="Curve">
        <div class="card">{run.curve.length > 0 ? <TrainingCurve curve={run.curve} validated={validated} /> : <p class="dim">The first point comes after the first steps.</p>}</div>
      </Section>
      <Section title="Order">
        <div class="card">
          <Facts
            rows={[
              ["Release", <a href={pageOfRelease(run.release)}>{run.release}</a>],
              ["Budget", duration(run.budget_seconds)],
              ["Seed", String(run.seed)],
              ["Started from", run.start_from ? <Digest value={run.start_from} /> : "scratch"],
              ...config.map(([name, value]) => [name, <code>{JSON.stringify(value)}</code>] as const),
              ["Order", <Digest value={run.order_sha256} />],
              ["Report", <Digest value={run.report_sha256 ?? ""} />],
            ]}
          />
        </div>
      </Section>
    </>
  );
}
