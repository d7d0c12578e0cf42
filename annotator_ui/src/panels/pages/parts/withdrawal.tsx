/** A release that was taken back: asking for it, and what is said afterwards. */

import type { Problem } from "../../../api/problem";
import type { Withdrawal } from "../../../api/types";
import { withdrawRelease } from "../../../session/releases";
import { Notice } from "../../feedback";
import { Modal } from "../../modal";
import { day } from "./figures";
import { Field, FormFoot, FormProblem, textOf, useSending } from "./form";
import { PageHead } from "./page-head";
import { Versions } from "./release-versions";

/** Says why, and that there is no way back. */
export function WithdrawForm({ reference, close, done }: { reference: string; close: () => void; done: () => void }) {
  const sending = useSending();
  function submit(event: SubmitEvent): void {
    event.preventDefault();
    const form = new FormData(event.currentTarget as HTMLFormElement);
    void sending.run(() => withdrawRelease(reference, textOf(form, "reason"))).then((went) => went && done());
  }
  return (
    <Modal title={`Withdraw ${reference}`} onClose={close}>
      <form class="stack" onSubmit={submit}>
        <p class="dim">
          Nobody can download it any more, and its page says why. Its name is never used again, later releases stay, and models trained on it say so. This cannot be undone; copies that people
          have stay with them.
        </p>
        <Field name="reason" label="Reason, shown to anyone" problem={sending.problem}>
          <textarea name="reason" rows={3} maxLength={2000} required autoFocus />
        </Field>
        <FormProblem problem={sending.problem} />
        <FormFoot sending={sending} verb="Withdraw for good" doing="Withdrawing…" danger cancel={close} />
      </form>
    </Modal>
  );
}

/** The page of a withdrawn release, from the hub's 410. */
export function Tombstone({ problem, dataset }: { problem: Problem; dataset: string }) {
  const { reference, reason, withdrawn } = problem.document as { reference?: string; reason?: string; withdrawn?: string };
  return (
    <>
      <PageHead
        title={reference ?? dataset}
        crumbs={[{ href: "/releases", label: "Releases" }]}
        badge={<span class="badge bad">withdrawn</span>}
        lead={withdrawn ? `Withdrawn ${day(withdrawn)}` : "Withdrawn"}
      />
      <Notice tone="bad" title="This release was withdrawn" text={reason || problem.detail}>
        <p class="dim">Its name is never given to anything else, and its bytes are served no more. Whoever has a copy should stop using it.</p>
      </Notice>
      <Versions dataset={dataset} but={reference ?? ""} title="Other versions" />
    </>
  );
}

/** On the card of a model that learned from it. */
export function WithdrawnSource({ reference, withdrawn }: { reference: string; withdrawn: Withdrawal | null }) {
  if (!withdrawn) return null;
  return <Notice tone="bad" title={`${reference}, which it was trained on, was withdrawn ${day(withdrawn.created)}`} text={withdrawn.reason} />;
}
