-- provider is 'local' or the id of a configured one; subject is what that one calls the person for ever. locked is an
-- operator's word, shut_out the directory's, with its reason.
ALTER TABLE users ADD COLUMN provider TEXT NOT NULL DEFAULT 'local';
ALTER TABLE users ADD COLUMN subject TEXT;
ALTER TABLE users ADD COLUMN role TEXT NOT NULL DEFAULT 'user';
ALTER TABLE users ADD COLUMN shut_out TEXT;
ALTER TABLE users ADD COLUMN refreshed_at BIGINT;
CREATE UNIQUE INDEX users_by_subject ON users (provider, subject);
CREATE INDEX users_by_uid ON users (uid);

-- The sid by which a provider ends its own sessions (OpenID Connect Back-Channel Logout 1.0).
ALTER TABLE sessions ADD COLUMN provider_session TEXT;
CREATE INDEX sessions_by_provider_session ON sessions (provider_session);

-- scopes and networks are JSON lists of texts; no network means any.
ALTER TABLE tokens ADD COLUMN scopes TEXT NOT NULL DEFAULT '["read","apps","jobs","files"]';
ALTER TABLE tokens ADD COLUMN networks TEXT NOT NULL DEFAULT '[]';
