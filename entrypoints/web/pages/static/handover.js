/** Takes over what the sign-in hands to the page in its address. */

import { forgetToken, isToken, keepToken } from "./token.js";

/**
 * The one-time code to redeem and the path to go on to; each null when there is none. A token is
 * stored at once.
 *
 * Afterwards neither the address bar nor the history shows the token or the code.
 */
export function takeHandover() {
  const query = new URLSearchParams(location.search);
  const fragment = new URLSearchParams(location.hash.slice(1));
  const handedOver = (name) => single(query, name) ?? single(fragment, name);

  const returnTo = localPath(handedOver("return_to"));
  history.replaceState(null, "", cleanAddress(returnTo));

  const token = handedOver("token");
  if (isToken(token)) {
    keepToken(token);
    return { code: null, returnTo };
  }
  const code = handedOver("code");
  // A code or a cookie holds the session of this sign-in; a token from an earlier one must not
  // outrank it.
  if (code !== null || handedOver("expires") !== null) forgetToken();
  return { code, returnTo };
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
