-- Revisions of a new database begin behind all that a lost one can have given (milliseconds since 1970): whoever
-- remembers one of those is seen to be behind.
UPDATE revision SET value = CAST(strftime('%s', 'now') AS INTEGER) * 1000 WHERE value = 0;
