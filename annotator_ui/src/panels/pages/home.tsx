/** Home: the campaigns that ask for readings. */

import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import type { Problem } from "../../api/problem";
import type { Campaign } from "../../api/types";
import { listCampaigns } from "../../session/campaigns";
import { EmptyState, ProblemNotice, Spinner } from "../feedback";

export default function Home() {
  const campaigns = useSignal<Campaign[] | null>(null);
  const problem = useSignal<Problem | null>(null);
  const load = () =>
    listCampaigns().then(
      (found) => (campaigns.value = found),
      (refused: Problem) => (problem.value = refused),
    );
  useEffect(() => void load(), []);
  if (problem.value) return <ProblemNotice problem={problem.value} retry={() => void load()} />;
  if (!campaigns.value) return <Spinner label="Loading campaigns" />;
  const open = campaigns.value.filter((campaign) => campaign.state === "open");
  if (open.length === 0) return <EmptyState title="No campaign is open" text="When a curator opens one, it is listed here." />;
  return (
    <>
      <h1>Campaigns</h1>
      <div class="grid">
        {open.map((campaign) => (
          <article class="card" key={campaign.slug}>
            <h2>{campaign.title}</h2>
            <p class="dim">
              {campaign.progress.readings_done} of {campaign.progress.readings_needed} readings
            </p>
            <a class="button primary" href={`/annotate/${campaign.slug}`}>
              Annotate
            </a>
          </article>
        ))}
      </div>
    </>
  );
}
