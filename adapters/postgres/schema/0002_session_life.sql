-- The life of a session: renewal, its limits, how it ended; and one-time codes.

ALTER TABLE vetassist_sessions
    ADD COLUMN renewed_at timestamptz,
    ADD COLUMN absolute_expires_at timestamptz,
    ADD COLUMN refresh_hash bytea,
    ADD COLUMN refresh_previous_hash bytea,
    ADD COLUMN refresh_salt text,
    ADD COLUMN revoked_by text,
    ADD COLUMN revoke_reason text;

CREATE TABLE vetassist_handoffs (
    code_hash bytea PRIMARY KEY,
    browser_hash bytea NOT NULL,
    user_id uuid NOT NULL REFERENCES vetassist_users (id) ON DELETE CASCADE,
    session_id uuid NOT NULL,
    expires_at timestamptz NOT NULL
);
CREATE UNIQUE INDEX vetassist_handoffs_user_id_key ON vetassist_handoffs (user_id, code_hash);
CREATE INDEX vetassist_handoffs_expires_at_idx ON vetassist_handoffs (expires_at);
-- The purge looks for revoked rows, which are few beside the rest.
CREATE INDEX vetassist_sessions_revoked_at_idx
    ON vetassist_sessions (revoked_at) WHERE revoked_at IS NOT NULL;
