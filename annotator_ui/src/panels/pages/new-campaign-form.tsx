/** New campaign over a dataset: what is asked of people, in which classes, how many of them. */

import { useRef, useState } from "preact/hooks";
import { asProblem, type Problem } from "../../api/problem";
import type { Dataset, NewCampaign, TaskName } from "../../api/types";
import { createCampaign, openCampaign } from "../../session/campaigns";
import { ProblemNotice } from "../feedback";
import { Modal } from "../modal";
import { navigate } from "../router";
import { TASKS, wordsOf, type TaskWords } from "../task-words";
import { classesProblem, ontologyOf } from "./parts/classes";
import { ClassesEditor, type Classes } from "./parts/classes-editor";
import { Field, FormFoot, FormProblem, numberOf, textOf, TitleAndSlug, useSending } from "./parts/form";

function TaskChooser({ task, choose, problem }: { task: TaskName; choose: (task: TaskName) => void; problem: Problem | null }) {
  return (
    <fieldset class="stack tight">
      <legend>What is asked of people</legend>
      <div class="task-choices">
        {TASKS.map((words) => (
          <label key={words.name} class="task-choice">
            <input type="radio" name="task" value={words.name} checked={task === words.name} onChange={() => choose(words.name)} />
            <span>
              <strong>{words.title}</strong>
              <small class="dim">{words.asks}</small>
            </span>
          </label>
        ))}
      </div>
      {wordsOf(task).needs && <small class="dim">{wordsOf(task).needs}</small>}
      {problem?.errors["task"] && <small class="form-problem">{problem.errors["task"].join(" ")}</small>}
    </fieldset>
  );
}

/** One class is no question, except where it may also be absent. */
function leastClasses(words: TaskWords, multi: boolean): number {
  return words.classes === "none" ? 0 : words.classes === "any" && !multi ? 2 : 1;
}

/** A dataset whose import stated classes is most likely asked for them. */
function likelyTask(dataset: Dataset): TaskName {
  return dataset.ontology ? "classification" : "instance_segmentation";
}

export function NewCampaignForm({ dataset, close }: { dataset: Dataset; close: () => void }) {
  const sending = useSending();
  const stated = dataset.ontology;
  const [task, setTask] = useState<TaskName>(() => likelyTask(dataset));
  const [classes, setClasses] = useState<Classes>({ rows: stated?.names ?? [""], ordinal: stated?.ordinal ?? false, multi: stated?.multi ?? false });
  const [checked, setChecked] = useState(false);
  const made = useRef<string | null>(null);
  const [unopened, setUnopened] = useState<Problem | null>(null);
  const words = wordsOf(task);
  const asked = words.classes !== "none";
  const kinds = words.classes === "any";
  const wrong = asked ? classesProblem(classes.rows, leastClasses(words, kinds && classes.multi)) : "";
  const refused = sending.problem?.errors["ontology"]?.join(" ") ?? "";
  async function openMade(name: string): Promise<void> {
    try {
      await openCampaign(name);
      navigate(`/campaigns/${name}`);
    } catch (error) {
      setUnopened(asProblem(error)); // it is there as a draft: to send the form again would only say that it exists
    }
  }
  function submit(event: SubmitEvent): void {
    event.preventDefault();
    setChecked(true);
    if (wrong) return;
    const form = new FormData(event.currentTarget as HTMLFormElement);
    const body: NewCampaign = {
      slug: textOf(form, "slug"),
      title: textOf(form, "title"),
      dataset: dataset.name,
      task,
      ...(asked ? { ontology: ontologyOf(classes.rows, kinds && classes.ordinal, kinds && classes.multi) } : {}),
      guidelines: textOf(form, "guidelines"),
      readings_needed: numberOf(form, "readings_needed") ?? 3,
      lease_seconds: (numberOf(form, "lease_minutes") ?? 15) * 60,
    };
    const open = form.get("open") !== null;
    void sending.run(async () => {
      made.current = (await createCampaign(body)).name;
      if (open) await openMade(made.current);
      else navigate(`/campaigns/${made.current}`);
    });
  }
  if (unopened && made.current)
    return (
      <Modal title="The campaign is made, but is not open yet" onClose={close} wide>
        <ProblemNotice problem={unopened} retry={() => void openMade(made.current!)} />
        <p class="dim">It is kept as a draft. What is missing can be imported into {dataset.title}; then open it on its page.</p>
        <div class="form-foot">
          <a class="button primary" href={`/campaigns/${made.current}`}>
            Go to the campaign
          </a>
        </div>
      </Modal>
    );
  return (
    <Modal title={`New campaign over ${dataset.title}`} onClose={close} wide>
      <form class="stack" onSubmit={submit}>
        <TitleAndSlug problem={sending.problem} place={dataset.lab} />
        <TaskChooser task={task} choose={setTask} problem={sending.problem} />
        {asked && <ClassesEditor classes={classes} change={setClasses} kinds={kinds} problem={refused || (checked ? wrong : "")} prefilled={stated !== null} />}
        <Field name="guidelines" label="Guidelines for those who read" problem={sending.problem} hint="Markdown. Say what counts, and what to do in doubt.">
          <textarea name="guidelines" rows={5} maxLength={50_000} placeholder={words.example} />
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
