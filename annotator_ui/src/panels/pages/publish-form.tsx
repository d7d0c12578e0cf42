/** Publish what a campaign has settled as the next release of its dataset. */

import { useState } from "preact/hooks";
import type { Campaign } from "../../api/types";
import { listReleases, pageOf, publishRelease } from "../../session/releases";
import { Modal } from "../modal";
import { navigate } from "../router";
import { PieceBar } from "./parts/bars";
import { counted } from "./parts/figures";
import { Field, FormFoot, FormProblem, numberOf, textOf, useSending } from "./parts/form";
import { useReply } from "./parts/reply";

// The usual ones for data, from the mildest to the strictest.
const LICENCES = ["CC0-1.0", "CC-BY-4.0", "ODC-By-1.0", "CC-BY-SA-4.0", "ODbL-1.0", "CC-BY-NC-4.0", "CC-BY-NC-SA-4.0", "CC-BY-ND-4.0", "CC-BY-NC-ND-4.0"] as const;

export function PublishForm({ campaign, close }: { campaign: Campaign; close: () => void }) {
  const sending = useSending();
  const [validation, setValidation] = useState(10);
  const [test, setTest] = useState(20);
  const [review, setReview] = useState(true);
  const train = 100 - validation - test;
  const before = useReply(() => listReleases(campaign.dataset), [campaign.dataset]);
  const last = before.value?.find((release) => release.state === "published" && release.task === campaign.task && !release.withdrawn);
  function submit(event: SubmitEvent): void {
    event.preventDefault();
    const form = new FormData(event.currentTarget as HTMLFormElement);
    const licence = textOf(form, "licence");
    void sending.run(async () => {
      const release = await publishRelease(campaign.dataset, {
        campaign: campaign.name,
        title: textOf(form, "title"),
        notes: textOf(form, "notes"),
        seed: numberOf(form, "seed") ?? 0,
        fractions: { train: train / 100, validation: validation / 100, test: test / 100 },
        ...(licence ? { licence } : {}),
        review: last !== undefined && review,
      });
      navigate(pageOf(release));
    });
  }
  const { settled, items } = campaign.progress;
  return (
    <Modal title={`Publish a release of ${campaign.dataset}`} onClose={close} wide>
      <form class="stack" onSubmit={submit}>
        <p class="dim">
          {counted(settled, "settled image")} of {items} go in{settled < items ? "; the others can follow in a later release" : ""}. What is published never changes.
        </p>
        <Field name="title" label="Title" problem={sending.problem} hint="Empty: the dataset's title">
          <input name="title" maxLength={200} autoFocus />
        </Field>
        <Field name="notes" label="What is new in this release" problem={sending.problem}>
          <textarea name="notes" rows={3} maxLength={20_000} />
        </Field>
        <fieldset class="stack tight">
          <legend>Splits, by source</legend>
          <PieceBar
            noun="%"
            plural="%"
            shares={false}
            pieces={[
              { name: "train", value: train, tone: "accent" },
              { name: "validation", value: validation, tone: "info" },
              { name: "test", value: test, tone: "amber" },
            ]}
          />
          <div class="pair">
            <label class="field">
              <span>Validation, %</span>
              <input type="range" min={5} max={30} value={validation} onInput={(event) => setValidation(event.currentTarget.valueAsNumber)} />
            </label>
            <label class="field">
              <span>Test, %</span>
              <input type="range" min={5} max={40} value={test} onInput={(event) => setTest(event.currentTarget.valueAsNumber)} />
            </label>
          </div>
          <small class="dim">Images of one source stay together, and what was once test stays test: the shares are met as nearly as that allows.</small>
        </fieldset>
        <div class="pair">
          <Field name="licence" label="Licence" problem={sending.problem} hint="Empty: the dataset's. What that asks for (attribution, no commercial use, sharing alike) this must ask for too">
            <input name="licence" maxLength={64} placeholder="CC-BY-4.0" list="licences" />
            <datalist id="licences">
              {LICENCES.map((spdx) => (
                <option key={spdx} value={spdx} />
              ))}
            </datalist>
          </Field>
          <Field name="seed" label="Seed of the split" problem={sending.problem}>
            <input type="number" name="seed" min={0} max={2_147_483_647} defaultValue="0" required />
          </Field>
        </div>
        {last && (
          <label class="check">
            <input type="checkbox" checked={review} onChange={(event) => setReview(event.currentTarget.checked)} />
            <span>
              Show me what changes since {last.reference} first <small class="dim">nothing is published until you say so</small>
            </span>
          </label>
        )}
        <FormProblem problem={sending.problem} />
        <FormFoot sending={sending} verb={last && review ? "Draft" : "Publish"} doing="Freezing…" cancel={close} />
      </form>
    </Modal>
  );
}
