"""What the tables and the problem codes of docs/reference.md mean."""

from typing import Final

TABLES: Final = {
    "vetassist_users": "One row per Veteran, by ICN: names, e-mail address, Veteran status, last "
    "sign-in, whether active, the user that it was merged into, and the wrapped data key of the "
    "tokens",
    "vetassist_va_identities": "Accounts at the provider (issuer and subject), each an alias of "
    "one user",
    "vetassist_va_tokens": "VA's access, refresh and ID tokens, sealed with the user's data key, "
    "and the state of their refresh. One row per user",
    "vetassist_va_replaced_tokens": "Refresh tokens that a later sign-in replaced, until they "
    "expire at VA. An unlink revokes them too",
    "vetassist_va_revocations": "The outbox: tokens to be revoked at VA, each sealed with its own "
    "key",
    "vetassist_service_clients": "Registered clients: name, public keys or hashes of secrets, "
    "purposes, scopes",
    "vetassist_front_ends": "Registered front ends: name, URL, delivery, limits",
    "vetassist_used_assertions": "Hashes of the assertions that clients have used, for a few "
    "minutes",
    "vetassist_sessions": "Sessions: front end, limits, hashes of the refresh tokens, and when, by "
    "whom and why a session was revoked",
    "vetassist_auth_audit": "The audit trail, one partition per month",
    "vetassist_audit_batches": "The seals: one row per batch of the audit trail, each chained to "
    "the one before",
    "vetassist_audit_leaves": "Which event was sealed in which batch, with its hash",
    "vetassist_audit_exports": "Which batches were exported completely, authenticated",
    "vetassist_audit_drops": "Which months were dropped, authenticated",
    "vetassist_login_attempts": "Sign-ins in progress and up to an hour after: hashes, session",
    "vetassist_handoffs": "Hashes of the one-time codes, for 60 seconds",
    "vetassist_application_roles": "The roles that `migrate` grants what the service needs",
    "vetassist_timelines": "Which timelines of PostgreSQL the service has seen, so that it never "
    "trusts a former primary",
    "vetassist_outages": "When the database could not be used. Renewals of that time can be "
    "repeated",
    "vetassist_schema_migrations": "The applied steps of the schema",
}

PROBLEMS: Final = {
    "invalid_token": "There is no token, more than one, or one that isn't valid",
    "session_ended": "The refresh token or one-time code is genuine, but its session has ended",
    "token_reused": "The refresh token was used before, so its session was ended",
    "fresh_sign_in_needed": "The sign-in isn't recent enough: sign in again first",
    "forbidden": "A cookie came with an unsafe request from another site",
    "not_found": "It doesn't exist, or it isn't the caller's",
    "invalid_return_to": "`return_to` isn't a path of the front end",
    "unknown_front_end": "`front_end` isn't the id of an enabled front end",
    "invalid_code_challenge": "`code_challenge` isn't a PKCE challenge of the method S256",
    "invalid_code_verifier": "`code_verifier` isn't a PKCE verifier",
    "malformed_parameters": "A parameter appears twice, or isn't clean text",
    "too_many_logins": "Too many sign-ins were started. `Retry-After` says when to try again",
    "unavailable": "The database doesn't answer. Nothing was changed",
    "provider_unavailable": "VA doesn't answer, or too many sign-ins are in progress there",
    "bad_request": "The body or a parameter isn't what the route takes",
    "request_timeout": "The request took too long to arrive",
    "content_too_large": "The body is too long",
    "unsupported_media_type": "The body has another media type than the route takes",
}
#: The API's description leaves these out: any route can answer with them, or one says more.
MORE_PROBLEMS: Final = {
    "not_found": (404, "not_found", PROBLEMS["not_found"]),
    "method_not_allowed": (405, "method_not_allowed", "The route has no such method"),
    "not_ready": (503, "not_ready", "From `/readyz` only: the checks in `failing` fail"),
    "internal_error": (500, "internal_error", "A bug. The log has it under the `X-Request-ID`"),
}
