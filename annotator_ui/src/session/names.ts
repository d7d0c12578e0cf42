/** What labs own is called `lab/slug`; in addresses the two halves stand apart. */

/** The name in the parameters of an address, `/datasets/{lab}/{slug}`. */
export function nameIn(params: Record<string, string>): string {
  return `${params["lab"]}/${params["slug"]}`;
}

export function named(name: string): { lab: string; slug: string } {
  const [lab = "", slug = ""] = name.split("/");
  return { lab, slug };
}
