-- Tokens come by a sign-in, so who has some has signed in, whether or not an earlier phase has noted
-- when. Without that their retention would never end.
UPDATE vetassist_users AS users
SET last_login_at = coalesce(tokens.refreshed_at, tokens.created_at, users.created_at, now())
FROM vetassist_va_tokens AS tokens
WHERE tokens.user_id = users.id AND users.last_login_at IS NULL;

-- Refresh tokens that a later sign-in replaced, still sealed under the user's data key: VA takes them
-- until it is told otherwise, or they die unused. Of the type that an earlier phase gave the column.
CREATE TABLE vetassist_va_replaced_tokens AS
SELECT user_id, refresh_token_encrypted FROM vetassist_va_tokens WITH NO DATA;
ALTER TABLE vetassist_va_replaced_tokens
    ADD COLUMN id uuid NOT NULL DEFAULT gen_random_uuid(),
    ADD COLUMN replaced_at timestamptz NOT NULL,
    ALTER COLUMN refresh_token_encrypted SET NOT NULL,
    ADD PRIMARY KEY (user_id, id),
    ADD FOREIGN KEY (user_id) REFERENCES vetassist_users (id) ON DELETE CASCADE;
