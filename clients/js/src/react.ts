/** The session in React. */

import { useSyncExternalStore } from "react";

import type { BrowserSession } from "./session.js";
import type { SessionState } from "./state.js";

/** Returns the state of the session, and renders again when it changes. */
export function useSession(session: BrowserSession): SessionState {
  const state = () => session.state;
  return useSyncExternalStore(session.subscribe, state, state);
}
