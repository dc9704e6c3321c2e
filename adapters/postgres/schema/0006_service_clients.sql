-- Back ends that may ask for VA's tokens, and which of their assertions have been used.
--
-- Clients are few and belong to no user: where the schema is distributed by user, this is a
-- reference table.

CREATE TABLE vetassist_service_clients (
    id uuid PRIMARY KEY,
    name text NOT NULL,
    keys jsonb NOT NULL,
    secret_hashes bytea[] NOT NULL,
    purposes text[] NOT NULL,
    scopes text[] NOT NULL,
    created_at timestamptz NOT NULL,
    disabled_at timestamptz
);

-- The primary key is what lets an assertion pass once.
CREATE TABLE vetassist_used_assertions (
    client_id uuid NOT NULL,
    id_hash bytea NOT NULL,
    forget_at timestamptz NOT NULL,
    PRIMARY KEY (client_id, id_hash)
);
CREATE INDEX vetassist_used_assertions_forget_at_idx ON vetassist_used_assertions (forget_at);
