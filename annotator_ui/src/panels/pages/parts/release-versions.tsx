/** Every version of a dataset's releases, newest first, with what its number says has changed. */

import type { ReleaseSummary } from "../../../api/types";
import { listReleases, pageOf } from "../../../session/releases";
import { wordsOf } from "../../task-words";
import { counted, day } from "./figures";
import { Section } from "./page-head";
import { PrivateBadge } from "./opening";
import { Pending } from "./pending";
import { countsSince, levelOf, LEVELS } from "./release-words";
import { useReply } from "./reply";
import { StateBadge } from "./state-badge";

function Row({ release, all, here }: { release: ReleaseSummary; all: readonly ReleaseSummary[]; here: boolean }) {
  const before = all.find((other) => other.reference === release.parent);
  const level = levelOf(release.version, release.version ? release.parent : null);
  const { thing } = wordsOf(release.task);
  return (
    <tr aria-current={here ? "true" : undefined}>
      <th scope="row">
        <span class="row">
          {here ? <strong class="reference">{release.version || release.state}</strong> : <a class="reference" href={pageOf(release)}>{release.version || release.state}</a>}
          {release.state !== "published" && release.state !== "draft" && <StateBadge state={release.state} />}
          {release.withdrawn && <span class="badge bad">withdrawn</span>}
          <PrivateBadge release={release} />
        </span>
      </th>
      <td>
        {release.withdrawn ? (
          <span class="dim">{release.withdrawn.reason}</span>
        ) : level ? (
          <>
            <span class={`badge ${level === "major" ? "warn" : ""}`} title={LEVELS[level]}>
              {level}
            </span>{" "}
            {LEVELS[level]}
            {before && <small class="dim"> {countsSince(release, before, thing)}</small>}
          </>
        ) : release.version ? (
          "the first"
        ) : (
          <span class="dim">{release.held ? "not published: waits for a curator's look" : "not published"}</span>
        )}
        {release.notes && <small class="dim version-notes">{release.notes}</small>}
      </td>
      <td class="number">
        {release.version && (
          <>
            {counted(release.counts.images, "image")}
            <br />
            <small class="dim">{counted(release.counts.cells, ...thing)}</small>
          </>
        )}
      </td>
      <td class="number dim">{release.published_at ? day(release.published_at) : ""}</td>
    </tr>
  );
}

/** `here`: id of the release whose page this is. `but`: a reference that is told of already. */
export function Versions({ dataset, here = "", but = "", title = "Versions" }: { dataset: string; here?: string; but?: string; title?: string }) {
  const reply = useReply(() => listReleases(dataset), [dataset]);
  if (reply.value?.every((release) => release.reference === but)) return null;
  return (
    <Section title={title} id="versions">
      <Pending reply={reply} skeleton="rows" count={2}>
        {(found) => (
          <div class="card flush table-scroll" tabIndex={0} role="region" aria-label="Versions">
            <table class="versions">
              <thead>
                <tr>
                  <th>Version</th>
                  <th>What its number says</th>
                  <th class="number">Holds</th>
                  <th class="number">Published</th>
                </tr>
              </thead>
              <tbody>
                {found.filter((release) => release.reference !== but).map((release) => (
                  <Row key={release.id} release={release} all={found} here={release.id === here} />
                ))}
              </tbody>
            </table>
          </div>
        )}
      </Pending>
    </Section>
  );
}
