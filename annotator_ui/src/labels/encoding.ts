/** Tiles on the wire: raw deflate of 65,536 bytes (uint32 little-endian, row-major), then base64 in JSON. */

import { fromRuns, TILE_PIXELS, toRuns } from "./tiles";

/** Typed arrays have the machine's byte order; the wire is little-endian, as is every machine that runs a browser today. */
const LITTLE_ENDIAN = new Uint8Array(new Uint32Array([1]).buffer)[0] === 1;

function assertLittleEndian(): void {
  if (!LITTLE_ENDIAN) throw new Error("this machine is big-endian, which the label encoding does not support");
}

async function pipe(bytes: Uint8Array<ArrayBuffer>, through: CompressionStream | DecompressionStream): Promise<Uint8Array<ArrayBuffer>> {
  const stream = new Blob([bytes]).stream().pipeThrough(through);
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

export function deflate(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> {
  return pipe(bytes, new CompressionStream("deflate-raw"));
}

/** @throws TypeError where `bytes` are no raw deflate stream. */
export function inflate(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> {
  return pipe(bytes, new DecompressionStream("deflate-raw"));
}

/** Runs of one tile -> raw deflate of its whole XOR. */
export function deflateTile(runs: Uint32Array): Promise<Uint8Array<ArrayBuffer>> {
  assertLittleEndian();
  return deflate(new Uint8Array(fromRuns(runs).buffer));
}

/** @throws RangeError where the stream does not hold exactly one tile. */
export async function inflateTile(bytes: Uint8Array<ArrayBuffer>): Promise<Uint32Array> {
  assertLittleEndian();
  const raw = await inflate(bytes);
  if (raw.byteLength !== TILE_PIXELS * 4) throw new RangeError(`a tile has ${TILE_PIXELS * 4} bytes, got ${raw.byteLength}`);
  return toRuns(new Uint32Array(raw.buffer));
}

export function toBase64(bytes: Uint8Array): string {
  let text = "";
  for (let i = 0; i < bytes.length; i += 0x8000) text += String.fromCharCode(...bytes.subarray(i, i + 0x8000));
  return btoa(text);
}

export function fromBase64(text: string): Uint8Array<ArrayBuffer> {
  const binary = atob(text);
  const bytes = new Uint8Array(binary.length);
  for (let i = 0; i < binary.length; i++) bytes[i] = binary.charCodeAt(i);
  return bytes;
}

/** The final map as the hub hashes it: uint32 little-endian, row-major, no padding. */
export function pixelBytes(data: Uint32Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  assertLittleEndian();
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}
