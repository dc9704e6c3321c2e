/** What a sign-in passes to the page in its address. */

export interface Handover {
  /** Whether this is a page that the service sends the browser to. */
  readonly isArrival: boolean;
  /** The JWT of a new session (`query` and `fragment` delivery). */
  readonly token: string | null;
  /** The one-time code of a new session (`code` delivery). */
  readonly code: string | null;
  /** Whether the browser just came back with a new session. */
  readonly isNew: boolean;
  /** Where the user wanted to go: a path of this site. */
  readonly returnTo: string | null;
  /** Why the sign-in failed. */
  readonly failure: string | null;
}

const NOTHING: Handover = {
  isArrival: true,
  token: null,
  code: null,
  isNew: false,
  returnTo: null,
  failure: null,
};
const PAGE = /\/va-(success|error)\/?$/;
const JWT = /^[\w-]+\.[\w-]+\.[\w-]+$/;

export const isToken = (value: unknown): value is string =>
  typeof value === "string" && JWT.test(value);

/** Reads the address of `/va-success` or `/va-error`, and takes token and code out of it. */
export function takeHandover(
  location: Pick<Location, "hash" | "origin" | "pathname" | "search">,
  history: Pick<History, "replaceState" | "state">,
): Handover {
  const page = PAGE.exec(location.pathname)?.[1];
  if (page === undefined) {
    return { ...NOTHING, isArrival: false };
  }
  const query = new URLSearchParams(location.search);
  const fragment = new URLSearchParams(location.hash.slice(1));
  const only = (name: string) => single(query, name) ?? single(fragment, name);

  const returnTo = localPath(only("return_to"), location.origin);
  if (page === "error") {
    return { ...NOTHING, returnTo, failure: only("error") ?? "" };
  }
  const kept = returnTo === null ? "" : `?${new URLSearchParams({ return_to: returnTo })}`;
  // Before anything else, so that nothing can read the token or fail while it is in the address.
  history.replaceState(history.state, "", location.pathname + kept);
  const token = only("token");
  const code = only("code");
  return {
    ...NOTHING,
    token: isToken(token) ? token : null,
    code,
    isNew: [token, code, only("expires")].some((value) => value !== null),
    returnTo,
  };
}

/** The value of a parameter that appears exactly once. */
function single(parameters: URLSearchParams, name: string): string | null {
  const [value, ...more] = parameters.getAll(name);
  return value === undefined || more.length > 0 ? null : value;
}

/** The value if it is a path of this site. Anyone can write such a link. */
function localPath(value: string | null, origin: string): string | null {
  if (value === null || !/^\/(?![/\\])/.test(value)) return null;
  try {
    // The browser's own reading counts: it drops tabs and turns backslashes into slashes.
    const url = new URL(value, origin);
    return url.origin === origin ? url.pathname + url.search + url.hash : null;
  } catch {
    return null;
  }
}
