/** Interim: written by hand in the generator's shape until `npm run generate` can replace it. */
interface Json<T> { headers: Record<string, unknown>; content: { "application/json": T } }
interface Empty { headers: Record<string, unknown>; content?: never }
interface Get<R, Path = undefined, Query = never> {
  get: { parameters: { query?: Query; path: Path }; requestBody?: never; responses: { 200: Json<R> } };
}
interface Post<B, Responses, Path = undefined> {
  post: { parameters: { query?: never; path: Path }; requestBody: { content: { "application/json": B } }; responses: Responses };
}
type Id = { id: string };
type Slug = { slug: string };

export interface components {
  schemas: {
    Person: { id: string; username: string; role: "annotator" | "expert" | "curator"; display_name: string };
    Me: { user: components["schemas"]["Person"] | null; csrf_token: string };
    Progress: { items: number; readings_needed: number; readings_done: number; settled: number; disputed: number };
    Campaign: {
      slug: string; title: string; dataset: string; task: string; guidelines: string;
      state: "draft" | "open" | "closed"; readings_needed: number; lease_seconds: number;
      progress: components["schemas"]["Progress"];
    };
    PixelSize: { y: number | null; x: number | null; z: number | null };
    Image: {
      id: string; dataset: string; name: string; source: string; stratum: string; state: string;
      height: number; width: number; depth: number; frames: number; dtype: string; channels: string[];
      pixel_size_um: components["schemas"]["PixelSize"]; preview_url: string; zarr_url: string; tree: string; created: string;
    };
    Draft: { annotation: string; zarr_url: string; cells: Record<string, number> };
    Assignment: {
      id: string; campaign: string; image: components["schemas"]["Image"]; guidelines: string;
      state: "leased" | "submitted" | "expired" | "returned"; lease_expires_at: string; edit_count: number;
      tile_versions: Record<string, number>; draft: components["schemas"]["Draft"] | null; rank: number;
    };
    Tile: { y: number; x: number; version: number; xor: string };
    Edit: { uuid: string; seq: number; tool: string; params: Record<string, unknown>; tiles: components["schemas"]["Tile"][] };
    Accepted: { accepted: string[]; duplicates: string[]; edit_count: number; tile_versions: Record<string, number> };
    Edits: { edits: components["schemas"]["Edit"][]; tile_versions: Record<string, number> };
    Submitted: { annotation: string; cells: number; accepted_unchanged: boolean };
  };
}
type S = components["schemas"];
interface Page<T> { count: number; next: string | null; previous: string | null; results: T[] }

export interface paths {
  "/api/v1/auth/me/": Get<S["Me"]>;
  "/api/v1/auth/sign-in/": Post<{ username: string; password: string }, { 200: Json<S["Me"]> }>;
  "/api/v1/auth/sign-out/": Post<never, { 204: Empty }>;
  "/api/v1/campaigns/": Get<Page<S["Campaign"]>, undefined, { page?: number; page_size?: number }>;
  "/api/v1/campaigns/{slug}/": Get<S["Campaign"], Slug>;
  "/api/v1/campaigns/{slug}/assignments/next/": Post<Record<string, never>, { 200: Json<S["Assignment"]>; 201: Json<S["Assignment"]>; 204: Empty }, Slug>;
  "/api/v1/assignments/{id}/": Get<S["Assignment"], Id>;
  "/api/v1/assignments/{id}/heartbeat/": Post<never, { 200: Json<{ lease_expires_at: string }> }, Id>;
  "/api/v1/assignments/{id}/edits/": Get<S["Edits"], Id> & Post<{ edits: S["Edit"][] }, { 200: Json<S["Accepted"]> }, Id>;
  "/api/v1/assignments/{id}/submit/": Post<{ edit_count: number; labels_sha256: string; active_seconds: number }, { 200: Json<S["Submitted"]> }, Id>;
  "/api/v1/assignments/{id}/return/": Post<never, { 200: Json<S["Assignment"]> }, Id>;
}
