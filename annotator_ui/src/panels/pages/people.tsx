/** The people of the hub: who is here, and inviting more. */

import { useState } from "preact/hooks";
import type { Person } from "../../api/types";
import { invite, listPeople, suggestPassword } from "../../session/members";
import { labs, person } from "../../session/people";
import { Notice } from "../feedback";
import { Modal } from "../modal";
import { CopyButton } from "../copy";
import { counted } from "./parts/figures";
import { Field, FormFoot, FormProblem, textOf, useSending } from "./parts/form";
import { PageHead } from "./parts/page-head";
import { Pending } from "./parts/pending";
import { useReply } from "./parts/reply";

const ROLES = [
  { role: "annotator", does: "reads images" },
  { role: "expert", does: "also settles disagreements" },
  { role: "curator", does: "also runs datasets, campaigns, releases and models" },
] as const;

interface Invited {
  readonly person: Person;
  readonly password: string;
}

function InviteForm({ close, invited }: { close: () => void; invited: (who: Invited) => void }) {
  const sending = useSending();
  const [password, setPassword] = useState(() => suggestPassword());
  function submit(event: SubmitEvent): void {
    event.preventDefault();
    const form = new FormData(event.currentTarget as HTMLFormElement);
    const role = ROLES.find((entry) => entry.role === textOf(form, "role"))!.role;
    void sending.run(async () => {
      const who = await invite({ username: textOf(form, "username"), password, role, display_name: textOf(form, "display_name"), lab: textOf(form, "lab") });
      invited({ person: who, password });
    });
  }
  return (
    <Modal title="Invite a person" onClose={close}>
      <form class="stack" onSubmit={submit} autoComplete="off">
        <Field name="username" label="Name to sign in with" problem={sending.problem}>
          <input name="username" required maxLength={150} pattern="[\w.@+\-]+" autoCapitalize="none" spellcheck={false} autoFocus />
        </Field>
        <Field name="display_name" label="Name as others see it" problem={sending.problem}>
          <input name="display_name" maxLength={120} />
        </Field>
        <Field name="role" label="Role" problem={sending.problem}>
          <select name="role">
            {ROLES.map(({ role, does }) => (
              <option key={role} value={role}>
                {role}: {does}
              </option>
            ))}
          </select>
        </Field>
        {labs.value.length > 1 && (
          <Field name="lab" label="Lab" problem={sending.problem} hint="They can be taken into others later, on the page of labs.">
            <select name="lab">
              {labs.value.map((lab) => (
                <option key={lab.slug} value={lab.slug}>
                  {lab.slug}: {lab.title}
                </option>
              ))}
            </select>
          </Field>
        )}
        <Field name="password" label="First password" problem={sending.problem} hint="Shown once more after you invite; hand it over yourself.">
          <input class="mono" value={password} required minLength={8} maxLength={128} autoComplete="off" onInput={(event) => setPassword(event.currentTarget.value)} />
        </Field>
        <FormProblem problem={sending.problem} />
        <FormFoot sending={sending} verb="Invite" doing="Inviting…" cancel={close} />
      </form>
    </Modal>
  );
}

export default function People() {
  const reply = useReply(listPeople, []);
  const [asking, setAsking] = useState(false);
  const [fresh, setFresh] = useState<Invited | null>(null);
  return (
    <>
      <PageHead title="People" lead={reply.value ? `${counted(reply.value.length, "person", "people")} on this hub.` : "Who is on this hub."}>
        <button type="button" class="button primary" onClick={() => setAsking(true)}>
          Invite
        </button>
      </PageHead>
      {asking && (
        <InviteForm
          close={() => setAsking(false)}
          invited={(who) => {
            setFresh(who);
            setAsking(false);
            void reply.reload();
          }}
        />
      )}
      {fresh && (
        <Notice tone="good" title={`${fresh.person.display_name || fresh.person.username} can sign in`}>
          <p>
            Name <code>{fresh.person.username}</code>, password <code>{fresh.password}</code>. The hub does not show it again.
          </p>
          <CopyButton text={`${window.location.origin}\nname: ${fresh.person.username}\npassword: ${fresh.password}`} label="Copy the invitation" />
        </Notice>
      )}
      <Pending reply={reply} skeleton="rows">
        {(people) => (
          <div class="table-scroll card flush">
            <table>
              <thead>
                <tr>
                  <th>Person</th>
                  <th>Signs in as</th>
                  <th>Role</th>
                </tr>
              </thead>
              <tbody>
                {people.map((who) => (
                  <tr key={who.id}>
                    <td>
                      <span class="row nowrap">
                        <span class="avatar" aria-hidden="true">
                          {(who.display_name || who.username).slice(0, 1).toUpperCase()}
                        </span>
                        {who.display_name || who.username}
                        {who.id === person.value?.id && <span class="badge">you</span>}
                      </span>
                    </td>
                    <td>
                      <code>{who.username}</code>
                    </td>
                    <td>
                      <span class={`badge ${who.role === "curator" ? "good" : who.role === "expert" ? "info" : ""}`}>{who.role}</span>
                    </td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
        )}
      </Pending>
    </>
  );
}
