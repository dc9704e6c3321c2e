-- Who ran the command that an event tells of. Null for requests and for what the service does by
-- itself, so the seals of before fit.

ALTER TABLE vetassist_auth_audit ADD COLUMN operator text;
