-- A browser that comes back with an attempt that is used or too old starts another one by itself,
-- once. And a session whose answer never reached its browser ends when the browser signs in again.
ALTER TABLE vetassist_login_attempts
    ADD COLUMN is_restart boolean NOT NULL DEFAULT false,
    ADD COLUMN replaces bytea,
    ADD COLUMN user_id uuid,
    ADD COLUMN session_id uuid,
    ADD COLUMN superseded_at timestamptz,
    -- Whichever comes first wins: an attempt that was superseded can't open a session anymore.
    ADD CONSTRAINT vetassist_login_attempts_superseded_opens_nothing
        CHECK (superseded_at IS NULL OR session_id IS NULL);
CREATE INDEX vetassist_login_attempts_browser_hash_idx ON vetassist_login_attempts (browser_hash);
