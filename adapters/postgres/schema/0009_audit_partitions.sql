-- The audit trail by month, so that a month that has been handed on can go as a whole.

ALTER TABLE vetassist_auth_audit RENAME TO vetassist_auth_audit_whole;
-- Nobody knows when these were written; they were here by now.
UPDATE vetassist_auth_audit_whole SET created_at = now() WHERE created_at IS NULL;
ALTER TABLE vetassist_auth_audit_whole ALTER COLUMN created_at SET NOT NULL;

CREATE TABLE vetassist_auth_audit (
    LIKE vetassist_auth_audit_whole INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING GENERATED
) PARTITION BY RANGE (created_at);
ALTER SEQUENCE vetassist_auth_audit_row_number OWNED BY vetassist_auth_audit.row_number;

-- Ids go on being given out as before. A partitioned table has no identity column before
-- PostgreSQL 17, so a plain sequence takes its place.
DO $$
DECLARE
    counted_by text := pg_get_serial_sequence('vetassist_auth_audit_whole', 'id');
    is_identity boolean;
    next_id bigint;
BEGIN
    SELECT attidentity <> '' INTO is_identity FROM pg_attribute
    WHERE attrelid = 'vetassist_auth_audit_whole'::regclass AND attname = 'id';
    IF is_identity THEN
        SELECT coalesce(max(id), 0) + 1 INTO next_id FROM vetassist_auth_audit_whole;
        CREATE SEQUENCE vetassist_auth_audit_id AS bigint OWNED BY vetassist_auth_audit.id;
        PERFORM setval('vetassist_auth_audit_id', next_id, false);
        ALTER TABLE vetassist_auth_audit
            ALTER COLUMN id SET DEFAULT nextval('vetassist_auth_audit_id');
    ELSIF counted_by IS NOT NULL THEN
        EXECUTE format('ALTER SEQUENCE %s OWNED BY vetassist_auth_audit.id', counted_by);
    END IF;
END
$$;

-- What no month takes lands here, so that no event is ever refused.
CREATE TABLE vetassist_auth_audit_default PARTITION OF vetassist_auth_audit DEFAULT;

CREATE FUNCTION vetassist_has_audit_partition(name text) RETURNS boolean LANGUAGE sql AS $$
    SELECT EXISTS (
        SELECT FROM pg_inherits JOIN pg_class ON oid = inhrelid
        WHERE inhparent = 'vetassist_auth_audit'::regclass AND relname = name
    )
$$;

-- Attached rather than made in place, which would hold up every insert: this waits for none but
-- those into the default partition. A month of which that partition holds rows stays there.
CREATE FUNCTION vetassist_make_audit_partition(begin_at timestamptz) RETURNS integer
LANGUAGE plpgsql SET TimeZone = 'UTC' AS $$
DECLARE
    month timestamptz := date_trunc('month', begin_at);
    next_month timestamptz := date_trunc('month', begin_at) + interval '1 month';
    name text := 'vetassist_auth_audit_' || to_char(month, 'YYYY_MM');
BEGIN
    IF vetassist_has_audit_partition(name) THEN
        RETURN 0;
    END IF;
    PERFORM pg_advisory_xact_lock(7303014802203);
    IF vetassist_has_audit_partition(name) OR EXISTS (
        SELECT FROM vetassist_auth_audit_default WHERE created_at >= month AND created_at < next_month
    ) THEN
        RETURN 0;
    END IF;
    EXECUTE format(
        'CREATE TABLE %I (LIKE vetassist_auth_audit INCLUDING DEFAULTS INCLUDING CONSTRAINTS '
        'INCLUDING GENERATED)', name
    );
    EXECUTE format(
        'ALTER TABLE vetassist_auth_audit ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)',
        name, month, next_month
    );
    RETURN 1;
EXCEPTION WHEN check_violation THEN
    RETURN 0;
END
$$;

-- For the application's role, which owns nothing: it takes no word from its caller.
CREATE FUNCTION vetassist_make_audit_partitions() RETURNS integer
LANGUAGE sql SECURITY DEFINER AS $$
    SELECT sum(vetassist_make_audit_partition(now() + make_interval(months => ahead)))::integer
    FROM generate_series(0, 3) AS ahead
$$;

-- Nor does it find what its caller has put into a schema of its own.
DO $$
DECLARE
    signature text;
BEGIN
    FOREACH signature IN ARRAY ARRAY[
        'vetassist_has_audit_partition(text)', 'vetassist_make_audit_partition(timestamptz)',
        'vetassist_make_audit_partitions()'
    ] LOOP
        EXECUTE format('REVOKE ALL ON FUNCTION %s FROM PUBLIC', signature);
        EXECUTE format(
            'ALTER FUNCTION %s SET search_path = %I, pg_temp', signature, current_schema()
        );
    END LOOP;
END
$$;

-- Times that nobody can have meant stay in the default partition.
SELECT vetassist_make_audit_partition(month)
FROM (
    SELECT DISTINCT date_trunc('month', created_at, 'UTC') AS month
    FROM vetassist_auth_audit_whole
    WHERE created_at BETWEEN now() - interval '20 years' AND now() + interval '1 year'
) AS months;
SELECT vetassist_make_audit_partitions();

DO $$
DECLARE
    columns text;
BEGIN
    SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum) INTO columns
    FROM pg_attribute
    WHERE attrelid = 'vetassist_auth_audit_whole'::regclass AND attnum > 0
      AND NOT attisdropped AND attgenerated = '';
    EXECUTE format(
        'INSERT INTO vetassist_auth_audit (%1$s) SELECT %1$s FROM vetassist_auth_audit_whole',
        columns
    );
END
$$;
DROP TABLE vetassist_auth_audit_whole;

ALTER TABLE vetassist_auth_audit ADD PRIMARY KEY (id, created_at);
CREATE INDEX vetassist_auth_audit_user_id_idx ON vetassist_auth_audit (user_id, created_at);
CREATE INDEX vetassist_auth_audit_sealing_idx
    ON vetassist_auth_audit (transaction_id, row_number);

-- Which batches have been handed on whole, and which months have gone for good since.
CREATE TABLE vetassist_audit_exports (
    id uuid PRIMARY KEY,
    first_batch bigint NOT NULL,
    last_batch bigint NOT NULL,
    sha256 bytea NOT NULL,
    exported_at timestamptz NOT NULL
);
CREATE TABLE vetassist_audit_drops (
    month text PRIMARY KEY,
    last_batch bigint NOT NULL,
    row_count bigint NOT NULL,
    dropped_at timestamptz NOT NULL,
    key_id text NOT NULL,
    mac bytea NOT NULL
);
