/** Who sees a dataset: said at the foot of its page, and changed there with all that it means. */

import { useState } from "preact/hooks";
import type { Dataset, VisibilityChange } from "../../../api/types";
import { changeVisibility, weighVisibility } from "../../../session/catalogue";
import { mayChange } from "../../../session/people";
import { Modal } from "../../modal";
import { FormFoot, FormProblem, useSending } from "./form";
import { Section } from "./page-head";
import { useReply } from "./reply";
import { becomesVisible, isOpened } from "./visibility-words";

function Means({ change, lab }: { change: VisibilityChange; lab: string }) {
  if (change.to === "lab") {
    return <p class="dim">Only people of {lab} see it from then on, with its images and campaigns. Others who are reading one of its images cannot hand it in any more; what they have handed in stays, and counts.</p>;
  }
  return (
    <>
      <p>{becomesVisible(change)}</p>
      {change.opens.length > 0 && (
        <>
          <p>{isOpened(change.opens.length)}</p>
          <ul class="tags reference-list">
            {change.opens.map((reference) => (
              <li key={reference}>
                <code>{reference}</code>
              </li>
            ))}
          </ul>
        </>
      )}
      {change.withdrawn.length > 0 && <p class="dim">Anybody can read why {change.withdrawn.join(", ")} {change.withdrawn.length === 1 ? "was" : "were"} withdrawn, too.</p>}
      <p class="dim">{change.opens.length + change.withdrawn.length > 0 ? "There is no way back: copies that people have stay with them." : "It can be taken back for as long as nothing of it is published."}</p>
    </>
  );
}

function ChangeForm({ dataset, change, reload, close, done }: { dataset: Dataset; change: VisibilityChange; reload: () => Promise<void>; close: () => void; done: () => void }) {
  const sending = useSending();
  const verb = change.to === "lab" ? "Keep it to the lab" : change.opens.length > 0 ? "Show it for good" : "Show it";
  return (
    <Modal title={change.to === "hub" ? `Show ${dataset.name} to the whole hub` : `Keep ${dataset.name} to ${dataset.lab}`} onClose={close}>
      <form
        class="stack"
        onSubmit={(event) => {
          event.preventDefault();
          void sending.run(() => changeVisibility(dataset.name, change)).then((went) => (went ? done() : void reload()));
        }}
      >
        <Means change={change} lab={dataset.lab} />
        <FormProblem problem={sending.problem} />
        <FormFoot sending={sending} verb={verb} doing="Changing…" danger={change.opens.length > 0} cancel={close} />
      </form>
    </Modal>
  );
}

export function WhoSees({ dataset, changed }: { dataset: Dataset; changed: () => void }) {
  const [asking, setAsking] = useState(false);
  const hidden = dataset.visibility === "lab";
  const own = mayChange(dataset.name);
  const reply = useReply(() => (own ? weighVisibility(dataset.name) : Promise.resolve(null)), [dataset.name, dataset.visibility, own]);
  const change = reply.value;
  const ask = () => {
    setAsking(true);
    void reply.reload();
  };
  return (
    <Section title="Who sees it" id="who-sees-it">
      <div class="row apart who-sees">
        <span class="dim">{hidden ? `Only people of ${dataset.lab}, with its campaigns, models and releases. A release can be opened to anyone by itself.` : "Everybody of this hub; its releases are public."}</span>
        {change && !change.refused && (
          <button type="button" class="button" onClick={ask}>
            {hidden ? "Show it to the whole hub" : `Keep it to ${dataset.lab}`}
          </button>
        )}
      </div>
      {change?.refused && (
        <p class="dim small-text">
          {hidden ? "It cannot be shown to the whole hub yet: " : `It stays so: `}
          {change.refused}. {change.remedy}
        </p>
      )}
      {asking && change && <ChangeForm dataset={dataset} change={change} reload={reply.reload} close={() => setAsking(false)} done={() => (setAsking(false), changed())} />}
    </Section>
  );
}
