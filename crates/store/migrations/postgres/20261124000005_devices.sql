-- Command lines that wait for somebody to let them in by a browser (RFC 8628). Both codes are hashes; state is 'pending',
-- 'approved' or 'denied'. Once approved, sealed_token holds the API token until it is fetched.
CREATE TABLE devices (
    device_hash     TEXT PRIMARY KEY,
    code_hash       TEXT NOT NULL UNIQUE,
    client_name     TEXT NOT NULL,
    address         TEXT NOT NULL,
    network         TEXT NOT NULL,
    scopes          TEXT NOT NULL,
    expires_in_days BIGINT NOT NULL,
    state           TEXT NOT NULL,
    token_id        TEXT REFERENCES tokens (id) ON DELETE CASCADE,
    sealed_token    TEXT,
    interval_secs   BIGINT NOT NULL,
    polled_at       BIGINT,
    created_at      BIGINT NOT NULL,
    expires_at      BIGINT NOT NULL
);
CREATE INDEX devices_by_network ON devices (network);

-- What people have chosen for themselves; who chose nothing has no row.
CREATE TABLE preferences (
    user_id          TEXT PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
    apps_at_sign_out TEXT NOT NULL
);
