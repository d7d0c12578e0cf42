/** Every campaign, with how far each is. */

import type { Campaign } from "../../api/types";
import { listCampaigns } from "../../session/campaigns";
import { may } from "../../session/people";
import { EmptyState } from "../feedback";
import { wordsOf } from "../task-words";
import { Meter, PieceBar } from "./parts/bars";
import { counted, outcome, percent } from "./parts/figures";
import { PageHead } from "./parts/page-head";
import { Pending } from "./parts/pending";
import { useReply } from "./parts/reply";
import { StateBadge } from "./parts/state-badge";

function Row({ campaign }: { campaign: Campaign }) {
  const { readings_done: done, readings_needed: needed, items } = campaign.progress;
  const parts = outcome(campaign.progress);
  return (
    <li class="card campaign-row">
      <div class="stack tight">
        <div class="row">
          <h2>
            <a href={`/campaigns/${campaign.name}`}>{campaign.title}</a>
          </h2>
          <StateBadge state={campaign.state} />
        </div>
        <p class="dim">
          {wordsOf(campaign.task).title}: {counted(items, "image")} of <a href={`/datasets/${campaign.dataset}`}>{campaign.dataset}</a>, {counted(campaign.readings_needed, "reading")} each
        </p>
      </div>
      <div class="stack loose">
        <p class="row apart small-text">
          <span class="dim">
            {done} of {counted(needed, "reading")}
          </span>
          <strong>{percent(done, needed)} %</strong>
        </p>
        <Meter part={done} whole={needed} label={`Readings of ${campaign.title}`} />
        <PieceBar
          noun="image"
          pieces={[
            { name: "settled", value: parts.settled, tone: "accent" },
            { name: "disputed", value: parts.disputed, tone: "amber" },
            { name: "waiting", value: parts.waiting, tone: "rest" },
          ]}
        />
      </div>
      <div class="row end">
        {campaign.state === "open" && (
          <a class="button primary" href={`/annotate/${campaign.name}`}>
            Annotate
          </a>
        )}
        <a class="button" href={`/campaigns/${campaign.name}`}>
          Details
        </a>
      </div>
    </li>
  );
}

export default function Campaigns() {
  const reply = useReply(listCampaigns, []);
  return (
    <>
      <PageHead title="Campaigns" lead="Images that people read, blind to one another, until enough readings make a consensus." />
      <Pending reply={reply} skeleton="rows" count={3}>
        {(found) =>
          found.length === 0 ? (
            <EmptyState
              title="No campaign yet"
              text={may("curator") ? "A campaign hands out the images of a dataset. Choose a dataset, then New campaign." : "A curator starts one over a dataset."}
              {...(may("curator") ? { action: { label: "Choose a dataset", href: "/datasets" } } : {})}
            />
          ) : (
            <ul class="plain stack">
              {found.map((campaign) => (
                <Row key={campaign.name} campaign={campaign} />
              ))}
            </ul>
          )
        }
      </Pending>
    </>
  );
}
