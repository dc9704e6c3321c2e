-- The outbox of tokens to be revoked at VA. It outlives the link it tells of, so each entry
-- brings a key of its own.

CREATE TABLE vetassist_va_revocations (
    id uuid PRIMARY KEY,
    user_id uuid NOT NULL,
    data_key bytea NOT NULL,
    data_key_version integer NOT NULL,
    data_key_master_id text NOT NULL,
    token_encrypted bytea NOT NULL,
    is_refresh_token boolean NOT NULL,
    created_at timestamptz NOT NULL,
    due_at timestamptz NOT NULL,
    attempts integer NOT NULL
);
CREATE UNIQUE INDEX vetassist_va_revocations_user_id_key ON vetassist_va_revocations (user_id, id);
CREATE INDEX vetassist_va_revocations_due_at_idx ON vetassist_va_revocations (due_at);
-- Whose tokens lie unused for how long.
CREATE INDEX vetassist_users_last_login_at_idx ON vetassist_users (last_login_at);
