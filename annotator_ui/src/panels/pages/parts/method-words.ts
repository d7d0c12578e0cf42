/** How readings were fused to one, in words. */

const METHODS: Readonly<Record<string, string>> = {
  single: "one reading as it stands",
  fusion: "cells of all readings matched, then voted on",
  majority: "majority, ties by agreement",
  vote: "vote",
  "weighted-vote": "vote weighed by how readers agree",
  "dawid-skene": "Dawid-Skene, which weighs readers by how they err",
  em: "vote weighed by how readers err (EM)",
};

/** "fusion+adjudication" -> "cells ... voted on; an expert decided what was open". A method without words stays as it is. */
export function methodWords(method: string): string {
  const [base = "", ...more] = method.split("+");
  const said = METHODS[base] ?? base;
  return more.includes("adjudication") ? `${said}; an expert decided what was open` : said;
}
