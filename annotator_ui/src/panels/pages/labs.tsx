/** Labs: who owns datasets, and who belongs to them. */

import { useState } from "preact/hooks";
import type { Person } from "../../api/types";
import { addMember, listLabs, makeLab, removeMember, type LabWithMembers } from "../../session/labs";
import { listPeople } from "../../session/members";
import { may, person } from "../../session/people";
import { EmptyState } from "../feedback";
import { Modal } from "../modal";
import { counted } from "./parts/figures";
import { Field, FormFoot, FormProblem, textOf, TitleAndSlug, useSending } from "./parts/form";
import { PageHead, Section } from "./parts/page-head";
import { Pending } from "./parts/pending";
import { useReply } from "./parts/reply";

function NewLabForm({ close, made }: { close: () => void; made: () => void }) {
  const sending = useSending();
  function submit(event: SubmitEvent): void {
    event.preventDefault();
    const form = new FormData(event.currentTarget as HTMLFormElement);
    void sending.run(() => makeLab({ slug: textOf(form, "slug"), title: textOf(form, "title") })).then((went) => went && made());
  }
  return (
    <Modal title="New lab" onClose={close}>
      <form class="stack" onSubmit={submit}>
        <p class="dim">A lab owns datasets: its short name is the first half of theirs, for good. You belong to it from the start; take in the others afterwards.</p>
        <TitleAndSlug problem={sending.problem} place="" />
        <FormProblem problem={sending.problem} />
        <FormFoot sending={sending} verb="Make lab" doing="Making…" cancel={close} />
      </form>
    </Modal>
  );
}

/** Take somebody in: names of the hub's people are offered while one types. */
function AddMember({ lab, others, changed }: { lab: string; others: readonly Person[]; changed: () => void }) {
  const sending = useSending();
  function submit(event: SubmitEvent): void {
    event.preventDefault();
    const form = event.currentTarget as HTMLFormElement;
    const username = textOf(new FormData(form), "username");
    void sending.run(() => addMember(lab, username)).then((went) => {
      if (!went) return;
      form.reset();
      changed();
    });
  }
  const list = `people-beyond-${lab}`;
  return (
    <form class="stack tight" onSubmit={submit}>
      <div class="row low">
        <Field name="username" label="Take in somebody of this hub" problem={sending.problem}>
          <input name="username" list={list} required maxLength={150} autoCapitalize="none" autoComplete="off" spellcheck={false} placeholder="name they sign in with" />
        </Field>
        <button type="submit" class="button" disabled={sending.busy}>
          {sending.busy ? "Taking in…" : "Take in"}
        </button>
      </div>
      <datalist id={list}>
        {others.map((who) => (
          <option key={who.id} value={who.username}>
            {who.display_name}
          </option>
        ))}
      </datalist>
      <FormProblem problem={sending.problem} />
    </form>
  );
}

function Members({ found, everybody, changed }: { found: LabWithMembers; everybody: readonly Person[]; changed: () => void }) {
  const { lab, members } = found;
  const [leaving, setLeaving] = useState<Person | null>(null);
  const sending = useSending();
  const curator = may("curator");
  const inside = new Set(members.map((who) => who.id));
  return (
    <Section title={lab.title} aside={<code>{lab.slug}</code>}>
      <div class={members.length > 10 ? "table-scroll card flush tall" : "table-scroll card flush"} tabIndex={0} role="region" aria-label={`People of ${lab.title}`}>
        <table>
          <thead>
            <tr>
              <th>Person</th>
              <th>Role</th>
              {curator && <th aria-label="Let go" />}
            </tr>
          </thead>
          <tbody>
            {members.map((who) => (
              <tr key={who.id}>
                <td>
                  {who.display_name || who.username} {who.id === person.value?.id && <span class="badge">you</span>}
                </td>
                <td>{who.role}</td>
                {curator && (
                  <td>
                    <button type="button" class="button quiet small" aria-label={`Let ${who.username} go from ${lab.slug}`} onClick={() => setLeaving(who)}>
                      Let go
                    </button>
                  </td>
                )}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {curator && <AddMember lab={lab.slug} others={everybody.filter((who) => !inside.has(who.id))} changed={changed} />}
      {leaving && (
        <Modal title={`Let ${leaving.display_name || leaving.username} go from ${lab.title}?`} onClose={() => setLeaving(null)}>
          <form
            class="stack"
            onSubmit={(event) => {
              event.preventDefault();
              void sending.run(() => removeMember(lab.slug, leaving.username)).then((went) => went && (setLeaving(null), changed()));
            }}
          >
            <p class="dim">What only this lab sees is out of their sight at once. What they have read stays, and counts.</p>
            <FormProblem problem={sending.problem} />
            <FormFoot sending={sending} verb="Let go" doing="Letting go…" cancel={() => setLeaving(null)} />
          </form>
        </Modal>
      )}
    </Section>
  );
}

export default function Labs() {
  const curator = may("curator");
  const reply = useReply(async () => {
    const [labs, everybody] = await Promise.all([listLabs(), may("curator") ? listPeople() : Promise.resolve([])]);
    return { labs, everybody };
  }, []);
  const [making, setMaking] = useState(false);
  const changed = () => void reply.reload();
  return (
    <>
      <PageHead title="Labs" lead={reply.value ? `You belong to ${counted(reply.value.labs.length, "lab")}. A lab owns datasets; its curators run them.` : "Who owns datasets, and who belongs to them."}>
        {curator && (
          <button type="button" class="button primary" onClick={() => setMaking(true)}>
            New lab
          </button>
        )}
      </PageHead>
      {making && <NewLabForm close={() => setMaking(false)} made={() => (setMaking(false), changed())} />}
      <Pending reply={reply} skeleton="rows">
        {({ labs, everybody }) =>
          labs.length === 0 ? (
            <EmptyState
              title="You belong to no lab"
              text={curator ? "Make one, or ask a curator to take you in." : "A curator can take you in. You see what the whole hub sees meanwhile."}
              {...(curator ? { action: { label: "New lab", run: () => setMaking(true) } } : {})}
            />
          ) : (
            labs.map((found) => <Members key={found.lab.slug} found={found} everybody={everybody} changed={changed} />)
          )
        }
      </Pending>
    </>
  );
}
