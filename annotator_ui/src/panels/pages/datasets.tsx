/** Every dataset of the hub. */

import { useState } from "preact/hooks";
import type { Dataset } from "../../api/types";
import { listDatasets, listImages } from "../../session/catalogue";
import { may } from "../../session/people";
import { EmptyState } from "../feedback";
import { query } from "../router";
import { NewDatasetForm } from "./new-dataset-form";
import { counted } from "./parts/figures";
import { PageHead } from "./parts/page-head";
import { Pending } from "./parts/pending";
import { Picture } from "./parts/picture";
import { useReply } from "./parts/reply";

interface Shelf {
  readonly dataset: Dataset;
  readonly previews: readonly string[];
}

async function shelves(): Promise<Shelf[]> {
  return Promise.all(
    (await listDatasets()).map(async (dataset) => {
      const first = dataset.images ? await listImages({ dataset: dataset.name, search: "", stratum: "" }, 1, 4) : null;
      return { dataset, previews: first?.items.map((image) => image.preview_url) ?? [] };
    }),
  );
}

export default function Datasets() {
  const reply = useReply(shelves, []);
  const [making, setMaking] = useState(may("curator") && query.value.has("new"));
  const curator = may("curator");
  return (
    <>
      <PageHead title="Datasets" lead="Living collections of images. What is published from them stays as it was.">
        {curator && (reply.value === null || reply.value.length > 0) && (
          <button type="button" class="button primary" onClick={() => setMaking(true)}>
            New dataset
          </button>
        )}
      </PageHead>
      {making && <NewDatasetForm close={() => setMaking(false)} />}
      <Pending reply={reply} skeleton="cards">
        {(found) =>
          found.length === 0 ? (
            <EmptyState
              title="No dataset yet"
              text={curator ? "Make one, then drop images into it." : "A curator makes the first one; then its images are shown here."}
              {...(curator ? { action: { label: "New dataset", run: () => setMaking(true) } } : {})}
            />
          ) : (
            <div class="grid wide">
              {found.map(({ dataset, previews }) => (
                <a key={dataset.name} class="card tile" href={`/datasets/${dataset.name}`}>
                  <div class="quartet" data-count={previews.length}>
                    {previews.length ? previews.map((src) => <Picture key={src} src={src} alt="" />) : <span class="dim">no images yet</span>}
                  </div>
                  <div class="tile-body">
                    <h2>{dataset.title}</h2>
                    <p class="dim small-text">
                      <code>{dataset.name}</code>
                    </p>
                    {dataset.description && <p class="dim clamp">{dataset.description}</p>}
                    <p class="row small-text">
                      <span class="badge">{counted(dataset.images, "image")}</span>
                      <span class="badge">{counted(dataset.sources, "source")}</span>
                      <span class="badge">{dataset.licence}</span>
                      {dataset.visibility === "lab" && <span class="badge info">only {dataset.lab}</span>}
                    </p>
                  </div>
                </a>
              ))}
            </div>
          )
        }
      </Pending>
    </>
  );
}
