/** Home: what there is to read; for curators the whole wheel and what would move it on. */

import type { Campaign } from "../../api/types";
import { listCampaigns, myPart, type MyPart } from "../../session/campaigns";
import { listImages } from "../../session/catalogue";
import { listOpen } from "../../session/disagreements";
import { may, person } from "../../session/people";
import { EmptyState } from "../feedback";
import { wordsOf } from "../task-words";
import { Meter } from "./parts/bars";
import { ago, counted, percent } from "./parts/figures";
import { PageHead, Section } from "./parts/page-head";
import { Pending } from "./parts/pending";
import { Picture } from "./parts/picture";
import { useReply } from "./parts/reply";
import { WheelView } from "./wheel";

interface Invitation {
  readonly campaign: Campaign;
  readonly mine: MyPart;
  readonly preview: string | null;
}

async function invitations(): Promise<Invitation[]> {
  const open = (await listCampaigns()).filter((campaign) => campaign.state === "open");
  return Promise.all(
    open.map(async (campaign) => {
      const [mine, images] = await Promise.all([myPart(campaign.name), listImages({ dataset: campaign.dataset, search: "", stratum: "" }, 1, 1)]);
      return { campaign, mine, preview: (mine.held ?? mine.recent[0])?.image.preview_url ?? images.items[0]?.preview_url ?? null };
    }),
  );
}

function Card({ campaign, mine, preview }: Invitation) {
  const { readings_done: done, readings_needed: needed } = campaign.progress;
  const full = done >= needed;
  return (
    <article class="card tile invitation">
      {preview && <Picture src={preview} alt="" />}
      <div class="tile-body">
        <h3>
          <a href={`/campaigns/${campaign.name}`}>{campaign.title}</a>
        </h3>
        <p class="dim small-text">{wordsOf(campaign.task).asks}</p>
        <div class="stack tight">
          <Meter part={done} whole={needed} label={`Readings of ${campaign.title}`} />
          <p class="dim small-text row apart">
            <span>
              {done} of {counted(needed, "reading")}
            </span>
            <span>{percent(done, needed)} %</span>
          </p>
        </div>
        <p class="mine">
          {mine.submitted > 0 ? (
            <>
              You read <strong>{counted(mine.submitted, "image")}</strong>
              {mine.recent[0] && <span class="dim"> · last {ago(mine.recent[0].created)}</span>}
            </>
          ) : (
            <span class="dim">You have not begun here yet.</span>
          )}
        </p>
        <div class="row">
          <a class={full && !mine.held ? "button" : "button primary"} href={`/annotate/${campaign.name}`} aria-label={`${mine.held ? "Go on" : "Annotate"}: ${campaign.title}`}>
            {mine.held ? "Go on" : "Annotate"}
          </a>
          {mine.held && <span class="badge info">an image is waiting for you</span>}
          {full && !mine.held && <span class="badge good">all read</span>}
        </div>
      </div>
    </article>
  );
}

function Invitations() {
  const reply = useReply(invitations, []);
  return (
    <Pending reply={reply} skeleton="cards" count={3}>
      {(found) =>
        found.length === 0 ? (
          <EmptyState
            title="Nothing to annotate just now"
            text={may("curator") ? "Open a campaign over a dataset, and its images are handed out here." : "When a curator opens a campaign, it appears here. Nothing is missing on your side."}
            {...(may("curator") ? { action: { label: "See campaigns", href: "/campaigns" } } : {})}
          />
        ) : (
          <div class="grid wide">
            {found.map((invitation) => (
              <Card key={invitation.campaign.name} {...invitation} />
            ))}
          </div>
        )
      }
    </Pending>
  );
}

/** For experts: what waits for their decision. */
function Waiting() {
  const reply = useReply(() => listOpen(), []);
  const count = reply.value?.count ?? 0;
  if (count === 0) return null;
  return (
    <a class="callout" href="/disagreements">
      <strong>{counted(count, "disagreement")}</strong>
      <span class="dim">Readers saw different things, and images wait for your eye.</span>
      <span class="button primary">Settle</span>
    </a>
  );
}

export default function Home() {
  const who = person.value!;
  const name = (who.display_name || who.username).split(" ")[0];
  return (
    <>
      <PageHead title={`Hello, ${name}`} lead={may("curator") ? undefined : "Pick a campaign. Images come to you one by one, and your work is saved as you draw."} />
      {may("expert") && !may("curator") && <Waiting />}
      {may("curator") && <WheelView />}
      <Section title="Open to annotate">
        <Invitations />
      </Section>
    </>
  );
}
