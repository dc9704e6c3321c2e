-- A month whose partition cannot be made, as its name is taken, holds up no other month; and a new
-- partition is nobody's but its owner's, whatever the schema's default privileges are.

CREATE OR REPLACE FUNCTION vetassist_make_audit_partition(begin_at timestamptz) RETURNS integer
LANGUAGE plpgsql SET TimeZone = 'UTC' AS $$
DECLARE
    month timestamptz := date_trunc('month', begin_at);
    next_month timestamptz := date_trunc('month', begin_at) + interval '1 month';
    name text := 'vetassist_auth_audit_' || to_char(month, 'YYYY_MM');
    grantee text;
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
    FOR grantee IN
        SELECT DISTINCT CASE
            WHEN granted.grantee = 0 THEN 'PUBLIC'
            ELSE quote_ident(pg_get_userbyid(granted.grantee))
        END
        FROM pg_class AS made, aclexplode(made.relacl) AS granted
        WHERE made.oid = name::regclass AND granted.grantee <> made.relowner
    LOOP
        EXECUTE format('REVOKE ALL ON TABLE %I FROM %s', name, grantee);
    END LOOP;
    EXECUTE format(
        'ALTER TABLE vetassist_auth_audit ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)',
        name, month, next_month
    );
    RETURN 1;
EXCEPTION WHEN check_violation OR duplicate_table OR duplicate_object THEN
    RETURN 0;
END
$$;

-- The application's role reaches no partition by itself, and has to tell how many rows ended up
-- where no month is. More than a few are as good as these.
CREATE FUNCTION vetassist_audit_rows_of_no_month() RETURNS bigint
LANGUAGE sql STABLE SECURITY DEFINER AS $$
    SELECT count(*) FROM (SELECT FROM vetassist_auth_audit_default LIMIT 10000) AS few
$$;

DO $$
DECLARE
    signature text;
BEGIN
    FOREACH signature IN ARRAY ARRAY[
        'vetassist_make_audit_partition(timestamptz)', 'vetassist_audit_rows_of_no_month()'
    ] LOOP
        EXECUTE format('REVOKE ALL ON FUNCTION %s FROM PUBLIC', signature);
        EXECUTE format(
            'ALTER FUNCTION %s SET search_path = %I, pg_temp', signature, current_schema()
        );
    END LOOP;
END
$$;
