/** New dataset. */

import { createDataset } from "../../session/catalogue";
import { Modal } from "../modal";
import { navigate } from "../router";
import { Field, FormFoot, FormProblem, textOf, TitleAndSlug, useSending } from "./parts/form";

const LICENCES = ["CC0-1.0", "CC-BY-4.0", "CC-BY-SA-4.0", "CC-BY-NC-4.0", "ODbL-1.0"];

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
