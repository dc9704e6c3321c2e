/** What the service answers, as its `/openapi.json` describes it. All times are RFC 3339, in UTC. */

/** A session, and how long it lasts. */
export interface Session {
  readonly session_id: string;
  /** When the JWT expires. */
  readonly expires_at: string;
  /** When the session ends unless it is renewed. */
  readonly idle_expires_at: string;
  /** When the session ends in any case. */
  readonly absolute_expires_at: string;
  /** Whether a renewal would move the end. */
  readonly can_extend: boolean;
  /** When to warn the user that the session is about to end. */
  readonly warn_at: string;
}

/** What `GET /api/v1/session` answers. */
export interface ShownSession extends Session {
  readonly user_id: string;
  readonly issued_at: string;
  readonly renewed_at: string;
  readonly va_linked: true;
}

/** What a renewal and a redemption answer. The tokens are missing if they are in cookies. */
export interface Grant extends Session {
  readonly token?: string;
  readonly refresh_token?: string;
}

/** Who is signed in. */
export interface User {
  readonly user_id: string;
  readonly given_name: string | null;
  readonly family_name: string | null;
  readonly email: string | null;
  readonly veteran_status: "confirmed" | "not confirmed" | "unknown";
  readonly last_login_at: string | null;
  /** No back end can act for the Veteran at VA until the next sign-in. */
  readonly va_sign_in_needed: boolean;
}

/** One of the user's sessions. */
export interface Place {
  readonly session_id: string;
  /** In plain words, such as "Firefox on Linux". */
  readonly device: string;
  /** The name of the front end where the user signed in. */
  readonly front_end: string | null;
  readonly issued_at: string;
  readonly renewed_at: string;
  readonly expires_at: string;
  /** Whether it is the session of this browser. */
  readonly current: boolean;
}

/** Why a sign-in ended without a session (`/va-error?error=CODE`). Newer services may add codes. */
export type SignInFailure =
  | "access_denied"
  | "login_expired"
  | "too_many_logins"
  | "token_exchange_failed"
  | "identity_missing"
  | "identity_conflict"
  | "account_disabled"
  | "provider_unavailable"
  | "service_unavailable"
  | (string & {});
