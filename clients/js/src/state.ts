/** What a page can know about the session. */

import type { Session } from "./answers.js";

/** The session is about to end. */
export interface Warning {
  /** When, by the clock of this device. */
  readonly endsAt: Date;
  /** Whether `extend()` would move the end. */
  readonly canExtend: boolean;
}

export type SessionState =
  /** Not known yet: call `open()`. */
  | { readonly status: "opening" }
  /** The service doesn't answer. The session may stand. The library asks again by itself. */
  | { readonly status: "unavailable" }
  | {
      readonly status: "signed-in";
      readonly session: Session;
      /** Set if the session is about to end. */
      readonly warning: Warning | null;
    }
  /** The token's time is up, but the session may stand: ask whether to `extend()` it. */
  | { readonly status: "expired"; readonly session: Session }
  /** `none`: nobody has signed in. `ended`: the session did, by itself or elsewhere. */
  | { readonly status: "signed-out"; readonly reason: "none" | "ended" | "signed-out" };

export interface SessionOptions {
  /** The id of a registered front end. Without it, the service's own settings count. */
  readonly frontEnd?: string;
  /** Called once before each end. The state says so too. */
  readonly warn?: (warning: Warning) => void;
  /** Where else `fetch()` may send the session, beside this origin and the service's. */
  readonly origins?: readonly string[];
  /**
   * Where a token is kept. In `memory`, a reload renews the session by its cookie. A front end on
   * another site than the service gets no cookies: with `tab`, its token survives a reload in
   * sessionStorage, where every script of the page can read it.
   */
  readonly keep?: "memory" | "tab";
}

/** Only what every answer about a session has. */
export function plain(session: Session): Session {
  const { session_id, expires_at, idle_expires_at, absolute_expires_at, can_extend, warn_at } =
    session;
  return { session_id, expires_at, idle_expires_at, absolute_expires_at, can_extend, warn_at };
}
