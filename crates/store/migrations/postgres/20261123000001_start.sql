-- Times are UTC milliseconds, booleans 0 or 1, JSON is text, hashes are 64 hexadecimal digits.

CREATE TABLE revision (
    id    BIGINT PRIMARY KEY CHECK (id = 1),
    value BIGINT NOT NULL
);
INSERT INTO revision (id, value) VALUES (1, 0);

CREATE TABLE users (
    id            TEXT PRIMARY KEY,
    name          TEXT NOT NULL UNIQUE,
    display_name  TEXT NOT NULL,
    uid           BIGINT NOT NULL,
    gid           BIGINT NOT NULL,
    groups        TEXT NOT NULL,
    home          TEXT NOT NULL,
    shell         TEXT NOT NULL,
    password_hash TEXT,
    locked        BIGINT NOT NULL,
    created_at    BIGINT NOT NULL
);

CREATE TABLE tokens (
    id           TEXT PRIMARY KEY,
    user_id      TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    name         TEXT NOT NULL,
    secret_hash  TEXT NOT NULL UNIQUE,
    created_at   BIGINT NOT NULL,
    expires_at   BIGINT NOT NULL,
    last_used_at BIGINT
);
CREATE INDEX tokens_by_user ON tokens (user_id);

-- kind is 'browser', or 'token' for what a command-line ticket opened; the latter ends with its token.
CREATE TABLE sessions (
    id           TEXT PRIMARY KEY,
    user_id      TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    kind         TEXT NOT NULL,
    token_id     TEXT REFERENCES tokens (id) ON DELETE CASCADE,
    secret_hash  TEXT UNIQUE,
    created_at   BIGINT NOT NULL,
    last_used_at BIGINT NOT NULL,
    expires_at   BIGINT NOT NULL,
    address      TEXT NOT NULL,
    user_agent   TEXT NOT NULL
);
CREATE INDEX sessions_by_user ON sessions (user_id);

CREATE TABLE attempts (
    subject  TEXT PRIMARY KEY,
    failures BIGINT NOT NULL,
    last_at  BIGINT NOT NULL
);

CREATE TABLE tickets (
    hash       TEXT PRIMARY KEY,
    app_id     TEXT NOT NULL,
    user_id    TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    session_id TEXT NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    nonce_hash TEXT,
    expires_at BIGINT NOT NULL
);

CREATE TABLE grants (
    id          TEXT PRIMARY KEY,
    secret_hash TEXT NOT NULL UNIQUE,
    app_id      TEXT NOT NULL,
    user_id     TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    session_id  TEXT NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    expires_at  BIGINT NOT NULL
);
CREATE INDEX grants_by_session ON grants (session_id);

CREATE TABLE contracts (
    user_id          TEXT PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
    starts_at        BIGINT NOT NULL,
    ends_at          BIGINT NOT NULL,
    cpu_millis       BIGINT NOT NULL,
    memory_bytes     BIGINT NOT NULL,
    gpus             BIGINT NOT NULL,
    budget_sru_hours DOUBLE PRECISION
);

-- body is the whole app as JSON; the other columns are what is searched by.
CREATE TABLE apps (
    id         TEXT PRIMARY KEY,
    owner      TEXT NOT NULL,
    name       TEXT NOT NULL,
    phase      TEXT NOT NULL,
    body       TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    revision   BIGINT NOT NULL
);
CREATE UNIQUE INDEX apps_by_name ON apps (owner, name) WHERE phase <> 'deleted';
CREATE INDEX apps_by_revision ON apps (revision);

-- body is the whole job as JSON.
CREATE TABLE jobs (
    id           TEXT PRIMARY KEY,
    owner        TEXT NOT NULL,
    system       TEXT NOT NULL,
    scheduler_id TEXT,
    ended        BIGINT NOT NULL,
    submitted_at BIGINT NOT NULL,
    body         TEXT NOT NULL,
    script       TEXT NOT NULL,
    revision     BIGINT NOT NULL
);
CREATE INDEX jobs_by_owner ON jobs (owner, submitted_at, id);
CREATE INDEX jobs_by_revision ON jobs (revision);

-- What somebody asked for and control has not done yet.
CREATE TABLE intents (
    id         BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    area       TEXT NOT NULL,
    kind       TEXT NOT NULL,
    subject    TEXT NOT NULL,
    owner      TEXT NOT NULL,
    body       TEXT NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE INDEX intents_by_subject ON intents (area, subject, id);

CREATE TABLE idempotency (
    caller     TEXT NOT NULL,
    operation  TEXT NOT NULL,
    key        TEXT NOT NULL,
    status     BIGINT,
    body       TEXT,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (caller, operation, key)
);

CREATE TABLE audit (
    id      BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at      BIGINT NOT NULL,
    actor   TEXT NOT NULL,
    action  TEXT NOT NULL,
    object  TEXT NOT NULL,
    address TEXT NOT NULL,
    outcome TEXT,
    ended_at BIGINT
);

CREATE TABLE leases (
    name       TEXT PRIMARY KEY,
    holder     TEXT NOT NULL,
    epoch      BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);
