-- Sites from which Veterans sign in, beside the one that the settings describe. NULL stands for
-- that one.
--
-- Front ends are few and belong to no user: where the schema is distributed by user, this is a
-- reference table.
CREATE TABLE vetassist_front_ends (
    id uuid PRIMARY KEY,
    name text NOT NULL,
    url text NOT NULL,
    origin text NOT NULL,
    delivery text NOT NULL,
    idle_seconds integer,
    absolute_seconds integer,
    created_at timestamptz NOT NULL,
    disabled_at timestamptz
);

-- Nothing could keep two front ends of one origin apart.
CREATE UNIQUE INDEX vetassist_front_ends_origin_key ON vetassist_front_ends (origin)
    WHERE disabled_at IS NULL;

ALTER TABLE vetassist_login_attempts ADD COLUMN front_end_id uuid;
ALTER TABLE vetassist_sessions ADD COLUMN front_end_id uuid;
