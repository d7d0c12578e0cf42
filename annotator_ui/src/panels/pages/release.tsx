/** One release: what it holds, its identity, its card, and how to get it. */

import { useEffect, useState } from "preact/hooks";
import type { Ontology, Release } from "../../api/types";
import { listModelCards, startTraining } from "../../session/models";
import { nameIn } from "../../session/names";
import { may, mayChange, person } from "../../session/people";
import { getRelease, pageOf, pageOfRelease } from "../../session/releases";
import { Notice, Spinner } from "../feedback";
import { Modal } from "../modal";
import { navigate, query } from "../router";
import { Markdown } from "../markdown";
import { classColour } from "../class-colours";
import { wordsOf } from "../task-words";
import { PieceBar } from "./parts/bars";
import { ClassChips } from "./parts/class-chips";
import { DraftReview } from "./parts/draft-review";
import { bytes, count, counted, day, measure } from "./parts/figures";
import { Field, FormFoot, FormProblem, numberOf, textOf, useSending } from "./parts/form";
import { headlineOf, measureWords } from "./parts/measure-words";
import { OpenForm, PrivateBadge } from "./parts/opening";
import { Figure, PageHead, Section } from "./parts/page-head";
import { Pending } from "./parts/pending";
import { ReleaseChanges } from "./parts/release-diff";
import { GetIt } from "./parts/release-get";
import { Images, SPLITS } from "./parts/release-images";
import { Trust } from "./parts/release-trust";
import { Versions } from "./parts/release-versions";
import { licenceUrl } from "./parts/release-words";
import { useEvery, useReply } from "./parts/reply";
import { StateBadge } from "./parts/state-badge";
import { Tombstone, WithdrawForm } from "./parts/withdrawal";

function TrainForm({ release, close }: { release: Release; close: () => void }) {
  const sending = useSending();
  const cards = useReply(listModelCards, []);
  function submit(event: SubmitEvent): void {
    event.preventDefault();
    const form = new FormData(event.currentTarget as HTMLFormElement);
    void sending.run(async () => {
      const run = await startTraining({ release: release.reference, budget_seconds: numberOf(form, "budget_seconds") ?? 120, seed: numberOf(form, "seed") ?? 0, start_from: textOf(form, "start_from") });
      navigate(`/training-runs/${run.id}`);
    });
  }
  return (
    <Modal title={`Train on ${release.reference}`} onClose={close}>
      <form class="stack" onSubmit={submit}>
        <p class="dim">The gpu worker trains on {counted(release.splits.train, "image")} and measures on {counted(release.splits.test, "test image")}, which it never sees in training.</p>
        <div class="pair">
          <Field name="budget_seconds" label="Budget, seconds" problem={sending.problem} hint="What it has learned by then is kept">
            <input type="number" name="budget_seconds" min={1} max={604_800} defaultValue="120" required autoFocus />
          </Field>
          <Field name="seed" label="Seed" problem={sending.problem}>
            <input type="number" name="seed" min={0} max={2_147_483_647} defaultValue="0" required />
          </Field>
        </div>
        <Field name="start_from" label="Start from" problem={sending.problem} hint="What another model learned is kept where it fits; its last layer is made anew">
          <select name="start_from">
            <option value="">scratch</option>
            {(cards.value ?? []).map((card) => (
              <option key={card.id} value={card.id}>
                {card.name}, {wordsOf(card.task).title.toLowerCase()} (from {card.release})
              </option>
            ))}
          </select>
        </Field>
        <FormProblem problem={sending.problem} />
        <FormFoot sending={sending} verb="Train" doing="Ordering…" cancel={close} />
      </form>
    </Modal>
  );
}

function Models({ reference }: { reference: string }) {
  const reply = useReply(listModelCards, []);
  const mine = (reply.value ?? []).filter((card) => card.release === reference);
  if (mine.length === 0) return null;
  return (
    <Section title="Models trained on it">
      <ul class="tags">
        {mine.map((card) => (
          <li key={card.id}>
            <a href={`/models/${card.id}`}>{card.name}</a> <span class="dim">
              {measureWords(headlineOf(card)).label} {measure(card.measures[headlineOf(card)])}
            </span>
          </li>
        ))}
      </ul>
    </Section>
  );
}

