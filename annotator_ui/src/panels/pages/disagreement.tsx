/** Settle one disagreement: the place, what each option says, one key to choose, one to confirm, and the next. */

import { useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import { listOpen, prepare, settle, type Dispute } from "../../session/disagreements";
import { ProblemNotice } from "../feedback";
import { navigate, query } from "../router";
import { wordsOf } from "../task-words";
import type { Choice, DisputeForm, Still } from "./disputes/contract";
import { disputeKind } from "./disputes/registry";
import { CropCanvas } from "./parts/crop-canvas";
import { counted } from "./parts/figures";
import { useSending } from "./parts/form";
import { PageHead } from "./parts/page-head";
import { Pending } from "./parts/pending";
import { useReply } from "./parts/reply";

/** Keys of the choices that are chosen; none of them is "nothing". Null: not decided. */
type Chosen = readonly string[] | null;

function Pictures({ dispute, pictures }: { dispute: Dispute; pictures: readonly Still[] }) {
  const { crop } = dispute;
  // Two wide frames stand one above the other.
  const wide = crop.x1 - crop.x0 > 1.4 * (crop.y1 - crop.y0);
  return (
    <span class={pictures.length > 1 && !wide ? "crops several" : "crops"}>
      {pictures.map((still, i) => (
        <span key={i} class="crop-frame">
          <CropCanvas drawing={still} crop={dispute.crop} box={dispute.box} />
          {pictures.length > 1 && <small>{still.title}</small>}
        </span>
      ))}
    </span>
  );
}

function Option({ dispute, choice, number, chosen, choose }: { dispute: Dispute; choice: Choice; number: number; chosen: boolean; choose: () => void }) {
  return (
    <button type="button" class={choice.pictures.length > 0 ? "option" : "option worded"} aria-pressed={chosen} onClick={choose}>
      {choice.pictures.length > 0 && <Pictures dispute={dispute} pictures={choice.pictures} />}
      <span class="option-caption">
        {number <= 9 && <kbd>{number}</kbd>}
        {choice.colours.map((colour) => (
          <i key={colour} class="class-dot" style={{ background: colour }} aria-hidden="true" />
        ))}
        <strong>{choice.title}</strong>
        {/* Told only after the choice: a vote must not lead the eye. */}
        {chosen && <span class="dim">{choice.readings > 0 ? `${choice.pictures.length > 0 ? "seen" : "said"} by ${counted(choice.readings, "reader")}` : "no reader said so"}</span>}
      </span>
    </button>
  );
}

function useSettleKeys(form: DisputeForm, choose: (key: string) => void, nothing: () => void, confirm: () => void, skip: () => void): void {
  useLayoutEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if (event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
      if (event.target instanceof Element && event.target.closest("input, textarea, select, dialog")) return;
      if (/^[1-9]$/.test(event.key)) {
        const choice = form.choices[Number(event.key) - 1];
        if (choice) choose(choice.key);
      } else if (event.key === "0" && form.nothing !== null) nothing();
      else if (event.key === "Enter") {
        if (event.target instanceof Element && event.target.closest("a")) return;
        confirm();
      } else if (event.key === "s" || event.key === "S") skip();
      else return;
      event.preventDefault();
    };
    window.addEventListener("keydown", onKey);
    return () => window.removeEventListener("keydown", onKey);
  });
}

/** How many tiles stand beside one another; two frames of a movie want twice the room. */
function columnsOf(stills: number, choices: readonly Choice[]): { wide: number; middle: number } {
  const double = choices.some(({ pictures }) => pictures.length > 1);
  const tiles = (double ? 1 : stills) + choices.length;
  const wide = double ? Math.min(tiles, 3) : tiles <= 4 ? tiles : Math.ceil(tiles / 2);
  return { wide, middle: double ? Math.min(tiles, 2) : wide };
}

