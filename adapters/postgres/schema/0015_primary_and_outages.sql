-- Which timelines the service has seen, and since when. A fail-over begins a new one; until the
-- leases of the former primary have run out, nothing is answered from it.
CREATE TABLE vetassist_timelines (
    timeline integer PRIMARY KEY,
    seen_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- There was no other primary before this schema.
INSERT INTO vetassist_timelines (timeline, seen_at)
VALUES (('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::integer, 'epoch');

-- Spans in which the database could not be used. Renewals of that time may be repeated after it.
CREATE TABLE vetassist_outages (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    began_at timestamptz NOT NULL,
    ended_at timestamptz NOT NULL,
    CHECK (began_at <= ended_at)
);
CREATE INDEX vetassist_outages_ended_at_idx ON vetassist_outages (ended_at);
