-- When each running app was used last, for those that end when nobody uses them. idle_from is where its idle time
-- counts from: later than used_at when its person kept it, or while the portal did not look.
CREATE TABLE app_uses (
    app       TEXT PRIMARY KEY REFERENCES apps (id) ON DELETE CASCADE,
    used_at   BIGINT NOT NULL,
    idle_from BIGINT NOT NULL
);

-- Until when the portal looked at that; one row.
CREATE TABLE app_watch (
    id            INTEGER PRIMARY KEY CHECK (id = 1),
    watched_until BIGINT NOT NULL
);
