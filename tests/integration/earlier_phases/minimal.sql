-- An earlier phase with just the columns that its code names, and hardly a rule.

CREATE TABLE vetassist_users (
    id uuid PRIMARY KEY,
    va_icn text,
    va_veteran_status text,
    email text,
    first_name text,
    last_name text,
    last_login_at timestamptz,
    updated_at timestamptz
);
CREATE TABLE vetassist_va_tokens (
    user_id uuid PRIMARY KEY,
    access_token_encrypted text,
    refresh_token_encrypted text,
    token_type text,
    scope text,
    expires_at timestamptz,
    refreshed_at timestamptz
);
CREATE TABLE vetassist_sessions (
    id serial PRIMARY KEY,
    user_id uuid,
    jwt_id uuid,
    device_info jsonb,
    expires_at timestamptz,
    revoked_at timestamptz
);
CREATE TABLE vetassist_auth_audit (
    id serial PRIMARY KEY,
    user_id uuid,
    event_type text,
    event_data jsonb,
    ip_hash text
);

INSERT INTO vetassist_users
    (id, va_icn, va_veteran_status, email, first_name, last_name, last_login_at)
VALUES
    ('11111111-1111-4111-8111-111111111111', '1012667145V762142', 'unknown',
     'tamara@veterans.example', 'Tamara', 'Ellis', '2026-01-10 12:00:00+00'),
    ('33333333-3333-4333-8333-333333333333', '00u1a2b3c4d5e6f7g8h9', 'unknown',
     NULL, NULL, NULL, NULL),
    ('44444444-4444-4444-8444-444444444444', NULL, NULL,
     'ralph@veterans.example', 'Ralph', 'Lee', NULL);
INSERT INTO vetassist_va_tokens
    (user_id, access_token_encrypted, refresh_token_encrypted, token_type, scope, expires_at)
VALUES
    ('11111111-1111-4111-8111-111111111111', 'gAAAAABh-access', 'gAAAAABh-refresh', 'Bearer',
     'openid', '2026-01-10 13:00:00+00'),
    ('44444444-4444-4444-8444-444444444444', 'gAAAAABh-access', NULL, NULL, NULL, NULL);
INSERT INTO vetassist_sessions (user_id, jwt_id, device_info, expires_at, revoked_at) VALUES
    ('11111111-1111-4111-8111-111111111111', '0b0f64e0-6b4c-4e2f-9d53-6ad6a1d9b001',
     '{"ip": "192.0.2.7", "user_agent": "Mozilla/5.0"}', '2026-01-20 17:45:00+00', NULL),
    ('11111111-1111-4111-8111-111111111111', '0b0f64e0-6b4c-4e2f-9d53-6ad6a1d9b002',
     NULL, '2026-01-20 17:45:00+00', '2026-01-20 17:20:00+00'),
    ('33333333-3333-4333-8333-333333333333', '0b0f64e0-6b4c-4e2f-9d53-6ad6a1d9b003',
     NULL, '2026-01-01 00:30:00+00', NULL);
INSERT INTO vetassist_auth_audit (user_id, event_type, event_data, ip_hash) VALUES
    ('11111111-1111-4111-8111-111111111111', 'login', '{"method": "va_oauth"}', repeat('ab', 32)),
    ('11111111-1111-4111-8111-111111111111', 'logout', '{"jwt_id": "0b0f64e0"}', NULL);
