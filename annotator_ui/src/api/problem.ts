/** What went wrong, as the hub says it (RFC 9457) or as the network does. */

export interface TileConflict {
  y: number;
  x: number;
  version: number;
}

interface ProblemDocument {
  type?: string;
  title?: string;
  status?: number;
  detail?: string;
  where?: string;
  remedy?: string;
  errors?: Record<string, string[]>;
  conflicts?: TileConflict[];
  edit_count?: number;
  [extra: string]: unknown;
}

/** Codes the client acts on; every other code is only shown. */
export type KnownCode =
  | "unreachable"
  | "not-signed-in"
  | "not-allowed"
  | "not-valid"
  | "wrong-state"
  | "conflict"
  | "lease-expired"
  | "not-found";

/** A refused request. `status` 0 and code `unreachable` mean that no answer came at all. */
export class Problem extends Error {
  readonly status: number;
  readonly code: KnownCode | (string & {});
  readonly title: string;
  readonly detail: string;
  readonly where: string;
  readonly remedy: string;
  /** Messages per form field, for `not-valid`. */
  readonly errors: Record<string, string[]>;
  readonly conflicts: TileConflict[];
  readonly document: ProblemDocument;

  constructor(status: number, document: ProblemDocument) {
    const title = document.title ?? "The hub refused";
    super(document.detail || title);
    this.name = "Problem";
    this.status = status;
    this.code = (document.type ?? "").replace(/^urn:cellcommons:/, "") || `status-${status}`;
    this.title = title;
    this.detail = document.detail ?? "";
    this.where = document.where ?? "";
    this.remedy = document.remedy ?? "";
    this.errors = document.errors ?? {};
    this.conflicts = document.conflicts ?? [];
    this.document = document;
  }

  /** True where trying the same again later can succeed: no network, a restart, an overload. */
  get passing(): boolean {
    return this.status === 0 || this.status === 429 || this.status >= 500;
  }

  static unreachable(): Problem {
    return new Problem(0, {
      type: "urn:cellcommons:unreachable",
      title: "The hub does not answer",
      detail: "No answer came from the hub.",
      remedy: "Check the network; what you draw is kept on this device meanwhile.",
    });
  }

  static async of(response: Response): Promise<Problem> {
    let document: ProblemDocument = {};
    try {
      const body: unknown = await response.json();
      if (body !== null && typeof body === "object" && !Array.isArray(body)) document = body as ProblemDocument;
    } catch {
      // A proxy's HTML page: the status alone has to do.
    }
    if (!document.type && response.status === 401) document = { ...document, type: "urn:cellcommons:not-signed-in" };
    if (!document.type && response.status === 404) document = { ...document, type: "urn:cellcommons:not-found" };
    document.title ??= response.status >= 500 ? "The hub failed" : "The hub refused";
    document.detail ??= `${response.status} ${response.statusText}`.trim();
    return new Problem(response.status, document);
  }
}

/** Any thrown value as a Problem, so that a page has one thing to show. */
export function asProblem(error: unknown): Problem {
  if (error instanceof Problem) return error;
  const detail = error instanceof Error ? error.message : String(error);
  return new Problem(-1, { type: "urn:cellcommons:client", title: "Something went wrong in this page", detail });
}
