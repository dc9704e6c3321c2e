-- The refresh of VA's tokens: one call to VA for each generation, whoever asks and however many.

ALTER TABLE vetassist_va_tokens
    -- Whose sign-in brought the tokens: a refreshed ID token must name the same.
    ADD COLUMN issuer text,
    ADD COLUMN subject text,
    -- A set of tokens goes by the sign-in that it hangs on and a count. The sign-in's id keeps a
    -- late answer out of a link that was taken back and made anew, whose count began anew.
    ADD COLUMN sign_in_id uuid NOT NULL DEFAULT gen_random_uuid(),
    ADD COLUMN generation bigint NOT NULL DEFAULT 1,
    ADD COLUMN lease_fence bigint NOT NULL DEFAULT 0,
    ADD COLUMN lease_until timestamptz,
    ADD COLUMN needs_sign_in_at timestamptz,
    ADD COLUMN retry_at timestamptz,
    ADD COLUMN refresh_attempts integer NOT NULL DEFAULT 0;

-- The tokens that are here came with each user's newest sign-in.
UPDATE vetassist_va_tokens AS tokens
SET issuer = newest.issuer, subject = newest.subject
FROM (
    SELECT DISTINCT ON (user_id) user_id, issuer, subject
    FROM vetassist_va_identities
    ORDER BY user_id, last_seen_at DESC
) AS newest
WHERE tokens.user_id = newest.user_id;
