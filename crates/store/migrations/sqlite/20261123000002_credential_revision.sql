-- Counts the changes of an account's password: what was checked against an older one opens nothing.
ALTER TABLE users ADD COLUMN credential_revision BIGINT NOT NULL DEFAULT 0;
