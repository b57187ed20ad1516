-- Sign-ins at an OpenID provider that are under way. A row goes when the browser comes back, whatever it brings.
CREATE TABLE oidc_flows (
    state_hash   TEXT PRIMARY KEY,
    browser_hash TEXT NOT NULL,
    provider     TEXT NOT NULL,
    next         TEXT NOT NULL,
    expires_at   BIGINT NOT NULL
);
CREATE INDEX oidc_flows_by_end ON oidc_flows (expires_at);

-- Logout tokens that were taken, so that none is taken twice, and the provider's sessions that they ended.
CREATE TABLE oidc_logouts (
    provider   TEXT NOT NULL,
    token_id   TEXT NOT NULL,
    session    TEXT,
    expires_at BIGINT NOT NULL,
    PRIMARY KEY (provider, token_id)
);
CREATE INDEX oidc_logouts_by_session ON oidc_logouts (provider, session);

-- The refresh token by which a provider is asked whether it still knows the person; sealed, with another id whenever
-- it changes. held_until is for whoever asks now.
CREATE TABLE oidc_refresh (
    user_id    TEXT PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
    provider   TEXT NOT NULL,
    id         TEXT NOT NULL,
    sealed     TEXT NOT NULL,
    checked_at BIGINT NOT NULL,
    held_until BIGINT NOT NULL
);
