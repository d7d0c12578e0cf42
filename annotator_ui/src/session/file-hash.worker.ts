/** The sha256 of a file, off the page's thread, a slice at a time. */

import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex } from "@noble/hashes/utils.js";

const SLICE = 4 << 20;

self.onmessage = async ({ data: file }: MessageEvent<File>) => {
  try {
    const hash = sha256.create();
    for (let start = 0; start < file.size; start += SLICE) {
      hash.update(new Uint8Array(await file.slice(start, start + SLICE).arrayBuffer()));
      self.postMessage({ done: Math.min(file.size, start + SLICE) });
    }
    self.postMessage({ digest: bytesToHex(hash.digest()) });
  } catch (error) {
    self.postMessage({ fault: error instanceof Error ? error.message : String(error) });
  }
};
