/** Drop or pick images; each file shows how far it is, and what became of it. */

import { useMemo, useRef, useState } from "preact/hooks";
import type { ImageFormat, Received } from "../../api/types";
import { listFormats, sendImage } from "../../session/catalogue";
import { UploadQueue, type UploadRow } from "../../session/upload-queue";
import { Meter } from "./parts/bars";
import { bytes, counted, sentence } from "./parts/figures";
import { ended } from "./parts/import-words";
import { useReply } from "./parts/reply";

/** What the chooser of files offers: every ending of every format that the hub reads. */
export function endingsOf(formats: readonly ImageFormat[]): string {
  return formats.flatMap((format) => format.extensions).join(",");
}

/** "A", "A or B", "A, B or C". */
export function either(names: readonly string[]): string {
  return names.length < 2 ? names.join("") : `${names.slice(0, -1).join(", ")} or ${names[names.length - 1]}`;
}

/** The images of a file that came in, and those of it that did not. */
function Stored({ received }: { received: Received }) {
  const [first, ...others] = received.images;
  return (
    <>
      <span class="badge good">{others.length > 0 ? counted(received.images.length, "image") : "added"}</span>{" "}
      {first && others.length === 0 && <a href={`/images/${first.id}`}>look</a>}
      {received.refused.length > 0 && <span class="badge warn">{received.refused.length} not read</span>}
    </>
  );
}

function Row({ row, queue }: { row: UploadRow; queue: UploadQueue }) {
  const { state } = row;
  const stop = (
    <button type="button" class="button quiet small" onClick={() => queue.stop(row.key)}>
      Stop
    </button>
  );
  const again = (
    <button type="button" class="button small" onClick={() => queue.retry(row.key)}>
      Try again
    </button>
  );
  const problem = state.kind === "refused" || state.kind === "there" ? state.problem : null;
  const existing = problem?.document["image"];
  return (
    <li class={`upload ${state.kind}`}>
      <span class="upload-name" title={row.file.name}>
        {row.file.name}
      </span>
      <span class="dim small-text">{bytes(row.file.size)}</span>
      <span class="upload-state">
        {state.kind === "waiting" && <span class="dim">waiting {stop}</span>}
        {state.kind === "sending" && (
          <>
            <Meter part={state.share} whole={1} label={`Sending ${row.file.name}`} />
            {stop}
          </>
        )}
        {state.kind === "reading" && <span class="badge info">reading the file…</span>}
        {state.kind === "done" && (
          <Stored received={state.received} />
        )}
        {state.kind === "there" && (
          <>
            <span class="badge warn">already there</span> {typeof existing === "string" && <a href={`/images/${existing}`}>look</a>}
          </>
        )}
        {state.kind === "refused" && (
          <>
            <span class="badge bad">refused</span> {again}
          </>
        )}
        {state.kind === "stopped" && (
          <>
            <span class="badge">stopped</span> {again}
          </>
        )}
      </span>
      {problem && (
        <p class="upload-why" role="alert">
          {sentence(problem.message)}{" "}
          {/\.zip$/i.test(row.file.name) ? (
            <span class="dim">An archive goes by way of “Import archive” above.</span>
          ) : (
            problem.remedy && <span class="dim">{sentence(problem.remedy)}</span>
          )}
        </p>
      )}
      {state.kind === "done" && state.received.images.length > 1 && (
        <p class="upload-why parts">
          {state.received.images.slice(0, 24).map((image) => (
            <a key={image.id} href={`/images/${image.id}`}>
              {image.part}
            </a>
          ))}
          {state.received.images.length > 24 && <span class="dim">and {state.received.images.length - 24} more</span>}
        </p>
      )}
      {state.kind === "done" &&
        state.received.refused.map((part) => (
          <p key={part.name} class="upload-why" role="alert">
            {part.name}: {ended(part.reason)} {part.remedy && <span class="dim">{sentence(part.remedy)}</span>}
          </p>
        ))}
    </li>
  );
}

export function UploadPanel({ dataset, sources, stored }: { dataset: string; sources: readonly [string, number][]; stored: (received: Received) => void }) {
  const latest = useRef(stored);
  latest.current = stored;
  const queue = useMemo(() => new UploadQueue((received) => latest.current(received)), [dataset]);
  const formats = useReply(listFormats, []);
  const [over, setOver] = useState(false);
  const [source, setSource] = useState("");
  const [stratum, setStratum] = useState("");
  const rows = queue.rows.value;
  const take = (files: FileList | null | undefined) => {
    if (files?.length) queue.add([...files], (file, progress) => sendImage(dataset, file, source.trim(), stratum.trim(), progress));
  };
  const added = rows.filter((row) => row.state.kind === "done").length;
  return (
    <section class="card" aria-label="Upload images">
      <div class="pair">
        <label class="field">
          <span>Source</span>
          <input list="sources" value={source} maxLength={200} placeholder="donor, slide or experiment" onInput={(event) => setSource(event.currentTarget.value)} />
          <small class="dim">Images of one source never straddle train and test. Empty: each file is its own.</small>
        </label>
        <label class="field">
          <span>Stratum</span>
          <input value={stratum} maxLength={100} placeholder="fluorescence, bright field, …" onInput={(event) => setStratum(event.currentTarget.value)} />
          <small class="dim">A kind of image worth measuring apart.</small>
        </label>
      </div>
      <datalist id="sources">
        {sources.slice(0, 50).map(([name]) => (
          <option key={name} value={name} />
        ))}
      </datalist>
      <label
        class={over ? "drop over" : "drop"}
        onDragOver={(event) => {
          event.preventDefault();
          setOver(true);
        }}
        onDragLeave={() => setOver(false)}
        onDrop={(event) => {
          event.preventDefault();
          setOver(false);
          take(event.dataTransfer?.files);
        }}
      >
        <input
          type="file"
          multiple
          accept={endingsOf(formats.value ?? [])}
          onChange={(event) => {
            take(event.currentTarget.files);
            event.currentTarget.value = "";
          }}
        />
        <strong>Drop images here, or choose files</strong>
        {formats.value && (
          <span class="dim">{either(formats.value.map((format) => format.name))}; stacks, movies and files of several images too</span>
        )}
      </label>
      {rows.length > 0 && (
        <>
          <div class="row apart">
            <span class="dim">
              {added} of {counted(rows.length, "file")} added
            </span>
            <button type="button" class="button quiet small" onClick={() => queue.clear()}>
              Clear what is done
            </button>
          </div>
          <ul class="uploads">
            {rows.map((row) => (
              <Row key={row.key} row={row} queue={queue} />
            ))}
          </ul>
        </>
      )}
    </section>
  );
}
