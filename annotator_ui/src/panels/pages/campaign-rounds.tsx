/** Rounds: which images the queue asks first, and why. */

import { useEffect, useState } from "preact/hooks";
import type { Campaign, Round } from "../../api/types";
import { listPredictionRuns, listRounds, openRound } from "../../session/rounds";
import { Meter } from "./parts/bars";
import { ago, counted } from "./parts/figures";
import { Field, FormProblem, numberOf, textOf, useSending } from "./parts/form";
import { Section } from "./parts/page-head";
import { Pending } from "./parts/pending";
import { Picture } from "./parts/picture";
import { useReply } from "./parts/reply";

const SHOWN = 12;

function Ranking({ round, needed }: { round: Round; needed: number }) {
  const [all, setAll] = useState(false);
  const offered = round.size ?? round.items.length;
  const highest = Math.max(...round.items.map((item) => item.score), 1e-9);
  const shown = all ? round.items : round.items.slice(0, SHOWN);
  return (
    <>
      <ol class="ranking">
        {shown.map((item) => (
          <li key={item.image} class={item.rank > offered ? "later" : ""}>
            <a href={`/images/${item.image}`} title={item.name}>
              <Picture src={item.preview_url} alt="" />
              <span class="rank">{item.rank}</span>
            </a>
            <span class="image-name">{item.name}</span>
            {round.strategy === "uncertainty" && (
              <>
                <Meter part={item.score} whole={highest} label={`Uncertainty of ${item.name}`} tone="warn" />
                <span class="dim small-text">uncertainty {item.score.toFixed(3)}</span>
              </>
            )}
            <span class="dim small-text">
              {item.rank > offered ? "waits for a later round" : item.readings >= needed ? "read" : `${item.readings} of ${counted(needed, "reading")}`}
            </span>
          </li>
        ))}
      </ol>
      {round.items.length > SHOWN && (
        <button type="button" class="button small" onClick={() => setAll(!all)}>
          {all ? "Show fewer" : `Show all ${round.items.length}`}
        </button>
      )}
    </>
  );
}

function RoundForm({ campaign, drafted, opened }: { campaign: Campaign; drafted: number; opened: (round: Round) => void }) {
  const sending = useSending();
  const runs = useReply(() => listPredictionRuns(campaign.name), [campaign.name, drafted]);
  const usable = (runs.value ?? []).filter((run) => run.state === "finished");
  const [strategy, setStrategy] = useState<"uncertainty" | "random">("random");
  const able = usable.length > 0;
  useEffect(() => setStrategy(able ? "uncertainty" : "random"), [able]);
  function submit(event: SubmitEvent): void {
    event.preventDefault();
    const form = new FormData(event.currentTarget as HTMLFormElement);
    void sending.run(async () =>
      opened(
        await openRound(campaign.name, {
          strategy,
          size: numberOf(form, "size"),
          seed: numberOf(form, "seed") ?? 0,
          prediction_run: strategy === "uncertainty" ? textOf(form, "prediction_run") : null,
        }),
      ),
    );
  }
  return (
    <form class="stack" onSubmit={submit}>
      <div class="inline-form">
        <Field name="strategy" label="Ask first" problem={sending.problem} hint={usable.length ? undefined : "Pre-annotate to rank by uncertainty"}>
          <select value={strategy} onChange={(event) => setStrategy(event.currentTarget.value === "uncertainty" ? "uncertainty" : "random")}>
            <option value="uncertainty" disabled={usable.length === 0}>
              what the model knows least
            </option>
            <option value="random">at random</option>
          </select>
        </Field>
        {strategy === "uncertainty" && (
          <Field name="prediction_run" label="By the predictions of" problem={sending.problem}>
            <select name="prediction_run" required>
              {usable.map((run) => (
                <option key={run.id} value={run.id}>
                  {ago(run.created)}, {counted(run.images, "image")}
                </option>
              ))}
            </select>
          </Field>
        )}
        <Field name="size" label="Offer the first" problem={sending.problem} hint="Empty: all of them">
          <input type="number" name="size" min={1} placeholder="all" />
        </Field>
        <Field name="seed" label="Seed" problem={sending.problem}>
          <input type="number" name="seed" min={0} defaultValue="0" required />
        </Field>
        <button type="submit" class="button primary" disabled={sending.busy}>
          {sending.busy ? "Ranking…" : "Start round"}
        </button>
      </div>
      <FormProblem problem={sending.problem} />
    </form>
  );
}

export function RoundsPanel({ campaign, drafted }: { campaign: Campaign; drafted: number }) {
  const reply = useReply(() => listRounds(campaign.name), [campaign.name, campaign.progress.readings_done]);
  const [chosen, setChosen] = useState<string | null>(null);
  return (
    <Section title="Rounds" id="rounds" aside={<span class="dim">a round ranks the images nobody has read</span>}>
      <div class="card">
        <RoundForm
          campaign={campaign}
          drafted={drafted}
          opened={(round) => {
            reply.put([round, ...(reply.value ?? [])]);
            setChosen(null);
          }}
        />
        <Pending reply={reply} skeleton="rows" count={1}>
          {(rounds) => {
            const round = rounds.find((candidate) => candidate.id === chosen) ?? rounds[0];
            if (!round) return <p class="dim">No round yet: images are handed out in the order they came.</p>;
            return (
              <>
                <div class="chips" role="group" aria-label="Rounds">
                  {rounds.map((candidate) => (
                    <button key={candidate.id} type="button" aria-pressed={candidate === round} onClick={() => setChosen(candidate.id)}>
                      Round {candidate.number} <span class="dim">{candidate.strategy}</span>
                    </button>
                  ))}
                </div>
                <Ranking key={round.id} round={round} needed={campaign.readings_needed} />
              </>
            );
          }}
        </Pending>
      </div>
    </Section>
  );
}

