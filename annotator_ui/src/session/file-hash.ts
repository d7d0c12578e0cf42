/** The sha256 of a file of any size, in a worker that is fetched when the first file is sent. */

import { Problem } from "../api/problem";

type Said = { done: number } | { digest: string } | { fault: string };

/**
 * @param progress share of the file that is read, 0..1.
 * @throws Problem where the file cannot be read (any more); AbortError.
 */
export function sha256OfFile(file: File, progress: (share: number) => void, signal: AbortSignal): Promise<string> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(stopped());
    const worker = new Worker(new URL("./file-hash.worker.ts", import.meta.url), { type: "module" });
    const end = (settle: () => void) => {
      worker.terminate();
      signal.removeEventListener("abort", abort);
      settle();
    };
    const abort = () => end(() => reject(stopped()));
    signal.addEventListener("abort", abort, { once: true });
    worker.onmessage = ({ data }: MessageEvent<Said>) => {
      if ("done" in data) progress(file.size ? data.done / file.size : 1);
      else if ("digest" in data) end(() => resolve(data.digest));
      else end(() => reject(unreadable(data.fault)));
    };
    worker.onerror = (event) => end(() => reject(unreadable(event.message)));
    worker.postMessage(file);
  });
}

function unreadable(detail: string): Problem {
  const remedy = "It may have been moved or changed since you chose it: choose it again.";
  return new Problem(-1, { type: "urn:cellcommons:unreadable-file", title: "The file cannot be read", detail: `The browser cannot read this file. ${detail}`.trim(), remedy });
}

function stopped(): DOMException {
  return new DOMException("the upload was stopped", "AbortError");
}
