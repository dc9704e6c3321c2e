/**
 * The calls to VetAssist's API. They send the token that this tab keeps. Without one, the browser
 * sends the session cookie.
 *
 * A call that fails throws one of the errors below.
 */

import { storedToken } from "./token.js";

const LONGEST_WAIT_MS = 15_000;

/** The caller has no session that stands. */
export class SessionEndedError extends Error {}

/** The person must sign in again first. */
export class FreshSignInNeededError extends Error {}

/** There was no usable answer. The session may still stand. */
export class UnavailableError extends Error {}

/**
 * Returns the session. `answered_at` is the time of the service (ms), because the clock of this
 * device may be wrong.
 */
export async function readSession() {
  const response = await call("GET", "session");
  const answeredAt = Date.parse(response.headers.get("Date"));
  const session = await bodyOf(response);
  return { ...session, answered_at: Number.isNaN(answeredAt) ? Date.now() : answeredAt };
}

export const readUser = async () => bodyOf(await call("GET", "user"));

/** Returns the sessions of the person. */
export const readSessions = async () => (await bodyOf(await call("GET", "sessions"))).sessions;

/** Returns one page of uses of the VA connection. `after` is the `next` of the previous page. */
export async function readUses(after) {
  const place = after === undefined ? "" : `?after=${encodeURIComponent(after)}`;
  return bodyOf(await call("GET", `va/uses${place}`));
}

/** Returns one page of the account history. `after` is the `next` of the previous page. */
export async function readHistory(after) {
  const place = after === undefined ? "" : `?after=${encodeURIComponent(after)}`;
  return bodyOf(await call("GET", `history${place}`));
}

/** Returns the whole history as a file (a Blob). `format` is "csv" or "json". */
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

/** Signs out of one session, which may already have ended. */
export const signOutOf = (sessionId) => call("DELETE", `sessions/${encodeURIComponent(sessionId)}`);

/** Renews the session. Only this call sends the cookie with the refresh token. */
export const renewSession = async () => bodyOf(await call("POST", "session/renew"));

/** Takes back VetAssist's access to VA, and ends all sessions. */
export const disconnect = () => call("DELETE", "va/link");

/**
 * Ends the session of an earlier sign-in in this tab. Without credentials, because the answer would
 * clear the cookies of the present one.
 */
export const signOutOfEarlier = (token) => fetch(new URL("../api/v1/session", import.meta.url), {
  method: "DELETE",
  headers: { Authorization: `Bearer ${token}` },
  credentials: "omit",
  signal: AbortSignal.timeout(LONGEST_WAIT_MS),
});

/** Redeems a hand-over code for its session. */
export const redeemCode = async (code) => bodyOf(await call("POST", "session/redeem", { code }));

async function call(method, path, fields) {
  const headers = {};
  const token = storedToken();
  if (token !== null) headers.Authorization = `Bearer ${token}`;
  if (fields !== undefined) headers["Content-Type"] = "application/json";
  let response;
  try {
    response = await fetch(new URL(`../api/v1/${path}`, import.meta.url), {
      method,
      headers,
      body: fields === undefined ? undefined : JSON.stringify(fields),
      credentials: "same-origin",
      cache: "no-store",
      redirect: "error",
      // If the page is left, the browser must still get the cookies of the answer.
      keepalive: method !== "GET",
      signal: AbortSignal.timeout(LONGEST_WAIT_MS),
    });
  } catch (error) {
    throw new UnavailableError("no answer", { cause: error });
  }
  if (response.status === 401) throw new SessionEndedError();
  if (response.status === 403 && await codeOf(response) === "fresh_sign_in_needed") {
    throw new FreshSignInNeededError();
  }
  if (!response.ok) throw new UnavailableError(`HTTP ${response.status}`);
  return response;
}

async function codeOf(response) {
  try {
    return (await response.json()).code;
  } catch {
    return null;
  }
}

async function bodyOf(response) {
  try {
    return await response.json();
  } catch (error) {
    throw new UnavailableError("no usable answer", { cause: error });
  }
}