/** How much of each class is in each split: what is rare, and what a test cannot tell. */
function ClassesTable({ ontology, classes, unit }: { ontology: Ontology; classes: Release["classes"]; unit: string }) {
  if (Object.keys(classes).length === 0) return <ClassChips ontology={ontology} />;
  return (
    <div class="table-scroll">
      <table class="tight-table">
        <thead>
          <tr>
            <th>Class, {unit}</th>
            {SPLITS.map((name) => (
              <th key={name} class="number">
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {ontology.names.map((name, i) => (
            <tr key={name}>
              <th scope="row" class="row-name">
                <i class="class-dot" style={{ background: classColour(i) }} aria-hidden="true" /> {name}
              </th>
              {SPLITS.map((split) => {
                const found = classes[name]?.[split] ?? 0;
                return (
                  <td key={split} class={found === 0 ? "number none" : "number"}>
                    {count(found)}
                  </td>
                );
              })}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Published({ release }: { release: Release }) {
  const { tracks, divisions } = release.counts;
  return (
    <>
      <section class="card" aria-label="What it holds">
        <div class="figures">
          <Figure value={count(release.counts.images)} label="images" />
          <Figure value={count(release.counts.cells)} label={wordsOf(release.task).thing[1]} />
          {tracks > 0 && release.task !== "tracking" && <Figure value={count(tracks)} label="tracks" />}
          {divisions > 0 && <Figure value={count(divisions)} label="divisions" />}
          <Figure value={count(release.counts.readings)} label="readings" />
          <Figure
            value={bytes(release.bytes ?? 0)}
            label="in all"
            note={release.parent && release.delta_bytes !== null ? <>+{bytes(release.delta_bytes)} since <a href={pageOfRelease(release.parent)}>{release.parent}</a></> : undefined}
          />
        </div>
        <PieceBar
          noun="image"
          pieces={[
            { name: "train", value: release.splits.train, tone: "accent" },
            { name: "validation", value: release.splits.validation, tone: "info" },
            { name: "test", value: release.splits.test, tone: "amber" },
          ]}
        />
        {release.ontology && <ClassesTable ontology={release.ontology} classes={release.classes} unit={release.task === "semantic_segmentation" ? "images" : wordsOf(release.task).thing[1]} />}
      </section>
      {release.parent && <ReleaseChanges release={release} />}
      <Images release={release} />
      <GetIt release={release} />
      <Trust release={release} />
      <Versions dataset={release.dataset} here={release.id} />
      {person.value && <Models reference={release.reference} />}
      {release.card && (
        <Section title="Card">
          <div class="card">
            <Markdown text={release.card} untitled />
          </div>
        </Section>
      )}
    </>
  );
}

const NO_RELEASE = { text: "The address has a slip, or only people of its lab see it, as they do of a draft. What is published is never removed without a word.", label: "See all releases", href: "/releases" };

function Lead({ release }: { release: Release }) {
  const licence = licenceUrl(release.licence);
  return (
    <>
      {release.published_at && `Published ${day(release.published_at)} · `}
      {licence ? <a href={licence}>{release.licence}</a> : release.licence}
      {release.parent && (
        <>
          {" · follows "}
          <a href={pageOfRelease(release.parent)}>{release.parent}</a>
        </>
      )}
    </>
  );
}

export default function ReleasePage({ params }: { params: Record<string, string> }) {
  const dataset = nameIn(params);
  const version = params["version"]!;
  const reply = useReply(() => getRelease(dataset, version), [dataset, version]);
  const [training, setTraining] = useState(may("curator") && query.value.has("train"));
  const [withdrawing, setWithdrawing] = useState(false);
  const [opening, setOpening] = useState(false);
  const held = reply.value?.state === "draft" && reply.value.held === true;
  const going = !held && (reply.value?.state === "draft" || reply.value?.state === "publishing");
  useEvery(1, going, () => void reply.reload());
  const place = reply.value?.place;
  useEffect(() => {
    // "draft" names another release, or none, once this one is published; and its id gives way to its version.
    if (reply.value && place && place !== version && !/^[\d.]+$/.test(version)) navigate(pageOf(reply.value) + window.location.search, "replace");
  }, [place, version]);
  if (reply.problem?.status === 410) return <Tombstone problem={reply.problem} dataset={dataset} />;
  return (
    <Pending reply={reply} skeleton="page" missing="No such release" instead={NO_RELEASE}>
      {(release) => (
        <>
          <PageHead
            title={release.title || release.reference}
            crumbs={[{ href: "/releases", label: "Releases" }]}
            badge={
              <>
                <span class="badge">
                  <code>{release.reference}</code>
                </span>
                {release.state !== "published" && <StateBadge state={release.state} />}
                <PrivateBadge release={release} />
              </>
            }
            lead={<Lead release={release} />}
          >
            {mayChange(release.dataset) && release.state === "published" && (
              <button type="button" class="button quiet" onClick={() => setWithdrawing(true)}>
                Withdraw
              </button>
            )}
            {mayChange(release.dataset) && release.state === "published" && !release.public && (
              <button type="button" class="button" onClick={() => setOpening(true)}>
                Open to anyone
              </button>
            )}
            {may("curator") && release.state === "published" && (
              <button type="button" class="button primary" onClick={() => setTraining(true)}>
                Train a model
              </button>
            )}
          </PageHead>
          {opening && <OpenForm release={release} close={() => setOpening(false)} done={() => (setOpening(false), void reply.reload())} />}
          {withdrawing && <WithdrawForm reference={release.reference} close={() => setWithdrawing(false)} done={() => (setWithdrawing(false), void reply.reload())} />}
          {training && release.state === "published" && <TrainForm release={release} close={() => setTraining(false)} />}
          {release.state === "published" ? (
            <Published release={release} />
          ) : release.state === "failed" ? (
            <Notice tone="bad" title="Publishing failed" text={release.error}>
              <a class="button" href={`/campaigns/${release.campaign}?publish`}>
                Publish again
              </a>
            </Notice>
          ) : held && mayChange(release.dataset) ? (
            <DraftReview release={release} changed={() => void reply.reload()} />
          ) : (
            <Spinner label="A worker seals images, labels and indexes, then publishes them all at once" />
          )}
        </>
      )}
    </Pending>
  );
}
