/** New dataset. */

import { useState } from "preact/hooks";
import { createDataset } from "../../session/catalogue";
import { labs } from "../../session/people";
import { Modal } from "../modal";
import { navigate } from "../router";
import { Field, FormFoot, FormProblem, textOf, TitleAndSlug, useSending } from "./parts/form";

const LICENCES = ["CC0-1.0", "CC-BY-4.0", "CC-BY-SA-4.0", "CC-BY-NC-4.0", "ODbL-1.0"];

export function NewDatasetForm({ close }: { close: () => void }) {
  const sending = useSending();
  const [lab, setLab] = useState(labs.value[0]?.slug ?? "");
  function submit(event: SubmitEvent): void {
    event.preventDefault();
    const form = new FormData(event.currentTarget as HTMLFormElement);
    void sending.run(async () => {
      const dataset = await createDataset({
        lab,
        slug: textOf(form, "slug"),
        visibility: form.get("visibility") === "lab" ? "lab" : "hub",
        title: textOf(form, "title"),
        description: textOf(form, "description"),
        licence: textOf(form, "licence"),
      });
      navigate(`/datasets/${dataset.name}`);
    });
  }
  return (
    <Modal title="New dataset" onClose={close}>
      <form class="stack" onSubmit={submit}>
        <TitleAndSlug problem={sending.problem} place={lab} />
        {labs.value.length > 1 && (
          <Field name="lab" label="Lab that owns it" problem={sending.problem} hint="Its curators run it; the lab is part of its name.">
            <select name="lab" value={lab} onChange={(event) => setLab(event.currentTarget.value)}>
              {labs.value.map((one) => (
                <option key={one.slug} value={one.slug}>
                  {one.slug}: {one.title}
                </option>
              ))}
            </select>
          </Field>
        )}
        <Field name="visibility" label="Who sees it" problem={sending.problem} hint="With all that comes of it. What is the lab's own can be shown to the hub later; back to the lab goes only what was never published.">
          <select name="visibility">
            <option value="hub">everybody here; releases are public</option>
            <option value="lab">only people of {lab || "its lab"}</option>
          </select>
        </Field>
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
