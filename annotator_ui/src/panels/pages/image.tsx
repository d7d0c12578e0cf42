/** One image: what it looks like and all that is known about it. */

import type { HubImage } from "../../api/types";
import { getImage } from "../../session/catalogue";
import { day } from "./parts/figures";
import { Digest } from "../copy";
import { Facts, PageHead } from "./parts/page-head";
import { Pending } from "./parts/pending";
import { Picture } from "./parts/picture";
import { useReply } from "./parts/reply";
import { StateBadge } from "./parts/state-badge";

function pixelSize({ pixel_size_um: size, width, height }: HubImage): string {
  if (size.y === null || size.x === null) return "unknown: the file does not say";
  const one = (value: number) => Number(value.toPrecision(4));
  const field = `field ${one(size.x * width)} × ${one(size.y * height)} µm`;
  const depth = size.z === null ? "" : ` × ${one(size.z)}`;
  return `${one(size.y)} × ${one(size.x)}${depth} µm (${field})`;
}

export default function ImagePage({ params }: { params: Record<string, string> }) {
  const id = params["id"]!;
  const reply = useReply(() => getImage(id), [id]);
  return (
    <Pending reply={reply} skeleton="page" missing="No such image">
      {(image) => (
        <>
          <PageHead
            title={<span class={image.name.length > 40 ? "break long" : "break"}>{image.name}</span>}
            crumbs={[
              { href: "/datasets", label: "Datasets" },
              { href: `/datasets/${image.dataset}`, label: image.dataset },
            ]}
            badge={image.state !== "ready" && <StateBadge state={image.state} />}
          />
          <div class="split-page">
            <div class="viewer">
              <Picture src={image.preview_url} alt={`Preview of ${image.name}`} fit="contain" lazy={false} />
            </div>
            <section class="card" aria-label="About this image">
              <Facts
                rows={[
                  ["Size", `${image.width} × ${image.height} pixels${image.depth > 1 ? `, ${image.depth} planes` : ""}${image.frames > 1 ? `, ${image.frames} frames` : ""}`],
                  ["Pixels", <code>{image.dtype}</code>],
                  ["Pixel size", pixelSize(image)],
                  [
                    image.channels.length === 1 ? "Channel" : `${image.channels.length} channels`,
                    <ul class="tags">
                      {image.channels.map((name, i) => (
                        <li key={i}>{name || `channel ${i + 1}`}</li>
                      ))}
                    </ul>,
                  ],
                  ["Source", image.source || "not stated"],
                  ["Stratum", image.stratum ? <a href={`/datasets/${image.dataset}?stratum=${encodeURIComponent(image.stratum)}`}>{image.stratum}</a> : "not stated"],
                  ["Added", day(image.created)],
                  ["Tree", <Digest value={image.tree} />],
                ]}
              />
              <p class="dim small-text">The tree's digest names every byte of this image's OME-Zarr. Relabelling does not move it.</p>
            </section>
          </div>
        </>
      )}
    </Pending>
  );
}
