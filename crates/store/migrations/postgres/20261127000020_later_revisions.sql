-- Revisions of a new database begin behind all that a lost one can have given (milliseconds since 1970): whoever
-- remembers one of those is seen to be behind.
UPDATE revision SET value = CAST(EXTRACT(EPOCH FROM now()) * 1000 AS BIGINT) WHERE value = 0;
