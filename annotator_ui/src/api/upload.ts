/** One part of a file on its way. `fetch` has no upload progress, XMLHttpRequest has. */

import { Problem } from "./problem";

/**
 * PUT bytes at a link, which needs neither session nor token.
 *
 * @param progress bytes sent so far.
 * @throws Problem with the refusal, or `unreachable`; AbortError.
 */
export function putPart(url: string, bytes: Blob, progress: (sent: number) => void, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const stopped = () => reject(new DOMException("the upload was stopped", "AbortError"));
    if (signal.aborted) return stopped();
    const request = new XMLHttpRequest();
    const abort = () => request.abort();
    signal.addEventListener("abort", abort, { once: true });
    request.open("PUT", url);
    request.setRequestHeader("Content-Type", "application/octet-stream");
    request.upload.onprogress = (event) => progress(event.loaded);
    request.onabort = stopped;
    request.onerror = () => reject(Problem.unreachable());
    request.onload = () => {
      if (request.status >= 200 && request.status < 300) resolve();
      else void Problem.of(new Response(request.responseText, { status: request.status, statusText: request.statusText })).then(reject);
    };
    request.onloadend = () => signal.removeEventListener("abort", abort);
    request.send(bytes);
  });
}
