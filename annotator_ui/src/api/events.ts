/** Server-sent events of one run. */

export interface RunListener {
  /** JSON of one `progress` event. */
  progress(data: unknown): void;
  /** The stream ended as agreed: nothing more will come. */
  end(data: unknown): void;
  /** The connection broke or could not be made. */
  broken(): void;
}

/** Returns a function that closes the stream. After `end` and `broken` it is closed already. */
export function listen(url: string, listener: RunListener): () => void {
  if (typeof EventSource === "undefined") {
    queueMicrotask(() => listener.broken());
    return () => undefined;
  }
  const source = new EventSource(url);
  source.addEventListener("progress", (event) => listener.progress(JSON.parse((event as MessageEvent<string>).data)));
  source.addEventListener("end", (event) => {
    source.close(); // else the browser takes the end for a fault and asks anew
    listener.end(JSON.parse((event as MessageEvent<string>).data));
  });
  source.onerror = () => {
    source.close();
    listener.broken();
  };
  return () => source.close();
}
