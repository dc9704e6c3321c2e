-- An earlier phase with care for types and rules.

CREATE TABLE vetassist_users (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    va_icn varchar(50) UNIQUE,
    va_veteran_status varchar(20),
    email varchar(255),
    first_name varchar(100),
    last_name varchar(100),
    is_active boolean DEFAULT true,
    created_at timestamptz DEFAULT now(),
    updated_at timestamptz DEFAULT now(),
    last_login_at timestamptz
);
CREATE TABLE vetassist_va_tokens (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    user_id uuid NOT NULL UNIQUE REFERENCES vetassist_users (id) ON DELETE CASCADE,
    access_token_encrypted bytea NOT NULL,
    refresh_token_encrypted bytea,
    token_type varchar(20) DEFAULT 'Bearer',
    scope varchar(500),
    expires_at timestamptz NOT NULL,
    created_at timestamptz DEFAULT now(),
    refreshed_at timestamptz
);
CREATE TABLE vetassist_sessions (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    user_id uuid NOT NULL REFERENCES vetassist_users (id) ON DELETE CASCADE,
    jwt_id varchar(64) NOT NULL UNIQUE,
    device_info jsonb,
    created_at timestamptz DEFAULT now(),
    expires_at timestamptz NOT NULL,
    revoked_at timestamptz
);
CREATE INDEX idx_sessions_user ON vetassist_sessions (user_id);
CREATE TABLE vetassist_auth_audit (
    id bigserial PRIMARY KEY,
    user_id uuid REFERENCES vetassist_users (id),
    event_type varchar(50) NOT NULL,
    event_data jsonb,
    ip_hash varchar(64),
    created_at timestamptz DEFAULT now()
);
CREATE INDEX idx_audit_user ON vetassist_auth_audit (user_id);

INSERT INTO vetassist_users
    (id, va_icn, va_veteran_status, email, first_name, last_name, is_active, last_login_at)
VALUES
    ('11111111-1111-4111-8111-111111111111', '1012667145V762142', 'confirmed',
     'tamara@veterans.example', 'Tamara', 'Ellis', true, '2026-01-10 12:00:00+00'),
    ('22222222-2222-4222-8222-222222222222', '1012861229V078999', 'not_confirmed',
     'janet@veterans.example', 'Janet', 'Moore', false, NULL),
    ('33333333-3333-4333-8333-333333333333', '00u1a2b3c4d5e6f7g8h9', 'unknown',
     NULL, NULL, NULL, NULL, NULL),
    ('44444444-4444-4444-8444-444444444444', NULL, NULL,
     'ralph@veterans.example', 'Ralph', 'Lee', true, NULL);
INSERT INTO vetassist_va_tokens
    (user_id, access_token_encrypted, refresh_token_encrypted, token_type, scope, expires_at)
VALUES
    ('11111111-1111-4111-8111-111111111111', '\x0001feff', '\x80', 'Bearer', 'openid',
     '2026-01-10 13:00:00+00');
INSERT INTO vetassist_sessions
    (id, user_id, jwt_id, device_info, created_at, expires_at, revoked_at)
VALUES
    ('aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa', '11111111-1111-4111-8111-111111111111',
     '0b0f64e0-6b4c-4e2f-9d53-6ad6a1d9b001', '{"ip": "192.0.2.7", "user_agent": "Mozilla/5.0"}',
     '2026-01-20 17:15:00+00', '2026-01-20 17:45:00+00', NULL),
    (gen_random_uuid(), '11111111-1111-4111-8111-111111111111',
     '0b0f64e0-6b4c-4e2f-9d53-6ad6a1d9b002', NULL,
     '2026-01-20 17:15:00+00', '2026-01-20 17:45:00+00', '2026-01-20 17:20:00+00'),
    (gen_random_uuid(), '33333333-3333-4333-8333-333333333333',
     '0b0f64e0-6b4c-4e2f-9d53-6ad6a1d9b003', '"not an object"',
     '2026-01-01 00:00:00+00', '2026-01-01 00:30:00+00', NULL);
INSERT INTO vetassist_auth_audit (user_id, event_type, event_data, ip_hash, created_at) VALUES
    ('11111111-1111-4111-8111-111111111111', 'login',
     '{"method": "va_oauth", "icn": "10126671..."}', repeat('ab', 32), '2026-01-10 12:00:00+00'),
    ('11111111-1111-4111-8111-111111111111', 'password_changed', NULL, NULL,
     '2026-01-10 12:05:00+00'),
    (NULL, 'logout_all', '{}', NULL, '2026-01-10 12:10:00+00');
