/** New dataset, and new campaign over one. */

import { useState } from "preact/hooks";
import type { Problem } from "../../api/problem";
import type { Dataset, NewCampaign } from "../../api/types";
import { createCampaign, openCampaign } from "../../session/campaigns";
import { createDataset } from "../../session/catalogue";
import { Modal } from "../modal";
import { navigate } from "../router";
import { slugOf } from "./parts/figures";
import { Field, FormFoot, FormProblem, numberOf, textOf, useSending } from "./parts/form";

const LICENCES = ["CC0-1.0", "CC-BY-4.0", "CC-BY-SA-4.0", "CC-BY-NC-4.0", "ODbL-1.0"];

/** A title, and the slug that follows it until it is changed by hand. */
function TitleAndSlug({ start = "", problem, place }: { start?: string; problem: Problem | null; place: string }) {
  const [title, setTitle] = useState(start);
  const [slug, setSlug] = useState<string | null>(null);
  return (
    <>
      <Field name="title" label="Title" problem={problem}>
        <input name="title" required maxLength={200} value={title} onInput={(event) => setTitle(event.currentTarget.value)} autoFocus />
      </Field>
      <Field name="slug" label="Short name in addresses" problem={problem} hint={`${place}/${slug ?? slugOf(title)}`}>
        <input name="slug" required maxLength={64} pattern="[\-a-zA-Z0-9_]+" class="mono" value={slug ?? slugOf(title)} onInput={(event) => setSlug(event.currentTarget.value)} />
      </Field>
    </>
  );
}

export function NewDatasetForm({ close }: { close: () => void }) {
  const sending = useSending();
  function submit(event: SubmitEvent): void {
    event.preventDefault();
    const form = new FormData(event.currentTarget as HTMLFormElement);
    void sending.run(async () => {
      const dataset = await createDataset({
        slug: textOf(form, "slug"),
        title: textOf(form, "title"),
        description: textOf(form, "description"),
        licence: textOf(form, "licence"),
      });
      navigate(`/datasets/${dataset.slug}`);
    });
  }
  return (
    <Modal title="New dataset" onClose={close}>
      <form class="stack" onSubmit={submit}>
        <TitleAndSlug problem={sending.problem} place="/datasets" />
        <Field name="description" label="What it is" problem={sending.problem} hint="Organism, stain, microscope, why it was taken. Markdown; it goes onto every release's card.">
          <textarea name="description" rows={4} maxLength={20_000} />
        </Field>
        <Field name="licence" label="Licence" problem={sending.problem} hint="SPDX identifier">
          <input name="licence" list="licences" defaultValue="CC0-1.0" required maxLength={64} />
        </Field>
        <datalist id="licences">
          {LICENCES.map((licence) => (
            <option key={licence} value={licence} />
          ))}
        </datalist>
        <FormProblem problem={sending.problem} />
        <FormFoot sending={sending} verb="Make dataset" doing="Making…" cancel={close} />
      </form>
    </Modal>
  );
}

export function NewCampaignForm({ dataset, close }: { dataset: Dataset; close: () => void }) {
  const sending = useSending();
  function submit(event: SubmitEvent): void {
    event.preventDefault();
    const form = new FormData(event.currentTarget as HTMLFormElement);
    const body: NewCampaign = {
      slug: textOf(form, "slug"),
      title: textOf(form, "title"),
      dataset: dataset.slug,
      task: "instance_segmentation",
      guidelines: textOf(form, "guidelines"),
      readings_needed: numberOf(form, "readings_needed") ?? 3,
      lease_seconds: (numberOf(form, "lease_minutes") ?? 15) * 60,
    };
    void sending.run(async () => {
      const campaign = await createCampaign(body);
      if (form.get("open")) await openCampaign(campaign.slug);
      navigate(`/campaigns/${campaign.slug}`);
    });
  }
  return (
    <Modal title={`New campaign over ${dataset.title}`} onClose={close} wide>
      <form class="stack" onSubmit={submit}>
        <TitleAndSlug problem={sending.problem} place="/campaigns" />
        <Field name="guidelines" label="Guidelines for those who read" problem={sending.problem} hint="Markdown. Say what counts as a cell, and what to do in doubt.">
          <textarea name="guidelines" rows={6} maxLength={50_000} placeholder={"Outline **every nucleus**.\n\n- Touching nuclei are two cells.\n- Leave out debris."} />
        </Field>
        <div class="pair">
          <Field name="readings_needed" label="Readings of each image" problem={sending.problem} hint="By different people, blind to one another">
            <input type="number" name="readings_needed" min={1} max={100} defaultValue="3" required />
          </Field>
          <Field name="lease_seconds" label="Minutes an image is held for a person" problem={sending.problem} hint="Renewed while they work">
            <input type="number" name="lease_minutes" min={1} max={10_080} defaultValue="15" required />
          </Field>
        </div>
        <label class="check">
          <input type="checkbox" name="open" defaultChecked />
          Open it at once
        </label>
        <FormProblem problem={sending.problem} />
        <FormFoot sending={sending} verb="Make campaign" doing="Making…" cancel={close} />
      </form>
    </Modal>
  );
}
