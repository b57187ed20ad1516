-- What the key stands for; a row from before has none and answers to any request of its key.
ALTER TABLE idempotency ADD COLUMN request_hash TEXT;
