-- A sign-in that an app started: it redeems the code with a secret of its own, without a cookie.
ALTER TABLE vetassist_login_attempts
    ADD COLUMN app_challenge bytea;

ALTER TABLE vetassist_handoffs
    ADD COLUMN app_challenge bytea,
    ALTER COLUMN browser_hash DROP NOT NULL,
    ADD CONSTRAINT vetassist_handoffs_holder_check
        CHECK (num_nonnulls(browser_hash, app_challenge) = 1);
