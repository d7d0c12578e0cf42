/** A small typed fetch over the generated `paths`: a wrong path, body or field is a compile error. */

import { Problem } from "./problem";
import type { paths } from "./schema";

type Method = "get" | "post" | "put" | "patch" | "delete";
type Operation<P extends keyof paths, M extends Method> = paths[P] extends { [K in M]: infer O } ? O : never;
export type PathsWith<M extends Method> = {
  [P in keyof paths]: paths[P] extends { [K in M]: object } ? P : never;
}[keyof paths];

type JsonOf<C> = C extends { "application/json": infer J } ? J : C extends { "multipart/form-data": unknown } ? FormData : never;
type PathOf<O> = O extends { parameters: { path: infer X } } ? X : undefined;
type QueryOf<O> = O extends { parameters: { query?: infer X } } ? X : undefined;
type BodyOf<O> = O extends { requestBody?: { content: infer C } } ? JsonOf<C> : undefined;
type Success = 200 | 201 | 202;
type ResponsesOf<O> = O extends { responses: infer R } ? R : never;
type ContentOf<R, S> = S extends keyof R ? (R[S] extends { content: { "application/json": infer J } } ? J : never) : never;
type EmptyOf<R> = R extends { 204: unknown } ? null : never;

/** What an operation answers: the JSON of 200, 201 or 202, and `null` where it may answer 204. */
export type Reply<P extends keyof paths, M extends Method> =
  | ContentOf<ResponsesOf<Operation<P, M>>, Success>
  | EmptyOf<ResponsesOf<Operation<P, M>>>;

export type Given<P extends keyof paths, M extends Method> = {
  query?: QueryOf<Operation<P, M>>;
  body?: BodyOf<Operation<P, M>> | FormData;
  signal?: AbortSignal;
} & (PathOf<Operation<P, M>> extends object ? { path: PathOf<Operation<P, M>> } : { path?: undefined });

/** Path given as an argument only where the operation has one. */
type Arguments<P extends keyof paths, M extends Method> =
  PathOf<Operation<P, M>> extends object ? [given: Given<P, M>] : [given?: Given<P, M>];

let csrfToken = "";

/** Django rotates the token on sign-in; every answer of `auth/me` and `auth/sign-in` carries the current one. */
export function keepCsrfToken(token: string): void {
  csrfToken = token;
}

function address(path: string, given: { path?: unknown; query?: unknown } | undefined): string {
  const filled = path.replace(/\{(\w+)\}/g, (_, name: string) =>
    encodeURIComponent(String((given?.path as Record<string, unknown>)[name])),
  );
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries((given?.query ?? {}) as Record<string, unknown>)) {
    if (value !== undefined && value !== null && value !== "") query.set(name, String(value));
  }
  const text = query.toString();
  return text ? `${filled}?${text}` : filled;
}

async function send(method: string, url: string, body: unknown, signal: AbortSignal | undefined): Promise<Response> {
  const headers: Record<string, string> = { Accept: "application/json" };
  if (method !== "GET") headers["X-CSRFToken"] = csrfToken;
  const form = body instanceof FormData;
  if (body !== undefined && !form) headers["Content-Type"] = "application/json";
  try {
    return await fetch(url, {
      method,
      headers,
      credentials: "same-origin",
      ...(body === undefined ? {} : { body: form ? body : JSON.stringify(body) }),
      ...(signal ? { signal } : {}),
    });
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw Problem.unreachable();
  }
}

async function renewCsrfToken(): Promise<void> {
  const response = await send("GET", "/api/v1/auth/me/", undefined, undefined);
  if (!response.ok) throw await Problem.of(response);
  keepCsrfToken(((await response.json()) as { csrf_token: string }).csrf_token);
}

async function call(
  method: string,
  path: string,
  given: { path?: unknown; query?: unknown; body?: unknown; signal?: AbortSignal } | undefined,
): Promise<unknown> {
  const url = address(path, given);
  if (method !== "GET" && csrfToken === "") await renewCsrfToken();
  let response = await send(method, url, given?.body, given?.signal);
  if (response.status === 403 && method !== "GET") {
    // Signing in from another tab rotates the token under this one: renew it, and ask once more.
    const before = csrfToken;
    await renewCsrfToken();
    if (csrfToken !== before) response = await send(method, url, given?.body, given?.signal);
  }
  if (!response.ok) throw await Problem.of(response);
  if (response.status === 204) return null;
  try {
    return await response.json();
  } catch {
    throw Problem.unreachable(); // the answer was cut off
  }
}

/** The hub's API. Every refusal is thrown as a `Problem`. */
export const api = {
  get: <P extends PathsWith<"get">>(path: P, ...[given]: Arguments<P, "get">) =>
    call("GET", path, given) as Promise<Reply<P, "get">>,
  post: <P extends PathsWith<"post">>(path: P, ...[given]: Arguments<P, "post">) =>
    call("POST", path, given) as Promise<Reply<P, "post">>,
  patch: <P extends PathsWith<"patch">>(path: P, ...[given]: Arguments<P, "patch">) =>
    call("PATCH", path, given) as Promise<Reply<P, "patch">>,
  delete: <P extends PathsWith<"delete">>(path: P, ...[given]: Arguments<P, "delete">) =>
    call("DELETE", path, given) as Promise<Reply<P, "delete">>,
};
