/** Releases, newest first: published ones, and for curators drafts. */

import type { ReleaseSummary } from "../../api/types";
import { listReleases, pageOf } from "../../session/releases";
import { may } from "../../session/people";
import { EmptyState } from "../feedback";
import { wordsOf } from "../task-words";
import { Digest } from "../copy";
import { bytes, counted, day } from "./parts/figures";
import { PrivateBadge } from "./parts/opening";
import { PageHead } from "./parts/page-head";
import { Pending } from "./parts/pending";
import { useEvery, useReply } from "./parts/reply";
import { StateBadge } from "./parts/state-badge";

/** What a published release holds, what it took since the one before, and its identity. */
function Holds({ release }: { release: ReleaseSummary }) {
  const grown = release.parent !== null;
  return (
    <>
      <span class="stack tight">
        <span>
          {counted(release.counts.images, "image")}, {counted(release.counts.cells, ...wordsOf(release.task).thing)}
        </span>
        <span class="dim small-text">
          {release.splits.train} train · {release.splits.validation} validation · {release.splits.test} test
        </span>
      </span>
      <span class="stack tight">
        <span>{release.bytes ? bytes(release.bytes) : "–"}</span>
        {grown && release.delta_bytes !== null && <span class="dim small-text">+{bytes(release.delta_bytes)} since {release.parent}</span>}
      </span>
      <span class="stack tight">
        <Digest value={release.manifest_sha256} />
        <span class="dim small-text">{release.published_at ? day(release.published_at) : ""}</span>
      </span>
    </>
  );
}

function Row({ release }: { release: ReleaseSummary }) {
  return (
    <li class="release-row">
      <div class="stack tight">
        <span class="row">
          <a class="reference" href={pageOf(release)}>
            {release.reference}
          </a>
          {release.state !== "published" && <StateBadge state={release.state} />}
          {release.withdrawn && <span class="badge bad">withdrawn</span>}
          <PrivateBadge release={release} />
        </span>
        <span>{release.title}</span>
        {release.withdrawn && <span class="dim small-text">{release.withdrawn.reason}</span>}
        {release.error && <span class="form-problem small-text">{release.error}</span>}
      </div>
      {release.state === "published" ? <Holds release={release} /> : <span class="dim">{release.held ? "waits for a curator's look" : "not published"}</span>}
    </li>
  );
}

export default function Releases() {
  const reply = useReply(() => listReleases(), []);
  const pending = reply.value?.some((release) => (release.state === "draft" && !release.held) || release.state === "publishing") ?? false;
  useEvery(2, pending, () => void reply.reload());
  return (
    <>
      <PageHead title="Releases" lead="Never changed once published. A release is its manifest's hash: whoever has the hash has the data." />
      <Pending reply={reply} skeleton="rows">
        {(found) =>
          found.length === 0 ? (
            <EmptyState
              title="Nothing is published yet"
              text={may("curator") ? "Once the readings of an image agree, or an expert has settled them, its campaign can be published." : "Once a curator publishes what people have settled, it can be downloaded here."}
              {...(may("curator") ? { action: { label: "See campaigns", href: "/campaigns" } } : {})}
            />
          ) : (
            <ul class="plain card flush release-list">
              {found.map((release) => (
                <Row key={release.id} release={release} />
              ))}
            </ul>
          )
        }
      </Pending>
    </>
  );
}
