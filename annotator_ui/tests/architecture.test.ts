import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, normalize, relative, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";

const src = fileURLToPath(new URL("../src", import.meta.url));

/** What a folder may import besides itself. */
const MAY: Record<string, string[]> = {
  labels: [],
  lineage: ["labels"],
  tools: ["labels"],
  layers: ["labels"],
  api: [],
  session: ["api", "tools", "lineage", "labels"],
  panels: ["session", "layers", "tools", "lineage", "labels"],
};
/** Types and the Problem class are words everyone may use; asking the hub is the session's alone. */
const WORDS = ["api/types", "api/problem"];

const files = readdirSync(src, { recursive: true, encoding: "utf8" }).filter((name) => /\.tsx?$/.test(name));

function importsOf(file: string): string[] {
  const text = readFileSync(join(src, file), "utf8");
  return [...text.matchAll(/(?:from|import)\s*\(?\s*"(\.[^"]+)"/g)].map((found) =>
    normalize(join(dirname(file), found[1]!)).split(sep).join("/"),
  );
}

describe("imports descend", () => {
  it("walks the real tree", () => {
    expect(files.length).toBeGreaterThan(30);
    expect(new Set(files.map((file) => file.split(sep)[0]).filter((name) => !name!.includes(".")))).toEqual(new Set(Object.keys(MAY)));
  });

  it.each(files.filter((file) => file.includes(sep)))("%s", (file) => {
    const folder = file.split(sep)[0]!;
    for (const target of importsOf(file)) {
      const to = target.split("/")[0]!;
      const allowed = to === folder || MAY[folder]!.includes(to) || (folder === "panels" && WORDS.includes(target));
      expect(allowed, `${relative(".", file)} imports ${target}`).toBe(true);
    }
  });

  it("labels, lineage and tools know no browser", () => {
    for (const file of files.filter((name) => /^(labels|lineage|tools)/.test(name))) {
      expect(readFileSync(join(src, file), "utf8"), file).not.toMatch(/\b(document|window|HTMLElement|indexedDB|fetch)\b\s*[.(]/);
    }
  });

  it("styles no class both on the pages and in the workbench", () => {
    // Sheets are added as pages open and stay: what one says of a class would hold in the other from then on.
    const standing = (sheet: string) =>
      new Set([...readFileSync(join(src, "panels/styles", sheet), "utf8").matchAll(/^\s*\.([\w-]+)/gm)].map((found) => found[1]!));
    const pages = new Set([...standing("pages.css"), ...standing("pages-parts.css")]);
    expect(pages.size).toBeGreaterThan(50);
    expect([...standing("workbench.css")].filter((name) => pages.has(name))).toEqual([]);
  });

  it("keeps files to one noun", () => {
    for (const file of files.filter((name) => !name.endsWith("schema.ts"))) {
      expect(readFileSync(join(src, file), "utf8").split("\n").length, file).toBeLessThanOrEqual(350);
      expect(file).not.toMatch(/(utils?|helpers?|common|manager)\b/);
    }
  });
});
