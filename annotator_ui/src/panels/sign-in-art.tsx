/** Behind the sign-in: a field of cells, some outlined by one person, some by another. Drawn from a fixed seed. */

interface Blob {
  d: string;
  look: string;
  nucleus: { x: number; y: number; r: number };
}

/** mulberry32: small and always the same, so the page never flickers between visits. */
function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** A closed smooth curve around (x, y): radius `r`, squeezed and dented a little. */
function outline(x: number, y: number, r: number, random: () => number): string {
  const turn = random() * Math.PI;
  const squeeze = 0.72 + random() * 0.25;
  const count = 8;
  const points = Array.from({ length: count }, (_, i) => {
    const angle = (i / count) * 2 * Math.PI;
    const radius = r * (0.92 + random() * 0.16);
    const px = Math.cos(angle) * radius;
    const py = Math.sin(angle) * radius * squeeze;
    return [x + px * Math.cos(turn) - py * Math.sin(turn), y + px * Math.sin(turn) + py * Math.cos(turn)] as const;
  });
  const at = (i: number) => points[(i + count) % count]!;
  const parts = points.map((_, i) => {
    const [p0, p1, p2, p3] = [at(i - 1), at(i), at(i + 1), at(i + 2)];
    const c1 = [p1[0] + (p2[0] - p0[0]) / 6, p1[1] + (p2[1] - p0[1]) / 6];
    const c2 = [p2[0] - (p3[0] - p1[0]) / 6, p2[1] - (p3[1] - p1[1]) / 6];
    return `C${[...c1, ...c2, ...p2].map((value) => value.toFixed(1)).join(" ")}`;
  });
  return `M${at(0).map((value) => value.toFixed(1)).join(" ")}${parts.join("")}Z`;
}

function scatter(): Blob[] {
  const random = generator(11);
  const placed: { x: number; y: number; r: number }[] = [];
  const blobs: Blob[] = [];
  for (let attempt = 0; attempt < 900 && blobs.length < 64; attempt++) {
    const r = 26 + random() * 34;
    const x = random() * 1600;
    const y = random() * 1000;
    if (placed.some((other) => Math.hypot(other.x - x, other.y - y) < (other.r + r) * 0.94)) continue;
    placed.push({ x, y, r });
    const chance = random();
    blobs.push({
      d: outline(x, y, r, random),
      look: chance < 0.34 ? "one" : chance < 0.52 ? "two" : chance < 0.62 ? "three" : "none",
      nucleus: { x: x + (random() - 0.5) * r * 0.4, y: y + (random() - 0.5) * r * 0.4, r: r * 0.28 },
    });
  }
  return blobs;
}

const BLOBS = scatter();

export function SignInArt() {
  return (
    <svg class="sign-in-art" viewBox="0 0 1600 1000" preserveAspectRatio="xMidYMid slice" aria-hidden="true">
      <defs>
        <radialGradient id="cell-body">
          <stop offset="0" stop-color="#2a3640" />
          <stop offset="0.75" stop-color="#19222a" />
          <stop offset="1" stop-color="#10171c" />
        </radialGradient>
      </defs>
      {BLOBS.map(({ d, look, nucleus }, i) => (
        <g key={i} class={look}>
          <path d={d} fill="url(#cell-body)" />
          <circle cx={nucleus.x} cy={nucleus.y} r={nucleus.r} />
          {look !== "none" && <path d={d} class="drawn" />}
        </g>
      ))}
    </svg>
  );
}
