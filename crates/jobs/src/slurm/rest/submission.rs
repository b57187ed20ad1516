//! A submission as slurmrestd takes it.

use myksc_core::octets;
use serde_json::{Map, Value, json};

use super::super::{file_pattern, tag};
use super::directives::{Unfit, fields};
use super::version::ApiVersion;
use crate::commands::utf8;
use crate::scheduler::{SchedulerError, Submission};

/// The body of a request that hands a job over, and whether its script itself wants it held.
pub(super) struct Body {
    pub(super) json: Value,
    pub(super) wants_hold: bool,
}

/// Why there is no body.
pub(super) enum NoBody {
    Unfit(Unfit),
    Path(SchedulerError),
}

impl From<Unfit> for NoBody {
    fn from(unfit: Unfit) -> Self {
        Self::Unfit(unfit)
    }
}

impl From<SchedulerError> for NoBody {
    fn from(error: SchedulerError) -> Self {
        Self::Path(error)
    }
}

/// Makes the body. With `is_held` the job does not start before it is let go.
pub(super) fn body(submission: &Submission, version: ApiVersion, is_held: bool) -> Result<Body, NoBody> {
    let mut job = fields(&submission.script, version)?;
    let wants_hold = job.contains_key("hold");
    for (field, value) in [("name", &submission.name), ("partition", &submission.queue)] {
        job.entry(field).or_insert_with(|| json!(value));
    }
    add_tasks(&mut job, version);
    let work_dir = utf8(&submission.work_dir)?;
    let comment = tag::comment(&submission.script, &tag::of(&submission.tag));
    let mut put = |field: &str, value: Value| drop(job.insert(field.to_owned(), value));
    put("comment", json!(comment));
    put("current_working_directory", json!(work_dir));
    put("standard_output", json!(file_pattern(&submission.stdout)?));
    if let Some(stderr) = submission.stderr.as_deref() {
        put("standard_error", json!(file_pattern(stderr)?));
    }
    put("environment", environment(work_dir, version));
    if is_held {
        put("hold", json!(true));
    }
    let script = plain_text(&submission.script)?;
    let json = if version.has_script_in_job() {
        put("script", json!(script));
        json!({ "job": job })
    } else {
        json!({ "script": script, "job": job })
    };
    Ok(Body { json, wants_hold })
}

/// The script as JSON can carry it.
fn plain_text(script: &str) -> Result<String, Unfit> {
    let unfit = |_| Unfit::Line("this system takes scripts in UTF-8 alone".to_owned());
    String::from_utf8(octets::to_bytes(script)).map_err(unfit)
}

/// What sbatch sends along with `--export=NONE`: the node makes the person's own environment, as at a login there, and
/// srun(1) within the job takes that.
fn environment(work_dir: &str, version: ApiVersion) -> Value {
    let all = [("SLURM_GET_USER_ENV", "1"), ("SLURM_EXPORT_ENV", "NONE"), ("SLURM_SUBMIT_DIR", work_dir)];
    if version.takes_options() {
        return all
            .into_iter()
            .map(|(name, value)| (name.to_owned(), json!(value)))
            .collect::<Map<_, _>>()
            .into();
    }
    all.map(|(name, value)| format!("{name}={value}")).to_vec().into()
}

/// The number of tasks, where a script says it by nodes and tasks on each: sbatch works it out before it asks.
fn add_tasks(job: &mut Map<String, Value>, version: ApiVersion) {
    let number = |job: &Map<String, Value>, field: &str| match job.get(field)? {
        Value::String(text) => text.parse::<u64>().ok(),
        other => other.as_u64(),
    };
    let per_node = number(job, "tasks_per_node").zip(number(job, "nodes").or(Some(1)));
    let tasks = number(job, "tasks").or(per_node.and_then(|(tasks, nodes)| tasks.checked_mul(nodes)));
    let Some(tasks) = tasks else { return };
    job.insert("tasks".to_owned(), json!(tasks));
    if !version.takes_options() {
        let cpus = tasks.checked_mul(number(job, "cpus_per_task").unwrap_or(1));
        job.insert("minimum_cpus".to_owned(), json!(cpus));
    }
}

#[cfg(test)]
mod tests {
    use myksc_core::job::JobSize;
    use myksc_core::{JobId, Timestamp};

    use super::*;
    use crate::scheduler::Place;

    fn submission(script: &str) -> Submission {
        let size = JobSize {
            nodes: 1,
            tasks_per_node: 1,
            cpus_per_task: 1,
            gpus_per_node: 0,
            memory_bytes: None,
            walltime_secs: Some(60),
        };
        Submission {
            tag: JobId::random(),
            script: script.to_owned(),
            name: "job".to_owned(),
            queue: "normal".to_owned(),
            size,
            place: Place { work_dir: "home".into(), stdout: "home/o".into(), stderr: "home/o".into() },
            work_dir: "/home/kim".into(),
            stdout: "/home/kim/%x-%j o".into(),
            stderr: None,
            submitted_at: Timestamp::now(),
        }
    }

    fn made(script: &str, version: &str) -> Result<Value, Unfit> {
        match body(&submission(script), version.parse().unwrap(), false) {
            Ok(body) => Ok(body.json),
            Err(NoBody::Unfit(unfit)) => Err(unfit),
            Err(NoBody::Path(error)) => panic!("{error}"),
        }
    }

