-- Seals over the audit trail: batches of rows, chained one to the next.

-- The order of sealing. A row's number is drawn before its transaction commits, so a lower number
-- may appear after a higher one; but no transaction below the snapshot's xmin can still commit.
CREATE SEQUENCE vetassist_auth_audit_row_number AS bigint;
ALTER TABLE vetassist_auth_audit
    ADD COLUMN transaction_id xid8,
    ADD COLUMN row_number bigint;
UPDATE vetassist_auth_audit AS stored
SET transaction_id = pg_current_xact_id(), row_number = ordered.row_number
FROM (
    SELECT ctid AS place, row_number() OVER (ORDER BY created_at, ctid) AS row_number
    FROM vetassist_auth_audit
) AS ordered
WHERE stored.ctid = ordered.place;
SELECT setval(
    'vetassist_auth_audit_row_number', (SELECT count(*) + 1 FROM vetassist_auth_audit), false
);
ALTER SEQUENCE vetassist_auth_audit_row_number OWNED BY vetassist_auth_audit.row_number;
ALTER TABLE vetassist_auth_audit
    ALTER COLUMN transaction_id SET DEFAULT pg_current_xact_id(),
    ALTER COLUMN transaction_id SET NOT NULL,
    ALTER COLUMN row_number SET DEFAULT nextval('vetassist_auth_audit_row_number'),
    ALTER COLUMN row_number SET NOT NULL;
CREATE INDEX vetassist_auth_audit_sealing_idx
    ON vetassist_auth_audit (transaction_id, row_number);

CREATE TABLE vetassist_audit_batches (
    number bigint PRIMARY KEY,
    month text NOT NULL,
    row_count integer NOT NULL,
    total bigint NOT NULL,
    first_row bigint NOT NULL,
    last_row bigint NOT NULL,
    root bytea NOT NULL,
    previous bytea NOT NULL,
    horizon_transaction bigint NOT NULL,
    horizon_row bigint NOT NULL,
    sealed_at timestamptz NOT NULL,
    key_id text NOT NULL,
    mac bytea NOT NULL,
    hash bytea NOT NULL
);
CREATE TABLE vetassist_audit_leaves (
    batch bigint NOT NULL,
    position integer NOT NULL,
    audit_row bigint NOT NULL,
    transaction_id xid8 NOT NULL,
    hash bytea NOT NULL,
    tag bytea NOT NULL,
    PRIMARY KEY (batch, position)
);
-- A row is sealed once.
CREATE UNIQUE INDEX vetassist_audit_leaves_audit_row_key ON vetassist_audit_leaves (audit_row);