function Settling({ dispute, next, left }: { dispute: Dispute; next: string | null; left: number }) {
  const form = useMemo(() => disputeKind(dispute.task).form(dispute), [dispute]);
  const [chosen, setShown] = useState<Chosen>(null);
  // Enter may follow its digit before the page is drawn anew: what was chosen is known at once.
  const latest = useRef<Chosen>(null);
  const setChosen = (choice: Chosen) => {
    latest.current = choice;
    setShown(choice);
  };
  const choose = (key: string) => {
    const before = latest.current ?? [];
    if (!form.several) setChosen([key]);
    else if (before.includes(key)) setChosen(before.length > 1 ? before.filter((other) => other !== key) : null);
    else setChosen([...before, key]);
  };
  const nothing = () => setChosen([]);
  const sending = useSending();
  const over = dispute.state !== "open";
  const onward = () => {
    const campaign = query.value.get("campaign");
    const asked = campaign ? `?campaign=${encodeURIComponent(campaign)}` : "";
    navigate(next ? `/disagreements/${next}${asked}` : `/disagreements${asked}`, "replace");
  };
  const confirm = () => {
    const keys = latest.current;
    if (keys !== null && !over) void sending.run(() => settle(dispute.id, form.settlement(keys)).then(onward));
  };
  useSettleKeys(form, choose, nothing, confirm, onward);
  const { wide, middle } = columnsOf(form.stills.length, form.choices);
  const worded = form.choices.every(({ pictures }) => pictures.length === 0);
  const double = form.choices.some(({ pictures }) => pictures.length > 1);
  const buttons = form.choices.map((choice, i) => (
    <Option key={choice.key} dispute={dispute} choice={choice} number={i + 1} chosen={chosen?.includes(choice.key) ?? false} choose={() => choose(choice.key)} />
  ));
  const stills = (double ? [form.stills] : form.stills.map((still) => [still])).map((pictures, i) => (
    <figure key={i} class="option still">
      <Pictures dispute={dispute} pictures={pictures} />
      <figcaption class="option-caption">
        <strong>{pictures.length > 1 ? "The cell in question" : pictures[0]!.title}</strong>
      </figcaption>
    </figure>
  ));
  return (
    <>
      <PageHead
        title={form.question}
        crumbs={[{ href: "/disagreements", label: "Disagreements" }]}
        badge={<span class="badge">{wordsOf(dispute.task).title}</span>}
        lead={
          <>
            <a href={`/images/${dispute.image.id}`}>{dispute.image.name}</a> in <a href={`/campaigns/${dispute.campaign}`}>{dispute.campaign}</a>
            {left > 1 && ` · ${left} to settle`}
          </>
        }
      />
      {over && (
        <p>
          <span class="badge good">{dispute.state === "superseded" ? "asked anew since" : "settled already"}</span>
        </p>
      )}
      {worded ? (
        <div class="options words">
          {stills}
          <div class="word-choices" role="group" aria-label={form.question}>
            {buttons}
          </div>
        </div>
      ) : (
        <div class="options" style={{ "--wide": wide, "--middle": middle }}>
          {stills}
          {buttons}
        </div>
      )}
      {sending.problem && <ProblemNotice problem={sending.problem} {...(sending.problem.code === "wrong-state" ? { retry: onward } : {})} />}
      <footer class="settle-bar">
        <span class="dim keys-said">
          <kbd>1</kbd>
          {form.choices.length > 1 && (
            <>
              –<kbd>{Math.min(9, form.choices.length)}</kbd>
            </>
          )}{" "}
          {form.several ? "choose, several if need be" : "choose"}
          {form.nothing !== null && (
            <>
              {" "}
              <kbd>0</kbd> {form.nothing.toLowerCase()}
            </>
          )}{" "}
          <kbd>Enter</kbd> confirm <kbd>S</kbd> skip
        </span>
        <span class="row">
          {form.nothing !== null && (
            <button type="button" class="button nothing" aria-pressed={chosen?.length === 0} onClick={nothing}>
              <kbd>0</kbd> {form.nothing}
            </button>
          )}
          <button type="button" class="button quiet" onClick={onward}>
            {next ? "Skip" : "Back to the queue"}
          </button>
          <button type="button" class="button primary" disabled={chosen === null || sending.busy || over} onClick={confirm}>
            {sending.busy ? "Settling…" : chosen === null ? "Choose one" : "Confirm"}
          </button>
        </span>
      </footer>
    </>
  );
}

export default function DisagreementPage({ params }: { params: Record<string, string> }) {
  const id = params["id"]!;
  const campaign = query.value.get("campaign") ?? "";
  const dispute = useReply(() => prepare(id), [id]);
  const queue = useReply(() => listOpen(campaign), [id, campaign]);
  const waiting = queue.value?.open ?? [];
  const here = waiting.findIndex((row) => row.id === id);
  // After the last of the list come those that were skipped; then the queue's own page.
  const next = [...waiting.slice(here + 1), ...waiting.slice(0, Math.max(0, here))].find((row) => row.id !== id)?.id ?? null;
  useEffect(() => {
    // Failing ahead of time is no news: the page itself will ask again and say so.
    if (next && dispute.value) prepare(next).catch(() => undefined);
  }, [next, dispute.value]);
  return (
    <Pending reply={dispute} skeleton="page" missing="No such disagreement">
      {(value) => <Settling key={value.id} dispute={value} next={next} left={queue.value?.count ?? 0} />}
    </Pending>
  );
}
