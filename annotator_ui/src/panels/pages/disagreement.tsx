/** Settle one disagreement: the place, what each option says, one key to choose, one to confirm, and the next. */

import { useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import { outlines } from "../../labels/outlines";
import { listOpen, prepare, settle, type Choice, type Dispute } from "../../session/disagreements";
import { ProblemNotice } from "../feedback";
import { navigate, query } from "../router";
import { QUESTIONS } from "./disagreements";
import { CELL_COLOURS, CropCanvas, type Outline } from "./parts/crop-canvas";
import { counted } from "./parts/figures";
import { useSending } from "./parts/form";
import { PageHead } from "./parts/page-head";
import { Pending } from "./parts/pending";
import { useReply } from "./parts/reply";

/** What is chosen: an option's index, or that there is nothing. */
type Chosen = number | "nothing" | null;

function Tile(props: { dispute: Dispute; overlays: readonly Outline[]; title: string; keyName?: string; chosen?: boolean; note?: string; choose?: () => void }) {
  const { dispute, overlays, title, keyName, chosen, note, choose } = props;
  const picture = <CropCanvas rgba={dispute.rgba} crop={dispute.crop} box={dispute.box} outlines={overlays} />;
  const caption = (
    <span class="option-caption">
      {keyName && <kbd>{keyName}</kbd>}
      <strong>{title}</strong>
      {note && <span class="dim">{note}</span>}
    </span>
  );
  if (!choose)
    return (
      <figure class="option still">
        {picture}
        <figcaption>{caption}</figcaption>
      </figure>
    );
  return (
    <button type="button" class="option" aria-pressed={chosen} onClick={choose}>
      {picture}
      {caption}
    </button>
  );
}

function useSettleKeys(dispute: Dispute, choose: (chosen: Chosen) => void, confirm: () => void, skip: () => void): void {
  useLayoutEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if (event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
      if (event.target instanceof Element && event.target.closest("input, textarea, select, dialog")) return;
      if (/^[1-9]$/.test(event.key)) {
        const choice = dispute.choices[Number(event.key) - 1];
        if (choice) choose(choice.index);
      } else if (event.key === "0") choose("nothing");
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

function Settling({ dispute, next, left }: { dispute: Dispute; next: string | null; left: number }) {
  const [chosen, setShown] = useState<Chosen>(null);
  // Enter may follow its digit before the page is drawn anew: what was chosen is known at once.
  const latest = useRef<Chosen>(null);
  const setChosen = (choice: Chosen) => {
    latest.current = choice;
    setShown(choice);
  };
  const sending = useSending();
  const over = dispute.state !== "open";
  const around = useMemo((): Outline => {
    const { crop } = dispute;
    const sides = outlines(dispute.neighbours, crop.y1 - crop.y0, crop.x1 - crop.x0);
    return { sides, y: crop.y0, x: crop.x0, colours: ["rgb(255 255 255 / 0.4)"], width: 1 };
  }, [dispute]);
  const drawn = useMemo(
    () =>
      dispute.choices.map(({ labels }): readonly Outline[] => {
        const { box } = dispute;
        const sides = outlines(labels, box.y1 - box.y0, box.x1 - box.x0);
        return [around, { sides, y: box.y0, x: box.x0, colours: CELL_COLOURS, width: 2, shade: true }];
      }),
    [dispute, around],
  );
  const bare = useMemo(() => [], []);
  const onward = () => {
    const campaign = query.value.get("campaign");
    const asked = campaign ? `?campaign=${encodeURIComponent(campaign)}` : "";
    navigate(next ? `/disagreements/${next}${asked}` : `/disagreements${asked}`, "replace");
  };
  const confirm = () => {
    const choice = latest.current;
    if (choice !== null && !over) void sending.run(() => settle(dispute.id, choice === "nothing" ? null : choice).then(onward));
  };
  useSettleKeys(dispute, setChosen, confirm, onward);
  const read = (choice: Choice) => `seen by ${counted(choice.readings, "reader")}`;
  const tiles = dispute.choices.length + 1;
  return (
    <>
      <PageHead
        title={QUESTIONS[dispute.kind]}
        crumbs={[{ href: "/disagreements", label: "Disagreements" }]}
        lead={
          <>
            <a href={`/images/${dispute.image.id}`}>{dispute.image.name}</a> in <a href={`/campaigns/${dispute.campaign}`}>{dispute.campaign}</a>
            {left > 1 && ` · ${left} to settle`}
          </>
        }
      />
      {over && <p class="badge good">settled already</p>}
      <div class="options" style={{ "--wide": tiles <= 4 ? tiles : Math.ceil(tiles / 2), "--middle": tiles <= 4 ? tiles : Math.ceil(tiles / 2) }}>
        <Tile dispute={dispute} overlays={bare} title="The image" />
        {dispute.choices.map((choice, i) => (
          <Tile
            key={choice.index}
            dispute={dispute}
            overlays={drawn[i]!}
            title={choice.cells === 0 ? "No cell" : counted(choice.cells, "cell")}
            keyName={String(i + 1)}
            chosen={chosen === choice.index}
            // How many saw it is told only after the choice: a vote must not lead the eye.
            {...(chosen === choice.index ? { note: read(choice) } : {})}
            choose={() => setChosen(choice.index)}
          />
        ))}
      </div>
      {sending.problem && <ProblemNotice problem={sending.problem} {...(sending.problem.code === "wrong-state" ? { retry: onward } : {})} />}
      <footer class="settle-bar">
        <span class="dim keys-said">
          <kbd>1</kbd>–<kbd>{Math.min(9, dispute.choices.length)}</kbd> choose <kbd>0</kbd> no cell <kbd>Enter</kbd> confirm <kbd>S</kbd> skip
        </span>
        <span class="row">
          <button type="button" class="button nothing" aria-pressed={chosen === "nothing"} onClick={() => setChosen("nothing")}>
            <kbd>0</kbd> No cell here
          </button>
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
