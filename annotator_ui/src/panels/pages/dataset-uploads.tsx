/** Drop or pick images; each file shows how far it is, and what became of it. */

import { useMemo, useRef, useState } from "preact/hooks";
import type { HubUpload, ImageFormat, UploadSummary } from "../../api/types";
import { abandonUpload, listFormats, listUnfinished, sendImage } from "../../session/catalogue";
import { closedStores } from "../../session/store-reach";
import { GOING, UploadQueue, type UploadRow } from "../../session/upload-queue";
import { Meter } from "./parts/bars";
import { ago, bytes, counted, sentence } from "./parts/figures";
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

/** What a file became: its images, and those of it that did not come in. */
function Stored({ upload }: { upload: HubUpload }) {
  const [first, ...others] = upload.images;
  return (
    <>
      <span class={upload.already_there ? "badge warn" : "badge good"}>
        {upload.already_there ? "already there" : others.length > 0 ? counted(upload.images.length, "image") : "added"}
      </span>{" "}
      {first && others.length === 0 && <a href={`/images/${first.id}`}>look</a>}
      {upload.refused.length > 0 && <span class="badge warn">{upload.refused.length} not read</span>}
    </>
  );
}

function Button({ what, name, act }: { what: string; name: string; act: () => void }) {
  return (
    <button type="button" class="button quiet small" aria-label={`${what} ${name}`} onClick={act}>
      {what}
    </button>
  );
}

function Row({ row, queue }: { row: UploadRow; queue: UploadQueue }) {
  const { state } = row;
  const { name } = row.file;
  const cancel = <Button what="Cancel" name={name} act={() => queue.cancel(row.key)} />;
  const again = <Button what="Try again" name={name} act={() => queue.retry(row.key)} />;
  const problem = state.kind === "refused" ? state.problem : null;
  const existing = problem?.document["image"];
  return (
    <li class={`upload ${state.kind}`}>
      <span class="upload-name" title={name}>
        {name}
      </span>
      <span class="dim small-text">{bytes(row.file.size)}</span>
      <span class="upload-state">
        {state.kind === "waiting" && <span class="dim">waiting {cancel}</span>}
        {state.kind === "hashing" && (
          <>
            <Meter part={state.share} whole={1} label={`Reading ${name}`} />
            {cancel}
          </>
        )}
        {(state.kind === "sending" || state.kind === "paused" || state.kind === "offline") && (
          <>
            {state.kind === "offline" && <span class="badge warn">no answer, trying again</span>}
            <Meter part={state.share} whole={1} label={`Sending ${name}`} />
            {state.kind === "paused" ? (
              <Button what="Go on" name={name} act={() => queue.resume(row.key)} />
            ) : (
              <Button what="Pause" name={name} act={() => queue.pause(row.key)} />
            )}
            {cancel}
          </>
        )}
        {state.kind === "reading" && <span class="badge info">the hub reads it…</span>}
        {state.kind === "done" && <Stored upload={state.upload} />}
        {state.kind === "refused" && (
          <>
            <span class="badge bad">refused</span> {typeof existing === "string" ? <a href={`/images/${existing}`}>look</a> : again}
          </>
        )}
        {state.kind === "stopped" && (
          <>
            <span class="badge">cancelled</span> {again}
          </>
        )}
      </span>
      {problem && (
        <p class="upload-why" role="alert">
          {sentence(problem.message)}{" "}
          {/\.zip$/i.test(name) ? (
            <span class="dim">An archive goes by way of “Import archive” above.</span>
          ) : (
            problem.remedy && <span class="dim">{sentence(problem.remedy)}</span>
          )}
        </p>
      )}
      {state.kind === "done" && state.upload.images.length > 1 && (
        <p class="upload-why parts">
          {state.upload.images.slice(0, 24).map((image) => (
            <a key={image.id} href={`/images/${image.id}`}>
              {image.part}
            </a>
          ))}
          {state.upload.images.length > 24 && <span class="dim">and {state.upload.images.length - 24} more</span>}
        </p>
      )}
      {state.kind === "done" &&
        state.upload.refused.map((part) => (
          <p key={part.name} class="upload-why" role="alert">
            {part.name}: {ended(part.reason)} {part.remedy && <span class="dim">{sentence(part.remedy)}</span>}
          </p>
        ))}
    </li>
  );
}

/** Said where parts should go straight to a bucket, and this browser cannot send them there. */
export function Detour() {
  const closed = closedStores.value;
  if (closed.length === 0) return null;
  return (
    <p class="dim" role="status">
      This browser cannot send to the bucket at {closed.join(", ")}: files go by way of the hub. Who runs the hub can mend that, with a CORS rule of
      the bucket or in the network.
    </p>
  );
}

/** What was begun here or elsewhere and not finished: the hub has the parts, the browser needs the file again. */
export function Unfinished({ dataset, purpose, busy }: { dataset: string; purpose: UploadSummary["purpose"]; busy: readonly string[] }) {
  const reply = useReply(() => listUnfinished(dataset), [dataset]);
  const rows = (reply.value ?? []).filter((row) => row.purpose === purpose && !busy.includes(row.name));
  if (rows.length === 0) return null;
  return (
    <div class="stack" role="group" aria-label="Not finished">
      <p class="dim">Begun and not finished. Choose the same file again, and only what is missing is sent.</p>
      <ul class="uploads">
        {rows.map((row) => (
          <li key={row.id} class="upload stopped">
            <span class="upload-name">{row.name}</span>
            <span class="dim small-text">
              {bytes(row.size)} · {ago(row.created)}
            </span>
            <span class="upload-state">
              <Button what="Forget" name={row.name} act={() => void abandonUpload(row.id).then(() => reply.reload())} />
            </span>
          </li>
        ))}
      </ul>
    </div>
  );
}

export function UploadPanel({ dataset, sources, stored }: { dataset: string; sources: readonly [string, number][]; stored: (upload: HubUpload) => void }) {
  const latest = useRef(stored);
  latest.current = stored;
  const queue = useMemo(() => new UploadQueue((upload) => latest.current(upload)), [dataset]);
  const formats = useReply(listFormats, []);
  const [over, setOver] = useState(false);
  const [source, setSource] = useState("");
  const [stratum, setStratum] = useState("");
  const rows = queue.rows.value;
  const take = (files: FileList | null | undefined) => {
    if (files?.length) queue.add([...files], (file, tell) => sendImage(dataset, file, source.trim(), stratum.trim(), tell));
  };
  const going = rows.some((row) => GOING.has(row.state.kind));
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
            <span class="dim" role="status">
              {added} of {counted(rows.length, "file")} added
            </span>
            {going && <span class="dim">Leave this page open; if it closes, choose the files again to go on.</span>}
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
      <Detour />
      <Unfinished dataset={dataset} purpose="image" busy={rows.map((row) => row.file.name)} />
    </section>
  );
}
