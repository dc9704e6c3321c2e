/** Messages between the tabs of a browser, so that all tabs know the state of the session. */

const channel = new BroadcastChannel("vetassist.session");

/** Tells the other tabs that the session was renewed. `token` is null if it is in a cookie. */
export function tellRenewed(sessionId, token) {
  channel.postMessage({ event: "renewed", sessionId, token });
}

/** Tells the other tabs that a session has ended. `sessionId` is null if only the browser knows. */
export function tellEnded(sessionId) {
  channel.postMessage({ event: "ended", sessionId });
}

/** Calls `listener({ event, sessionId, token })` for each message from another tab. */
export function onTold(listener) {
  channel.addEventListener("message", ({ data }) => listener(data));
}
