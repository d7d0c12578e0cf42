/** Identity: uuids for edits, the sha256 of the finished reading. */

import { pixelBytes } from "../labels/encoding";
import { canonicalJson, type Values } from "../labels/values";

/** A random uuid; `crypto.randomUUID` exists only in secure contexts, and hubs in a lab are often plain http. */
export function newUuid(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6]! & 0x0f) | 0x40;
  bytes[8] = (bytes[8]! & 0x3f) | 0x80;
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

async function hexOf(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  const digest = crypto.subtle ? new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)) : sha256(bytes);
  return [...digest].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** sha256 of the map's pixels (uint32 little-endian, row-major) as hex. */
export function labelsSha256(data: Uint32Array<ArrayBuffer>): Promise<string> {
  return hexOf(pixelBytes(data));
}

/** sha256 of the canonical JSON of what was said, as hex. */
export function valuesSha256(values: Values): Promise<string> {
  return hexOf(new TextEncoder().encode(canonicalJson(values)));
}

/** The identity of a reading: of its pixels, of its values, or of both hashes one after the other where a task has both. */
export async function readingSha256(
  data: Uint32Array<ArrayBuffer>,
  values: Values,
  { paints, answers }: { paints: boolean; answers: boolean },
): Promise<string> {
  if (!answers) return labelsSha256(data);
  if (!paints) return valuesSha256(values);
  return hexOf(new TextEncoder().encode((await labelsSha256(data)) + (await valuesSha256(values))));
}

/** The first 32 bits of the fractional parts of `root` of the first `count` primes (FIPS 180-4, 4.2.2 and 5.3.3). */
function primeConstants(count: number, root: (n: number) => number): Uint32Array {
  const found: number[] = [];
  for (let n = 2; found.length < count; n++) {
    let prime = true;
    for (let d = 2; d * d <= n; d++) if (n % d === 0) prime = false;
    if (prime) found.push((root(n) % 1) * 2 ** 32);
  }
  return Uint32Array.from(found);
}

/** FIPS 180-4, for pages served over plain http to another machine, where browsers withhold `crypto.subtle`. */
export function sha256(message: Uint8Array): Uint8Array {
  const k = primeConstants(64, Math.cbrt);
  const h = primeConstants(8, Math.sqrt);
  const blocks = Math.ceil((message.length + 9) / 64);
  const padded = new Uint8Array(blocks * 64);
  padded.set(message);
  padded[message.length] = 0x80;
  const view = new DataView(padded.buffer);
  view.setUint32(padded.length - 8, Math.floor(message.length / 2 ** 29));
  view.setUint32(padded.length - 4, (message.length << 3) >>> 0);
  const w = new Uint32Array(64);
  const rotate = (x: number, n: number) => (x >>> n) | (x << (32 - n));
  for (let block = 0; block < blocks; block++) {
    for (let i = 0; i < 16; i++) w[i] = view.getUint32(block * 64 + i * 4);
    for (let i = 16; i < 64; i++) {
      const a = w[i - 15]!;
      const b = w[i - 2]!;
      w[i] = w[i - 16]! + (rotate(a, 7) ^ rotate(a, 18) ^ (a >>> 3)) + w[i - 7]! + (rotate(b, 17) ^ rotate(b, 19) ^ (b >>> 10));
    }
    const s = h.slice();
    for (let i = 0; i < 64; i++) {
      const e = s[4]!;
      const a = s[0]!;
      const choose = (e & s[5]!) ^ (~e & s[6]!);
      const t1 = (s[7]! + (rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25)) + choose + k[i]! + w[i]!) | 0;
      const majority = (a & s[1]!) ^ (a & s[2]!) ^ (s[1]! & s[2]!);
      const t2 = ((rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22)) + majority) | 0;
      s.copyWithin(1, 0, 7);
      s[4] = s[4]! + t1;
      s[0] = t1 + t2;
    }
    for (let i = 0; i < 8; i++) h[i] = h[i]! + s[i]!;
  }
  const digest = new Uint8Array(32);
  h.forEach((word, i) => new DataView(digest.buffer).setUint32(i * 4, word));
  return digest;
}
