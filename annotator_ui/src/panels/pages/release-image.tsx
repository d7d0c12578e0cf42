/** One image of a release: its picture, its OME-Zarrs by address, who read it under pseudonyms, what each cell rests on. */

import type { ReleaseImageDetail } from "../../api/types";
import { nameIn } from "../../session/names";
import { getRelease, getReleaseImage, pageOf } from "../../session/releases";
import { CodeBlock, Digest } from "../copy";
import { wordsOf } from "../task-words";
import { count, counted } from "./parts/figures";
import { methodWords } from "./parts/method-words";
import { Facts, PageHead, Section } from "./parts/page-head";
import { Pending } from "./parts/pending";
import { Picture } from "./parts/picture";
import { useReply } from "./parts/reply";
import { Tombstone } from "./parts/withdrawal";

function Readers({ image }: { image: ReleaseImageDetail }) {
  return (
    <ul class="plain stack tight">
      {image.readers.map((one) => (
        <li key={one.annotation}>
          <code>{one.reader}</code> <span class="dim">{one.unchanged ? "accepted a model's draft as it was" : one.from_prediction ? "corrected a model's draft" : "no draft"}</span>
        </li>
      ))}
    </ul>
  );
}

function Addresses({ image }: { image: ReleaseImageDetail }) {
  const hub = window.location.origin;
  const first = image.zarrs[0];
  const labels = image.zarrs.find((one) => one.name === "labels");
  if (!first) return null;
  return (
    <Section title="Open it by address" id="zarr" aside={<span class="dim small-text">OME-Zarr 0.5, any zarr reader</span>}>
      <div class="stack">
        {image.zarrs.map((one) => (
          <div class="stack tight" key={one.name}>
            <p class="dim small-text">{one.name}</p>
            <CodeBlock text={`${hub}${one.url}`} language="Address" />
          </div>
        ))}
        <div class="stack tight">
          <p class="dim small-text">In napari (with napari-ome-zarr), and in Python:</p>
          <CodeBlock text={`napari ${hub}${first.url}`} language="Shell" />
          <CodeBlock text={`import zarr\n${(labels ? [first, labels] : [first]).map((one) => `${one.name} = zarr.open_group("${hub}${one.url}", mode="r")["0"]`).join("\n")}`} language="Python" />
        </div>
      </div>
    </Section>
  );
}

function Cells({ image, thing }: { image: ReleaseImageDetail; thing: readonly [string, string] }) {
  if (image.cell_count === 0) return null;
  const classed = image.cells.some((cell) => cell.classes.length > 0);
  return (
    <Section title={`What each ${thing[0]} rests on`} id="cells" aside={<span class="dim small-text">least agreed first</span>}>
      <div class="card flush table-scroll tall" tabIndex={0} role="region" aria-label={`${counted(image.cell_count, ...thing)}`}>
        <table>
          <thead>
            <tr>
              <th class="number">{thing[0][0]!.toUpperCase() + thing[0].slice(1)}</th>
              {classed && <th>Class</th>}
              <th class="number">Area, pixels</th>
              <th class="number">Agreement</th>
              <th>Read so by</th>
            </tr>
          </thead>
          <tbody>
            {image.cells.map((cell) => (
              <tr key={cell.cell}>
                <td class="number">{cell.cell}</td>
                {classed && <td>{cell.classes.join(", ")}</td>}
                <td class="number">{count(cell.area)}</td>
                <td class="number">{cell.agreement === null ? "–" : cell.agreement.toFixed(2)}</td>
                <td>
                  {cell.readers.map((reader) => (
                    <code key={reader} class="reader">
                      {reader}
                    </code>
                  ))}
                  {cell.decided && <span class="badge info">an expert decided</span>}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {image.cell_count > image.cells.length && (
        <p class="dim small-text">
          {count(image.cell_count - image.cells.length)} more are in cells.parquet of the release.
        </p>
      )}
    </Section>
  );
}

export default function ReleaseImagePage({ params }: { params: Record<string, string> }) {
  const dataset = nameIn(params);
  const version = params["version"]!;
  const id = params["image"]!;
  const release = useReply(() => getRelease(dataset, version), [dataset, version]);
  const reply = useReply(() => getReleaseImage(dataset, version, id), [dataset, version, id]);
  if (reply.problem?.status === 410) return <Tombstone problem={reply.problem} dataset={dataset} />;
  const thing = release.value ? wordsOf(release.value.task).thing : (["cell", "cells"] as const);
  return (
    <Pending reply={reply} skeleton="page" missing="No such image in this release" instead={{ text: "The address has a slip, or another version holds it.", label: "See the release", href: `/releases/${dataset}/${version}` }}>
      {(image) => (
        <>
          <PageHead
            title={<span class={image.name.length > 40 ? "break long" : "break"}>{image.name}</span>}
            crumbs={[
              { href: "/releases", label: "Releases" },
              { href: release.value ? pageOf(release.value) : `/releases/${dataset}/${version}`, label: release.value?.reference ?? `${dataset}@${version}` },
            ]}
            badge={<span class="badge">{image.split}</span>}
          />
          <div class="split-page">
            <div class="viewer">
              <Picture src={image.preview_url} alt={`Preview of ${image.name}`} fit="contain" lazy={false} />
            </div>
            <section class="card" aria-label="Where its labels come from">
              <Facts
                rows={[
                  ["Holds", counted(image.cell_count, ...thing)],
                  ["Fused by", methodWords(image.method)],
                  [`${counted(image.readers.length, "reading")} by`, <Readers image={image} />],
                  ["Decisions of an expert", count(image.adjudications)],
                  ["Prediction", image.prediction ? <Digest value={image.prediction} /> : "none: no model was asked"],
                  ["Split", `${image.split}, with all images of source ${image.source}`],
                  ["Size", `${image.width} × ${image.height} pixels`],
                  [image.channels.length === 1 ? "Channel" : "Channels", image.channels.map((name, i) => name || `channel ${i + 1}`).join(", ")],
                  ["Stratum", image.stratum || "not stated"],
                ]}
              />
              <p class="dim small-text">Readers have the same pseudonym in every release of this dataset, another in each dataset, and no name.</p>
            </section>
          </div>
          <Cells image={image} thing={thing} />
          <Addresses image={image} />
        </>
      )}
    </Pending>
  );
}
