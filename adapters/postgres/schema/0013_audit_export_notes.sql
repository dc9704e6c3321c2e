-- Who notes an export shows that they have the audit key: the service's role may add notes, and a
-- month that was exported may be dropped. Notes of before have no MAC and let nothing go.

ALTER TABLE vetassist_audit_exports
    ADD COLUMN key_id text,
    ADD COLUMN mac bytea;
