-- An earlier phase with habits of its own: other types, stricter rules, ids it gave out itself.

CREATE TYPE veteran_status AS ENUM ('unknown', 'confirmed', 'not_confirmed');
CREATE TABLE vetassist_users (
    id uuid PRIMARY KEY,
    va_icn varchar(17) NOT NULL UNIQUE,
    va_veteran_status veteran_status NOT NULL DEFAULT 'unknown',
    email varchar(64),
    first_name varchar(20),
    last_name varchar(20),
    is_active boolean NOT NULL DEFAULT true,
    last_login_at timestamp,
    created_at timestamp NOT NULL DEFAULT now(),
    updated_at timestamp NOT NULL DEFAULT now()
);
CREATE TABLE vetassist_va_tokens (
    id uuid PRIMARY KEY,
    user_id uuid NOT NULL REFERENCES vetassist_users (id),
    access_token_encrypted varchar(40) NOT NULL,
    refresh_token_encrypted varchar(40),
    token_type varchar(10) NOT NULL DEFAULT 'Bearer' CHECK (token_type IN ('Bearer', 'MAC')),
    scope varchar(50) NOT NULL DEFAULT '',
    expires_at timestamptz NOT NULL,
    refreshed_at timestamp
);
CREATE UNIQUE INDEX one_set_of_tokens ON vetassist_va_tokens (user_id);
CREATE TABLE vetassist_sessions (
    user_id uuid NOT NULL REFERENCES vetassist_users (id),
    jwt_id varchar(36) PRIMARY KEY,
    device_info json NOT NULL DEFAULT '{}',
    expires_at timestamptz NOT NULL,
    revoked_at timestamp,
    created_at timestamp NOT NULL DEFAULT now()
);
CREATE TABLE vetassist_auth_audit (
    id uuid PRIMARY KEY,
    user_id uuid NOT NULL REFERENCES vetassist_users (id),
    event_type varchar(20) NOT NULL CHECK (event_type IN ('login', 'logout', 'logout_all')),
    event_data text NOT NULL DEFAULT '{}',
    ip_hash char(64),
    created_at timestamp NOT NULL DEFAULT now()
);

INSERT INTO vetassist_users
    (id, va_icn, va_veteran_status, email, first_name, last_name, is_active, last_login_at)
VALUES
    ('11111111-1111-4111-8111-111111111111', '1012667145V762142', 'confirmed',
     'tamara@veterans.example', 'Tamara', 'Ellis', true, '2026-01-10 12:00:00'),
    ('22222222-2222-4222-8222-222222222222', '1012861229V078999', 'not_confirmed',
     'janet@veterans.example', 'Janet', 'Moore', false, NULL),
    ('33333333-3333-4333-8333-333333333333', '00u1a2b3c4d5e6f7', 'unknown',
     NULL, NULL, NULL, true, NULL);
INSERT INTO vetassist_va_tokens
    (id, user_id, access_token_encrypted, refresh_token_encrypted, expires_at)
VALUES
    (gen_random_uuid(), '11111111-1111-4111-8111-111111111111', 'gAAAAABh-access',
     'gAAAAABh-refresh', '2026-01-10 13:00:00+00');
INSERT INTO vetassist_sessions (user_id, jwt_id, device_info, created_at, expires_at, revoked_at)
VALUES
    ('11111111-1111-4111-8111-111111111111', '0b0f64e0-6b4c-4e2f-9d53-6ad6a1d9b001',
     '{"user_agent": "Mozilla/5.0"}', '2026-01-20 17:15:00', '2026-01-20 17:45:00+00', NULL),
    ('11111111-1111-4111-8111-111111111111', '0b0f64e0-6b4c-4e2f-9d53-6ad6a1d9b002',
     '{}', '2026-01-20 17:15:00', '2026-01-20 17:45:00+00', '2026-01-20 17:20:00');
INSERT INTO vetassist_auth_audit (id, user_id, event_type, event_data, ip_hash, created_at) VALUES
    (gen_random_uuid(), '11111111-1111-4111-8111-111111111111', 'login', '{"method": "va_oauth"}',
     repeat('ab', 32), '2026-01-10 12:00:00');
