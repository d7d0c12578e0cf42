/** The experts' queue. */

import type { DisagreementSummary } from "../../api/types";
import { listOpen } from "../../session/disagreements";
import { EmptyState } from "../feedback";
import { query } from "../router";
import { disputeKind } from "./disputes/registry";
import { counted } from "./parts/figures";
import { PageHead } from "./parts/page-head";
import { Pending } from "./parts/pending";
import { useReply } from "./parts/reply";

function Place({ row }: { row: DisagreementSummary }) {
  const { image, box } = row;
  const [y0, x0, y1, x1] = box as [number, number, number, number];
  const part = (value: number, whole: number) => `${(value / whole) * 100}%`;
  return (
    <a class="place" href={`/disagreements/${row.id}`}>
      <span class="place-picture">
        <span class="place-image" style={{ aspectRatio: `${image.width} / ${image.height}` }}>
          <img src={image.preview_url} alt="" loading="lazy" />
          <i style={{ top: part(y0, image.height), left: part(x0, image.width), height: part(y1 - y0, image.height), width: part(x1 - x0, image.width) }} />
        </span>
      </span>
      <strong>{disputeKind(row.task).question(row.kind)}</strong>
      <span class="dim small-text image-name">
        {image.name}
        {row.frame !== null && ` · frame ${row.frame + 1}`}
      </span>
    </a>
  );
}

export default function Disagreements() {
  const campaign = query.value.get("campaign") ?? "";
  const reply = useReply(() => listOpen(campaign), [campaign]);
  const first = reply.value?.open[0];
  return (
    <>
      <PageHead title="Disagreements" lead="Places where readers saw different things. Your eye decides, and the images move on.">
        {first && (
          <a class="button primary" href={`/disagreements/${first.id}${campaign ? `?campaign=${encodeURIComponent(campaign)}` : ""}`}>
            Start settling
          </a>
        )}
      </PageHead>
      <Pending reply={reply} skeleton="pictures" count={12}>
        {({ open, count }) =>
          open.length === 0 ? (
            <EmptyState
              title="Nothing is disputed"
              text="When enough people have read an image and see different things in it, the place comes here. Come back later, or read some images yourself."
              action={{ label: "See campaigns", href: "/campaigns" }}
              {...(campaign ? { second: { label: "All campaigns' disagreements", href: "/disagreements" } } : {})}
            />
          ) : (
            <>
              <p class="dim">
                {counted(count, "disagreement")} to settle{campaign && ` in ${campaign}`}
                {count > open.length && `; the first ${open.length} are shown`}
              </p>
              <div class="places">
                {open.map((row) => (
                  <Place key={row.id} row={row} />
                ))}
              </div>
            </>
          )
        }
      </Pending>
    </>
  );
}
