/**
 * The calls a page makes to VetAssist's API: with the token this tab keeps or, when it keeps none,
 * with the session cookie that the browser adds by itself.
 *
 * Every call throws SessionEndedError or UnavailableError when it does not succeed.
 */

import { storedToken } from "./token.js";

const LONGEST_WAIT_MS = 15_000;

/** The caller has no live session (any more). */
export class SessionEndedError extends Error {}

/** There is no usable answer now; this says nothing about the session. */
export class UnavailableError extends Error {}

/** The session, and in `answered_at` the service's own time (ms), for clocks that are wrong. */
export async function readSession() {
  const response = await call("GET", "session");
  const answeredAt = Date.parse(response.headers.get("Date"));
  const session = await bodyOf(response);
  return { ...session, answered_at: Number.isNaN(answeredAt) ? Date.now() : answeredAt };
}

export const readUser = async () => bodyOf(await call("GET", "user"));

/** Where the person is signed in. */
export const readSessions = async () => (await bodyOf(await call("GET", "sessions"))).sessions;

/** One page of who used the person's VA connection; `after` is the `next` of the one before. */
export async function readUses(after) {
  const place = after === undefined ? "" : `?after=${encodeURIComponent(after)}`;
  return bodyOf(await call("GET", `va/uses${place}`));
}

/** One page of what happened to the account; `after` is the `next` of the one before. */
export async function readHistory(after) {
  const place = after === undefined ? "" : `?after=${encodeURIComponent(after)}`;
  return bodyOf(await call("GET", `history${place}`));
}

/** All of it as a file (a Blob): "csv" or "json". */
export async function exportHistory(format) {
  try {
    return await (await call("GET", `history/export?format=${format}`)).blob();
  } catch (error) {
    if (error instanceof SessionEndedError) throw error;
    throw new UnavailableError("no usable answer", { cause: error });
  }
}

export const signOut = () => call("DELETE", "session");

export const signOutEverywhere = () => call("DELETE", "sessions");

export const signOutElsewhere = () => call("DELETE", "sessions?except=current");

/** Ends one session, which may have ended already. */
export const signOutOf = (sessionId) => call("DELETE", `sessions/${encodeURIComponent(sessionId)}`);

/** The session's next term, paid with a cookie that only this call sends. */
export const renewSession = async () => bodyOf(await call("POST", "session/renew"));

/** The session of a one-time code. */
export const redeemCode = async (code) => bodyOf(await call("POST", "session/redeem", { code }));

async function call(method, path, fields) {
  const headers = {};
  const token = storedToken();
  if (token !== null) headers.Authorization = `Bearer ${token}`;
  if (fields !== undefined) headers["Content-Type"] = "application/json";
  let response;
  try {
    response = await fetch(`/api/v1/${path}`, {
      method,
      headers,
      body: fields === undefined ? undefined : JSON.stringify(fields),
      credentials: "same-origin",
      cache: "no-store",
      redirect: "error",
      signal: AbortSignal.timeout(LONGEST_WAIT_MS),
    });
  } catch (error) {
    throw new UnavailableError("no answer", { cause: error });
  }
  if (response.status === 401) throw new SessionEndedError();
  if (!response.ok) throw new UnavailableError(`HTTP ${response.status}`);
  return response;
}

async function bodyOf(response) {
  try {
    return await response.json();
  } catch (error) {
    throw new UnavailableError("no usable answer", { cause: error });
  }
}
