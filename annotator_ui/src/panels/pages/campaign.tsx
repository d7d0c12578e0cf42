/** One campaign: how far it is, what it asks, and what a curator does next with it. */

import { useState } from "preact/hooks";
import type { Campaign } from "../../api/types";
import { closeCampaign, getCampaign, listConsensus, openCampaign } from "../../session/campaigns";
import { previewOf } from "../../session/catalogue";
import { nameIn } from "../../session/names";
import { may, mayChange } from "../../session/people";
import { query } from "../router";
import { DraftsPanel } from "./campaign-drafts";
import { PreferencesPanel } from "./campaign-preferences";
import { RoundsPanel } from "./campaign-rounds";
import { Markdown } from "../markdown";
import { wordsOf } from "../task-words";
import { Meter, PieceBar } from "./parts/bars";
import { ClassChips } from "./parts/class-chips";
import { count, counted, duration, outcome, percent } from "./parts/figures";
import { FormProblem, useSending } from "./parts/form";
import { Facts, Figure, PageHead, Section } from "./parts/page-head";
import { Pending } from "./parts/pending";
import { Picture } from "./parts/picture";
import { useEvery, useReply } from "./parts/reply";
import { StateBadge } from "./parts/state-badge";
import { PublishForm } from "./publish-form";

function ProgressCard({ campaign }: { campaign: Campaign }) {
  const { readings_done: done, readings_needed: needed, items } = campaign.progress;
  const parts = outcome(campaign.progress);
  return (
    <section class="card" aria-label="Progress">
      <div class="figures">
        <Figure value={`${percent(done, needed)} %`} label="of readings" note={`${count(done)} of ${count(needed)}`} />
        <Figure value={count(items)} label={items === 1 ? "image" : "images"} note={`${counted(campaign.readings_needed, "reading")} each`} />
        <Figure value={count(parts.settled)} label="settled" />
        <Figure value={count(parts.disputed)} label="disputed" note={parts.disputed > 0 && may("expert") ? <a href={`/disagreements?campaign=${campaign.name}`}>settle them</a> : undefined} />
      </div>
      <Meter part={done} whole={needed} label="Readings" />
      <PieceBar
        noun="image"
        pieces={[
          { name: "settled", value: parts.settled, tone: "accent" },
          { name: "disputed", value: parts.disputed, tone: "amber" },
          { name: "waiting for readings", value: parts.waiting, tone: "rest" },
        ]}
      />
    </section>
  );
}

function ConsensusPanel({ campaign }: { campaign: Campaign }) {
  const reply = useReply(() => listConsensus(campaign.name), [campaign.name, campaign.progress.settled, campaign.progress.disputed]);
  if (campaign.progress.settled + campaign.progress.disputed === 0) return null;
  return (
    <Section title="Consensus" aside={<span class="dim">least agreed first</span>}>
      <Pending reply={reply} skeleton="pictures">
        {(found) => (
          <ul class="image-grid small">
            {[...found]
              .sort((a, b) => a.agreement - b.agreement)
              .slice(0, 24)
              .map((row) => (
                <li key={row.id}>
                  <a href={`/images/${row.image}`}>
                    <Picture src={previewOf(row.image)} alt="" />
                    <span class="row apart">
                      <span>{counted(row.cells, ...wordsOf(campaign.task).thing)}</span>
                      {row.state === "disputed" && <StateBadge state="disputed" />}
                    </span>
                    <span class="dim small-text">agreement {row.agreement.toFixed(2)}</span>
                  </a>
                </li>
              ))}
          </ul>
        )}
      </Pending>
    </Section>
  );
}

export default function CampaignPage({ params }: { params: Record<string, string> }) {
  const name = nameIn(params);
  const reply = useReply(() => getCampaign(name), [name]);
  const sending = useSending();
  const [publishing, setPublishing] = useState(mayChange(nameIn(params)) && query.value.has("publish"));
  const [drafted, setDrafted] = useState(0);
  useEvery(10, reply.value?.state === "open", () => void reply.reload());
  const turn = (work: (name: string) => Promise<Campaign>) => void sending.run(async () => reply.put(await work(name)));
  const curator = mayChange(name);
  return (
    <Pending reply={reply} skeleton="page" missing="No such campaign">
      {(campaign) => (
        <>
          <PageHead
            title={campaign.title}
            crumbs={[
              { href: "/campaigns", label: "Campaigns" },
              { href: `/datasets/${campaign.dataset}`, label: campaign.dataset },
            ]}
            badge={<StateBadge state={campaign.state} />}
          >
            {curator &&
              (campaign.state === "open" ? (
                <button type="button" class="button" disabled={sending.busy} onClick={() => turn(closeCampaign)}>
                  Close
                </button>
              ) : (
                <button type="button" class={campaign.state === "draft" ? "button primary" : "button"} disabled={sending.busy} onClick={() => turn(openCampaign)}>
                  {campaign.state === "draft" ? "Open" : "Open again"}
                </button>
              ))}
            {curator && (
              <button type="button" class="button" disabled={campaign.progress.settled === 0} onClick={() => setPublishing(true)} title={campaign.progress.settled === 0 ? "Nothing is settled yet" : ""}>
                Publish release
              </button>
            )}
            {campaign.state === "open" && (
              <a class="button primary" href={`/annotate/${name}`}>
                Annotate
              </a>
            )}
          </PageHead>
          <FormProblem problem={sending.problem} />
          {publishing && <PublishForm campaign={campaign} close={() => setPublishing(false)} />}
          <div class="split-page">
            <ProgressCard campaign={campaign} />
            <section class="card" aria-label="Policy">
              <Facts
                rows={[
                  [
                    "Task",
                    <>
                      {wordsOf(campaign.task).title}
                      <br />
                      <small class="dim">{wordsOf(campaign.task).asks}</small>
                    </>,
                  ],
                  ...(campaign.ontology ? [["Classes", <ClassChips ontology={campaign.ontology} />] as const] : []),
                  ["Readings of each image", count(campaign.readings_needed)],
                  ["An image is held for", duration(campaign.lease_seconds)],
                ]}
              />
            </section>
          </div>
          {campaign.guidelines && (
            <Section title="Guidelines">
              <div class="card">
                <Markdown text={campaign.guidelines} />
              </div>
            </Section>
          )}
          {curator && <DraftsPanel campaign={campaign} finished={() => setDrafted((before) => before + 1)} />}
          {curator && <RoundsPanel campaign={campaign} drafted={drafted} />}
          {may("expert") && campaign.task === "augmented" && <PreferencesPanel campaign={campaign} />}
          {may("expert") && <ConsensusPanel campaign={campaign} />}
        </>
      )}
    </Pending>
  );
}
