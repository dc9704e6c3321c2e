-- A data key per user, wrapped by a master key. It stands with its user, so that the upsert of a
-- sign-in that waited for another one reads the key that the other one made.

ALTER TABLE vetassist_users
    ADD COLUMN data_key bytea,
    ADD COLUMN data_key_version integer,
    ADD COLUMN data_key_master_id text;
ALTER TABLE vetassist_va_tokens
    ADD COLUMN id_token_encrypted bytea;
