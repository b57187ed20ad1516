ALTER TABLE tokens ADD COLUMN last_used_address TEXT;

-- Why an operator locked the account; NULL where she gave no reason or did not lock it.
ALTER TABLE users ADD COLUMN lock_reason TEXT;

CREATE INDEX audit_by_actor ON audit (actor, id);
CREATE INDEX audit_by_at ON audit (at);

-- Entries are only ever added; each gets its outcome once.
CREATE FUNCTION audit_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the audit log is append-only';
END
$$;
CREATE TRIGGER audit_outcome_once BEFORE UPDATE ON audit FOR EACH ROW
WHEN (OLD.outcome IS NOT NULL OR NEW.outcome IS NULL OR NEW.ended_at IS NULL
  OR NEW.id <> OLD.id OR NEW.at <> OLD.at OR NEW.actor <> OLD.actor OR NEW.action <> OLD.action
  OR NEW.object <> OLD.object OR NEW.address <> OLD.address)
EXECUTE FUNCTION audit_append_only();
CREATE TRIGGER audit_kept BEFORE DELETE ON audit FOR EACH ROW EXECUTE FUNCTION audit_append_only();
CREATE TRIGGER audit_kept_whole BEFORE TRUNCATE ON audit FOR EACH STATEMENT EXECUTE FUNCTION audit_append_only();

-- How far each receiver of the log has it: every entry up to `position` was sent, those of `open` (a JSON list of
-- ids) without their outcomes.
CREATE TABLE audit_receivers (
    name     TEXT PRIMARY KEY,
    position BIGINT NOT NULL,
    open     TEXT NOT NULL
);
