-- elsewhere: 1 for jobs that were submitted by the scheduler's own commands and are only shown.
ALTER TABLE jobs ADD COLUMN elsewhere BIGINT NOT NULL DEFAULT 0;
