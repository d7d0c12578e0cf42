/** One part of a file on its way. `fetch` has no upload progress, XMLHttpRequest has. */

import { Problem } from "./problem";

/**
 * PUT bytes at a link, which needs neither session nor token.
 *
 * @param progress bytes sent so far. silence: ms in which something must move.
 * @throws Problem with the refusal, or `unreachable` (also after silence); AbortError.
 */
export function putPart(url: string, bytes: Blob, progress: (sent: number) => void, signal: AbortSignal, silence: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const stopped = () => reject(new DOMException("the upload was stopped", "AbortError"));
    if (signal.aborted) return stopped();
    const request = new XMLHttpRequest();
    const abort = () => request.abort();
    // A firewall that drops packets would leave it waiting for minutes.
    let quiet = false;
    const hush = () => {
      quiet = true;
      request.abort();
    };
    let timer = setTimeout(hush, silence);
    signal.addEventListener("abort", abort, { once: true });
    request.open("PUT", url);
    request.setRequestHeader("Content-Type", "application/octet-stream");
    request.upload.onprogress = (event) => {
      clearTimeout(timer);
      timer = setTimeout(hush, silence);
      progress(event.loaded);
    };
    request.onabort = () => (quiet ? reject(Problem.unreachable()) : stopped());
    request.onerror = () => reject(Problem.unreachable());
    request.onload = () => {
      if (request.status >= 200 && request.status < 300) resolve();
      else void Problem.of(new Response(request.responseText, { status: request.status, statusText: request.statusText })).then(reject);
    };
    request.onloadend = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", abort);
    };
    request.send(bytes);
  });
}
