/** One dataset: its images in a grid, what they come from, and the ways to add more. */

import { useEffect, useState } from "preact/hooks";
import { getDataset, listImages, surveyDataset, type Page } from "../../session/catalogue";
import type { HubImage } from "../../api/types";
import { nameIn } from "../../session/names";
import { mayChange } from "../../session/people";
import { EmptyState } from "../feedback";
import { navigate, path, query } from "../router";
import { NewCampaignForm } from "./new-campaign-form";
import { ImportPanel } from "./dataset-import";
import { UploadPanel } from "./dataset-uploads";
import { Markdown } from "../markdown";
import { DatasetBadges } from "./parts/dataset-badges";
import { ClassChips } from "./parts/class-chips";
import { counted } from "./parts/figures";
import { PageHead, Section } from "./parts/page-head";
import { Pending } from "./parts/pending";
import { Picture } from "./parts/picture";
import { Versions } from "./parts/release-versions";
import { useReply } from "./parts/reply";
import { WhoSees } from "./parts/visibility";

function go(change: Record<string, string>): void {
  const next = new URLSearchParams(query.value);
  for (const [name, value] of Object.entries(change)) {
    if (value) next.set(name, value);
    else next.delete(name);
  }
  const text = next.toString();
  navigate(text ? `${path.value}?${text}` : path.value, "replace");
}

function Grid({ found }: { found: Page<HubImage> }) {
  return (
    <>
      <ul class="image-grid">
        {found.items.map((image) => (
          <li key={image.id}>
            <a href={`/images/${image.id}`} title={image.name}>
              <Picture src={image.preview_url} alt="" />
              <span class="image-name">{image.name}</span>
              <span class="dim small-text">
                {image.width} × {image.height}
                {image.stratum && ` · ${image.stratum}`}
              </span>
            </a>
          </li>
        ))}
      </ul>
      {found.pages > 1 && (
        <nav class="pager" aria-label="Pages of images">
          <button type="button" class="button small" disabled={found.page <= 1} onClick={() => go({ page: String(found.page - 1) })}>
            Previous
          </button>
          <span class="dim">
            page {found.page} of {found.pages}
          </span>
          <button type="button" class="button small" disabled={found.page >= found.pages} onClick={() => go({ page: String(found.page + 1) })}>
            Next
          </button>
        </nav>
      )}
    </>
  );
}

function Images({ name, version, total, strata }: { name: string; version: number; total: number; strata: readonly [string, number][] }) {
  const asked = query.value;
  const [search, setSearch] = useState(asked.get("search") ?? "");
  const stratum = asked.get("stratum") ?? "";
  const page = Math.max(1, Number(asked.get("page")) || 1);
  const kept = asked.get("search") ?? "";
  const reply = useReply(() => listImages({ dataset: name, search: kept, stratum }, page), [name, kept, stratum, page, version]);
  useEffect(() => {
    if (search === kept) return;
    const timer = setTimeout(() => go({ search, page: "" }), 250);
    return () => clearTimeout(timer);
  }, [search, kept]);
  const filtered = kept !== "" || stratum !== "";
  return (
    <Section title="Images" aside={<span class="dim">{reply.value ? counted(reply.value.count, "image") : ""}</span>}>
      {total > 0 && (
        <div class="filters">
          <input type="search" aria-label="Search names" placeholder="Search names" value={search} onInput={(event) => setSearch(event.currentTarget.value)} />
          {strata.length > 1 && (
            <div class="chips" role="group" aria-label="Stratum">
              <button type="button" aria-pressed={stratum === ""} onClick={() => go({ stratum: "", page: "" })}>
                All
              </button>
              {strata.slice(0, 12).map(([name, n]) => (
                <button key={name} type="button" aria-pressed={stratum === name} onClick={() => go({ stratum: name, page: "" })}>
                  {name} <span class="dim">{n}</span>
                </button>
              ))}
            </div>
          )}
        </div>
      )}
      <Pending reply={reply} skeleton="pictures" count={12}>
        {(found) =>
          found.items.length > 0 ? (
            <Grid found={found} />
          ) : filtered ? (
            <EmptyState title="No image fits" text="Nothing here has that name or stratum." action={{ label: "Show all", run: () => (setSearch(""), go({ search: "", stratum: "", page: "" })) }} />
          ) : (
            <EmptyState title="No images yet" text={mayChange(name) ? "Drop images above, or import an archive." : "A curator adds them."} />
          )
        }
      </Pending>
    </Section>
  );
}

export default function DatasetPage({ params }: { params: Record<string, string> }) {
  const name = nameIn(params);
  const [version, setVersion] = useState(0);
  const dataset = useReply(() => getDataset(name), [name, version]);
  const survey = useReply(() => surveyDataset(name), [name, version]);
  const [adding, setAdding] = useState<"" | "files" | "archive">("");
  const [campaign, setCampaign] = useState(mayChange(name) && query.value.has("campaign"));
  const changed = () => setVersion((before) => before + 1);
  const curator = mayChange(name);
  const empty = dataset.value?.images === 0;
  useEffect(() => {
    // Only opened, never closed by itself: the first image to arrive must not take the list of the others away.
    if (curator && empty) setAdding((before) => before || "files");
  }, [curator, empty]);
  return (
    <Pending reply={dataset} skeleton="page" missing="No such dataset">
      {(found) => {
        return (
          <>
            <PageHead title={found.title} crumbs={[{ href: "/datasets", label: "Datasets" }]} badge={<DatasetBadges dataset={found} />}>
              {curator && (
                <>
                  <button type="button" class="button" aria-pressed={adding === "files"} onClick={() => setAdding(adding === "files" && !empty ? "" : "files")}>
                    Upload images
                  </button>
                  <button type="button" class="button" aria-pressed={adding === "archive"} onClick={() => setAdding(adding === "archive" ? "" : "archive")}>
                    Import archive
                  </button>
                  {found.images > 0 && (
                    <button type="button" class="button primary" onClick={() => setCampaign(true)}>
                      New campaign
                    </button>
                  )}
                </>
              )}
            </PageHead>
            {campaign && <NewCampaignForm dataset={found} close={() => setCampaign(false)} />}
            {found.description && <Markdown text={found.description} />}
            {found.ontology && <ClassChips ontology={found.ontology} />}
            {adding === "files" && <UploadPanel dataset={name} sources={survey.value?.sources ?? []} stored={changed} />}
            {adding === "archive" && <ImportPanel dataset={name} imported={changed} />}
            <Images name={name} version={version} total={found.images} strata={survey.value?.strata ?? []} />
            <Versions key={found.visibility} dataset={name} title="Releases" />
            {survey.value && survey.value.sources.length > 0 && (
              <Section title="Sources" aside={<span class="dim">{counted(found.sources, "source")}; images of one never straddle a split</span>}>
                {found.sources === found.images ? (
                  <p class="dim">Every image is a source of its own.</p>
                ) : (
                  <ul class="tags">
                    {survey.value.sources.slice(0, 40).map(([name, n]) => (
                      <li key={name}>
                        {name} <span class="dim">{n}</span>
                      </li>
                    ))}
                    {found.sources > 40 && <li class="dim">and {found.sources - 40} more</li>}
                  </ul>
                )}
              </Section>
            )}
            <WhoSees dataset={found} changed={changed} />
          </>
        );
      }}
    </Pending>
  );
}
