-- Tasks of job arrays that have started or ended; those that wait have no row. state is 'active' (body.phase says more),
-- 'succeeded' or 'failed' (ended in any other way).
CREATE TABLE job_tasks (
    job        TEXT NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
    task_index BIGINT NOT NULL,
    state      TEXT NOT NULL,
    body       TEXT NOT NULL,
    PRIMARY KEY (job, task_index)
);
CREATE INDEX job_tasks_active ON job_tasks (job) WHERE state = 'active';