    const SCRIPT: &str = "#!/bin/bash\n#SBATCH --job-name='a b'\n#SBATCH -p debug -N2 --ntasks-per-node=2\n#SBATCH --cpus-per-task 3 --mem=4G --time=1-00:00:30\n#SBATCH --gpus-per-node=2 --array=1-3%2 -Hd afterok:7\n#SBATCH --comment='field=bio' --output=x --export=ALL --begin=now+1hour\n\necho\n#SBATCH --account=late\n";

    #[test]
    fn v38_takes_what_sbatch_takes() {
        let body = made(SCRIPT, "v0.0.38").unwrap();
        assert_eq!(body["script"], SCRIPT);
        let job = body["job"].as_object().unwrap();
        let comment = job["comment"].as_str().unwrap();
        assert!(comment.starts_with("field=bio;myksc="), "{comment}");
        for (field, expected) in [
            ("name", json!("a b")),
            ("partition", json!("debug")),
            ("nodes", json!("2")),
            ("tasks_per_node", json!("2")),
            ("tasks", json!(4)),
            ("cpus_per_task", json!("3")),
            ("memory_per_node", json!("4G")),
            ("time_limit", json!("1-00:00:30")),
            ("gpus_per_node", json!("2")),
            ("array", json!("1-3%2")),
            ("hold", json!(true)),
            ("dependency", json!("afterok:7")),
            ("begin_time", json!("now+1hour")),
            ("current_working_directory", json!("/home/kim")),
            ("standard_output", json!("/home/kim/%x-%j o")),
        ] {
            assert_eq!(job[field], expected, "{field}");
        }
        assert_eq!(job["environment"]["SLURM_GET_USER_ENV"], "1");
        assert!(!job.contains_key("account") && !job.contains_key("standard_error"));
    }

    #[test]
    fn later_versions_have_types_of_their_own() {
        let body = made(SCRIPT, "v0.0.41").unwrap();
        let job = body["job"].as_object().unwrap();
        assert_eq!(job["script"], SCRIPT);
        let set = |number: u64| json!({ "set": true, "infinite": false, "number": number });
        for (field, expected) in [
            ("nodes", json!("2")),
            ("tasks_per_node", json!(2)),
            ("tasks", json!(4)),
            ("minimum_cpus", json!(12)),
            ("memory_per_node", set(4096)),
            ("time_limit", set(1441)),
            ("tres_per_node", json!("gres/gpu:2")),
            ("hold", json!(true)),
        ] {
            assert_eq!(job[field], expected, "{field}");
        }
        assert!(job["environment"].as_array().unwrap().contains(&json!("SLURM_GET_USER_ENV=1")));
        let in_39 = made(SCRIPT, "v0.0.39").unwrap();
        assert_eq!(
            (&in_39["script"], &in_39["job"]["tres_per_node"]),
            (&json!(SCRIPT), &json!("gres:gpu:2"))
        );
        let more =
            "#SBATCH --exclusive --mail-type=end,fail --exclude=c1,c2 --no-requeue --gres=gpu:a100:1\n";
        let job = &made(more, "v0.0.40").unwrap()["job"];
        assert_eq!(job["shared"], json!(["none"]));
        assert_eq!(job["mail_type"], json!(["END", "FAIL"]));
        assert_eq!(job["excluded_nodes"], json!(["c1", "c2"]));
        assert_eq!((&job["requeue"], &job["tres_per_node"]), (&json!(false), &json!("gres/gpu:a100:1")));
    }

    #[test]
    fn what_has_no_field_is_refused_and_not_lost() {
        let option = |name: &str| Err(Unfit::Option(name.to_owned()));
        for (line, early, later) in [
            ("#SBATCH --uid=0", option("--uid"), option("--uid")),
            ("#SBATCH -M other", option("-M"), option("-M")),
            ("#SBATCH --test-only", option("--test-only"), option("--test-only")),
            ("#SBATCH --contiguous", option("--contiguous"), Ok(())),
            ("#SBATCH --signal=USR1", Ok(()), option("--signal")),
            ("#SBATCH --account=a --par=b", option("--par"), option("--par")),
        ] {
            for (version, expected) in [("v0.0.38", early), ("v0.0.42", later)] {
                assert_eq!(made(&format!("{line}\ntrue\n"), version).map(drop), expected, "{line} {version}");
            }
        }
        for line in ["#SBATCH --time", "#SBATCH -N", "#SBATCH 'x", "#SBATCH x", "#SBATCH --hold=1"] {
            let made = made(&format!("{line}\n"), "v0.0.38");
            assert!(matches!(made, Err(Unfit::Line(_))), "{line}: {made:?}");
        }
        for line in ["--time=soon", "--mem=much", "--begin=tomorrow", "--exclude=c[1-2]", "--ntasks=-1"] {
            let made = made(&format!("#SBATCH {line}\n"), "v0.0.42");
            assert!(matches!(made, Err(Unfit::Line(_))), "{line}: {made:?}");
        }
        let bytes = octets::to_text(b"#!/bin/sh\necho \xff\n");
        assert!(matches!(made(&bytes, "v0.0.38"), Err(Unfit::Line(_))));
        assert!(made("#SBATCHx\n# SBATCH --uid=0\n#PBS -N x\n", "v0.0.38").is_ok());
    }
}
