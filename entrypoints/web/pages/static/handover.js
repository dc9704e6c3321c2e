/** Reads what the sign-in passes to the page in its address. */

import { forgetToken, isToken, keepToken, storedToken } from "./token.js";

/**
 * Returns the hand-over code to redeem, the return path, and the token of an earlier sign-in in this
 * tab, each null if there is none. The present token is stored.
 *
 * It removes the token and the code from the address bar and the browser history.
 */
export function takeHandover() {
  const earlier = storedToken();
  // A script of the page has taken them out of the address.
  const { query: search, fragment: hash } = window.vetassistHandover;
  const query = new URLSearchParams(search);
  const fragment = new URLSearchParams(hash.slice(1));
  const handedOver = (name) => single(query, name) ?? single(fragment, name);

  const returnTo = localPath(handedOver("return_to"));
  history.replaceState(null, "", cleanAddress(returnTo));

  const token = handedOver("token");
  if (isToken(token)) {
    keepToken(token);
    return { code: null, returnTo, earlier: earlier === token ? null : earlier };
  }
  const code = handedOver("code");
  // This sign-in's session is in a code or a cookie. Don't use a token from an earlier sign-in.
  if (code !== null || handedOver("expires") !== null) forgetToken();
  return { code, returnTo, earlier: code === null ? null : earlier };
}

/** Returns the value of a parameter that appears exactly once, or else null. */
function single(parameters, name) {
  const values = parameters.getAll(name);
  return values.length === 1 ? values[0] : null;
}

/** Returns the value if it is a path on this site, or else null. Anyone can write such a link. */
function localPath(value) {
  if (value === null || !/^\/(?![/\\])/.test(value)) return null;
  // Let the browser parse it too, because it drops tabs and turns backslashes into slashes.
  const url = URL.canParse(value, location.origin) ? new URL(value, location.origin) : null;
  return url?.origin === location.origin ? url.pathname + url.search + url.hash : null;
}

function cleanAddress(returnTo) {
  const kept = returnTo === null ? "" : `?${new URLSearchParams({ return_to: returnTo })}`;
  return location.pathname + kept;
}
