-- A person gave name and password and owes a second step: 'factor' or 'enrolment'. The cookie holds the secret.
CREATE TABLE sign_ins (
    secret_hash         TEXT PRIMARY KEY,
    user_id             TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    credential_revision BIGINT NOT NULL,
    provider_session    TEXT,
    stage               TEXT NOT NULL,
    wrong_codes         BIGINT NOT NULL,
    expires_at          BIGINT NOT NULL
);
CREATE INDEX sign_ins_by_user ON sign_ins (user_id);

-- The time-based codes of a person (RFC 6238). Neither last_step nor an earlier one is taken again.
CREATE TABLE totps (
    user_id       TEXT PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
    sealed_secret TEXT NOT NULL,
    last_step     BIGINT NOT NULL,
    enrolled_at   BIGINT NOT NULL
);

CREATE TABLE recovery_codes (
    user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    hash    TEXT NOT NULL,
    PRIMARY KEY (user_id, hash)
);

-- body is the public key and what else the library keeps, as JSON.
CREATE TABLE passkeys (
    id            TEXT PRIMARY KEY,
    user_id       TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    name          TEXT NOT NULL,
    credential_id TEXT NOT NULL UNIQUE,
    body          TEXT NOT NULL,
    created_at    BIGINT NOT NULL,
    last_used_at  BIGINT
);
CREATE INDEX passkeys_by_user ON passkeys (user_id);

-- What is begun and waits for the browser's answer: a new secret, a passkey's challenge. holder is a session's id or a
-- pending sign-in's hash.
CREATE TABLE ceremonies (
    holder     TEXT NOT NULL,
    kind       TEXT NOT NULL,
    user_id    TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    sealed     TEXT NOT NULL,
    expires_at BIGINT NOT NULL,
    PRIMARY KEY (holder, kind)
);
CREATE INDEX ceremonies_by_user ON ceremonies (user_id);
