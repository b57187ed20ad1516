-- What the centre tells everybody. kind is 'failure', 'maintenance' or 'system'; it is shown from starts_at (NULL: at
-- once) until just before ends_at (NULL: until it is removed).
CREATE TABLE notices (
    id         TEXT PRIMARY KEY,
    kind       TEXT NOT NULL,
    text_en    TEXT NOT NULL,
    text_ko    TEXT NOT NULL,
    starts_at  BIGINT,
    ends_at    BIGINT,
    created_at BIGINT NOT NULL
);
