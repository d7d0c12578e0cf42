/** The images of a release, by split; each leads to where its labels come from. */

import { useState } from "preact/hooks";
import type { Release, ReleaseImage } from "../../../api/types";
import { pageOfImage, releaseImages } from "../../../session/releases";
import { wordsOf } from "../../task-words";
import { count, counted } from "./figures";
import { Section } from "./page-head";
import { Pending } from "./pending";
import { Picture } from "./picture";
import { useReply } from "./reply";

export const SPLITS = ["train", "validation", "test"] as const;

export function Images({ release }: { release: Release }) {
  const { dataset, place } = release;
  const [split, setSplit] = useState<(typeof SPLITS)[number]>("train");
  const [pages, setPages] = useState(1);
  const reply = useReply(async () => {
    const found: ReleaseImage[] = [];
    let total = 0;
    for (let page = 1; page <= pages; page++) {
      const part = await releaseImages(dataset, place, page);
      found.push(...part.items);
      total = part.count;
    }
    return { found, total };
  }, [dataset, place, pages]);
  return (
    <Section title="Images" id="images" aside={<span class="dim small-text">who read each, how, and its OME-Zarr by address</span>}>
      <div class="chips" role="group" aria-label="Split">
        {SPLITS.map((name) => (
          <button key={name} type="button" aria-pressed={split === name} onClick={() => setSplit(name)}>
            {name} <span class="dim">{count(release.splits[name])}</span>
          </button>
        ))}
      </div>
      <Pending reply={reply} skeleton="pictures" count={12}>
        {({ found, total }) => {
          const shown = found.filter((image) => image.split === split);
          return (
            <>
              {shown.length === 0 && <p class="dim">{release.splits[split] === 0 ? `No image is in ${split}.` : "Load more to see them."}</p>}
              <ul class="image-grid small">
                {shown.map((image) => (
                  <li key={image.image}>
                    <a href={pageOfImage(release, image.image)} title={image.name}>
                      <Picture src={image.preview_url} alt="" />
                      <span class="image-name">{image.name}</span>
                      <span class="dim small-text">
                        {counted(image.cells, ...wordsOf(release.task).thing)}
                        {image.stratum && ` · ${image.stratum}`}
                      </span>
                    </a>
                  </li>
                ))}
              </ul>
              {found.length < total && (
                <button type="button" class="button" onClick={() => setPages(pages + 1)}>
                  Load more ({count(total - found.length)} left)
                </button>
              )}
            </>
          );
        }}
      </Pending>
    </Section>
  );
}
