/** Takes over what the sign-in hands to this page in its address. */

const KEY = "vetassist.token";
const JWT = /^[\w-]+\.[\w-]+\.[\w-]+$/;

/**
 * The session token and the path to go on to; each null when there is none.
 *
 * Afterwards neither the address bar nor the history shows the token.
 */
export function takeHandover() {
  const query = new URLSearchParams(location.search);
  const fragment = new URLSearchParams(location.hash.slice(1));
  const handedOver = (name) => single(query, name) ?? single(fragment, name);

  const returnTo = localPath(handedOver("return_to"));
  history.replaceState(null, "", cleanAddress(returnTo));

  const token = handedOver("token");
  if (token !== null && JWT.test(token)) {
    // Only so that this page survives a reload, and only for this tab. Script that gets into a page
    // can read it: a front end in production is better off with the `cookie` delivery.
    sessionStorage.setItem(KEY, token);
  } else if (handedOver("expires") !== null) {
    // The cookie holds the session of this sign-in; a token from an earlier one must not outrank it.
    forgetToken();
  }
  return { token: sessionStorage.getItem(KEY), returnTo };
}

export function forgetToken() {
  sessionStorage.removeItem(KEY);
}

/** A value that stands exactly once. */
function single(parameters, name) {
  const values = parameters.getAll(name);
  return values.length === 1 ? values[0] : null;
}

/** The value if it is a path on this very site, or else null: whoever wrote the link chose it. */
function localPath(value) {
  if (value === null || !/^\/(?![/\\])/.test(value)) return null;
  // The browser has the last word, as it drops tabs and turns backslashes into slashes.
  const url = URL.canParse(value, location.origin) ? new URL(value, location.origin) : null;
  return url?.origin === location.origin ? url.pathname + url.search + url.hash : null;
}

function cleanAddress(returnTo) {
  const kept = returnTo === null ? "" : `?${new URLSearchParams({ return_to: returnTo })}`;
  return location.pathname + kept;
}
