-- Where an event came from: the request, and keyed hashes with the key that made them. Hashes
-- without a key id are older than this step, and cannot be compared with those that have one.

ALTER TABLE vetassist_auth_audit
    ADD COLUMN user_agent_hash text,
    ADD COLUMN hash_key_id text,
    ADD COLUMN request_id text;
