/** What the tabs of one browser tell each other, so that no tab goes by what is no longer true. */

const channel = new BroadcastChannel("vetassist.session");

/** The session goes on; `token` is its newest, or null when that is in a cookie. */
export function tellRenewed(sessionId, token) {
  channel.postMessage({ event: "renewed", sessionId, token });
}

export function tellEnded(sessionId) {
  channel.postMessage({ event: "ended", sessionId });
}

/** Calls `listener({ event, sessionId, token })` for what the other tabs tell. */
export function onTold(listener) {
  channel.addEventListener("message", ({ data }) => listener(data));
}
