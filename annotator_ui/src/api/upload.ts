/** A multipart POST that tells how far it is. `fetch` has no upload progress, XMLHttpRequest has. */

import { csrfTokenNow } from "./client";
import { Problem } from "./problem";

export interface Upload<T> {
  readonly done: Promise<T>;
  /** Stop sending; `done` is then rejected with an AbortError. */
  abort(): void;
}

/**
 * @param progress share of the bytes sent, 0..1; at 1 the hub still reads the file.
 * @throws Problem (through `done`) with the hub's refusal, or `unreachable`.
 */
export function upload<T>(url: string, form: FormData, progress: (share: number) => void): Upload<T> {
  const request = new XMLHttpRequest();
  let aborted = false;
  const done = csrfTokenNow().then(
    (token) =>
      new Promise<T>((resolve, reject) => {
        const stopped = () => reject(new DOMException("the upload was stopped", "AbortError"));
        if (aborted) return stopped();
        request.open("POST", url);
        request.setRequestHeader("Accept", "application/json");
        request.setRequestHeader("X-CSRFToken", token);
        request.upload.onprogress = (event) => event.lengthComputable && progress(event.loaded / event.total);
        request.onabort = stopped;
        request.onerror = () => reject(Problem.unreachable());
        request.onload = () => {
          const answer = new Response(request.responseText, { status: request.status, statusText: request.statusText });
          if (answer.ok) answer.json().then(resolve, () => reject(Problem.unreachable()));
          else void Problem.of(answer).then(reject);
        };
        request.send(form);
      }),
  );
  return {
    done,
    abort: () => {
      aborted = true;
      request.abort();
    },
  };
}
