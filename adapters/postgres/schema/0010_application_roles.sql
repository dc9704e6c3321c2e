-- Roles that may do what the service does, and no more. `vetassist migrate` grants them what each
-- new step of the schema brings.

CREATE TABLE vetassist_application_roles (
    name text PRIMARY KEY
);
