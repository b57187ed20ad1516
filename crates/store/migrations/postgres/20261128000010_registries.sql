-- Image registries that a person has stored a password for. The password itself is in a secret of her namespace on the
-- cluster and nowhere else.
CREATE TABLE registries (
    user_id    TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    host       TEXT NOT NULL,
    account    TEXT NOT NULL,
    changed_at BIGINT NOT NULL,
    PRIMARY KEY (user_id, host)
);
