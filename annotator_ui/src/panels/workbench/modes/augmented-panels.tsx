/** What stands beside the pictures of the augmented mode: the question, its answer, and the marks. */

import { useEffect, useRef } from "preact/hooks";
import type { AssignmentSession } from "../../../session/assignment";
import { Notice, ProblemNotice, Spinner } from "../../feedback";
import type { Display } from "../display";
import { ANSWERS, ASKED, verdictOf, type Answering } from "./augmented-question";

/** `urged`: counts how often submitting was tried before answering. */
export function QuestionPanel({ session, answering, urged }: { session: AssignmentSession; answering: Answering; urged: number }) {
  const first = useRef<HTMLButtonElement>(null);
  useEffect(() => {
    if (urged > 0) first.current?.focus();
  }, [urged]);
  const question = session.question.value;
  if (question === null) return null;
  const stage = answering.stage.value;
  const answer = answering.answer.value;
  const verdict = verdictOf(question, answer, session.given.value);
  const said = ANSWERS[question].find(({ value }) => value === answer);
  return (
    <section class="panel question" aria-label="Question">
      <h3>Question</h3>
      {stage === "asking" && (
        <>
          <p class="asked">{ASKED[question]}</p>
          <div class="answers" role="group" aria-label={ASKED[question]}>
            {ANSWERS[question].map(({ value, key, label }, i) => (
              <button key={value} ref={i === 0 ? first : null} type="button" class="button wide" aria-keyshortcuts={key} onClick={() => answering.say(value)}>
                {label} <kbd>{key}</kbd>
              </button>
            ))}
          </div>
          {urged > 0 && (
            <p class="form-problem" role="alert">
              Answer this before you submit.
            </p>
          )}
          <p class="dim">Your first answer counts and cannot be changed, since you are then shown which is which. After that you mark what is wrong.</p>
        </>
      )}
      {stage === "revealing" && (
        <>
          <p>
            You said: <b>{said?.label ?? answer}</b>
          </p>
          {answering.problem.value ? (
            <ProblemNotice problem={answering.problem.value} retry={() => void answering.reveal()} />
          ) : (
            <Spinner label={session.line.durability.value.kind === "offline" ? "Kept on this device. The hub will tell which is which" : "Asking which is which"} />
          )}
        </>
      )}
      {stage === "marking" && verdict && (
        <div aria-live="polite">
          <Notice tone={verdict.tone} title={verdict.title} text={verdict.text} />
        </div>
      )}
    </section>
  );
}

function SelectedRegion({ session }: { session: AssignmentSession }) {
  const id = session.selected.value;
  void session.revision.value; // the area follows the edits
  if (id === null) return null;
  const area = session.editor.map.area(id);
  return (
    <div class="selected-cell">
      <span>
        Region <b>{id}</b> <span class="dim">{area.toLocaleString("en")} px</span>
      </span>
      <div class="row">
        <button type="button" class="button small" disabled={area === 0} onClick={() => session.deleteCell(id)}>
          Delete
        </button>
        <button type="button" class="button quiet small" onClick={() => (session.selected.value = null)}>
          Let go
        </button>
      </div>
    </div>
  );
}

/** `wanted`: what is to be marked, and on which picture. */
export function MarksPanel({ session, display, wanted }: { session: AssignmentSession; display: Display; wanted: string }) {
  const { labels, opacity, outlines } = display;
  const count = session.cellCount.value;
  return (
    <section class="panel" aria-label="Marks">
      <div class="row apart">
        <h3>Marked</h3>
        <span class="count" aria-live="polite">
          {count}
        </span>
      </div>
      <p class="dim">{wanted}</p>
      {count === 0 && <p class="dim">Nothing marked says that nothing is wrong.</p>}
      <SelectedRegion session={session} />
      <label class="slider">
        <span>Fill</span>
        <input type="range" min={0} max={1} step={0.02} value={opacity.value} onInput={(event) => (opacity.value = event.currentTarget.valueAsNumber)} />
        <output>{Math.round(opacity.value * 100)}%</output>
      </label>
      <div class="checks">
        <label class="check">
          <input type="checkbox" checked={labels.value} onChange={(event) => (labels.value = event.currentTarget.checked)} />
          Show marks <kbd>H</kbd>
        </label>
        <label class="check">
          <input type="checkbox" checked={outlines.value} onChange={(event) => (outlines.value = event.currentTarget.checked)} />
          Outlines <kbd>O</kbd>
        </label>
        <label class="check">
          <input type="checkbox" checked={session.fillCircled.value} onChange={(event) => (session.fillCircled.value = event.currentTarget.checked)} />
          Fill what I circle <kbd>C</kbd>
        </label>
      </div>
    </section>
  );
}
