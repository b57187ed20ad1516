//! Where the output of a job or of one of its tasks goes.

use std::path::{Path, PathBuf};

use myksc_core::{FieldProblem, UserPath};

use crate::roots::Roots;
use crate::script::output::{Ids, OutputName, slurm_text};
use crate::script::{Dialect, Directives};

/// Name of a job whose script gives none.
const NAME: &str = "job";
const STDOUT_NAME: &str = "%x-%j.out";
const ARRAY_STDOUT_NAME: &str = "%x-%A_%a.out";

/// The output files of a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Outputs {
    dialect: Dialect,
    work_dir: UserPath,
    stdout: File,
    /// Joined to standard output when absent.
    stderr: Option<File>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct File {
    field: &'static str,
    name: OutputName,
    /// The root in which an absolute name lies; the work folder for any other.
    below: Option<(UserPath, PathBuf)>,
}

impl Outputs {
    /// What a script says of them.
    ///
    /// # Errors
    /// A name that leads nowhere or out of the person's roots.
    pub(super) fn of(
        said: &Directives,
        work_dir: &UserPath,
        roots: &Roots,
        dialect: Dialect,
    ) -> Result<Self, FieldProblem> {
        let name = said.name.as_deref().unwrap_or(NAME);
        let is_array = said.array.is_some();
        let usual = if is_array { ARRAY_STDOUT_NAME } else { STDOUT_NAME };
        let file = |field: &'static str, pattern: &str| {
            let read = OutputName::parse(field, pattern, name)?;
            let read = if is_array && dialect == Dialect::Pbs { read.for_tasks() } else { read };
            File::new(field, read, roots)
        };
        Ok(Self {
            dialect,
            work_dir: work_dir.clone(),
            stdout: file("stdout_name", said.stdout_name.as_deref().unwrap_or(usual))?,
            stderr: said.stderr_name.as_deref().map(|pattern| file("stderr_name", pattern)).transpose()?,
        })
    }

    /// The numbers by which the files are called. `job` is the portal's id; Slurm fills in its own, once there is one.
    pub(super) fn ids<'a>(&self, job: &'a str, scheduler_id: Option<&'a str>) -> Ids<'a> {
        match self.dialect {
            Dialect::Slurm => Ids { job: scheduler_id, array: scheduler_id, task: None },
            Dialect::Pbs | Dialect::Myksc => Ids { job: Some(job), array: Some(job), task: None },
        }
    }

    /// Whether each task of an array has a number of its own in the files' names.
    pub(super) fn are_named_by_task(&self) -> bool {
        self.dialect == Dialect::Slurm
    }

    /// Standard output and standard error as paths of the API; the same where they are joined.
    ///
    /// # Errors
    /// A name that makes no path.
    pub(super) fn paths(&self, ids: Ids<'_>) -> Result<(String, String), FieldProblem> {
        let path = |file: &File| file.path(&self.work_dir, ids).map(|path| path.to_string());
        let stdout = path(&self.stdout)?;
        let stderr = self.stderr.as_ref().map(path).transpose()?.unwrap_or_else(|| stdout.clone());
        Ok((stdout, stderr))
    }

    /// The same as absolute paths in the scheduler's words; no second one where they are joined.
    pub(super) fn for_scheduler(&self, work_dir: &Path, job: &str) -> (PathBuf, Option<PathBuf>) {
        let path = |file: &File| file.for_scheduler(work_dir, job, self.dialect);
        (path(&self.stdout), self.stderr.as_ref().map(path))
    }
}

impl File {
    fn new(field: &'static str, name: OutputName, roots: &Roots) -> Result<Self, FieldProblem> {
        let shown = name.fill(Ids::default());
        if !shown.starts_with('/') {
            return Ok(Self { field, name, below: None });
        }
        let path = roots.locate(Path::new(&shown));
        let root = path.and_then(|path| UserPath::of_root(path.root()).ok());
        let folder = root.as_ref().and_then(|root| roots.resolve(root));
        let detail = "the file lies in none of your folders; name one in the work folder";
        let problem = || FieldProblem::new(field, "output_name_invalid", detail);
        Ok(Self { field, name, below: Some(root.zip(folder).ok_or_else(problem)?) })
    }

    fn path(&self, work_dir: &UserPath, ids: Ids<'_>) -> Result<UserPath, FieldProblem> {
        let name = self.name.fill(ids);
        let problem = |error: &dyn std::fmt::Display| {
            FieldProblem::new(self.field, "output_name_invalid", error.to_string())
        };
        let (start, rest) = match &self.below {
            Some((root, folder)) => {
                let below = Path::new(&name).strip_prefix(folder).map_err(|error| problem(&error))?;
                (root.clone(), below.to_path_buf())
            }
            None => (work_dir.clone(), PathBuf::from(&name)),
        };
        rest.components()
            .try_fold(start, |path, part| path.join(part.as_os_str()).map_err(|error| problem(&error)))
    }

    fn for_scheduler(&self, work_dir: &Path, job: &str, dialect: Dialect) -> PathBuf {
        let name = self.name.for_scheduler(dialect, job);
        if self.below.is_some() {
            return name.into();
        }
        match work_dir.to_str() {
            Some(text) if dialect == Dialect::Slurm => format!("{}/{name}", slurm_text(text)).into(),
            _ => work_dir.join(name),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outputs(stdout: &str, array: bool, dialect: Dialect) -> Result<Outputs, FieldProblem> {
        let said = Directives {
            stdout_name: Some(stdout.to_owned()).filter(|name| !name.is_empty()),
            array: array.then(|| "1-3".to_owned()),
            ..Directives::default()
        };
        let roots = Roots::new([("home".to_owned(), "/home/kim".into())]);
        Outputs::of(&said, &"home/100%25".parse().unwrap(), &roots, dialect)
    }

    #[test]
    fn slurm_names_files_by_its_own_numbers_and_the_others_by_the_portals() {
        let slurm = outputs("", true, Dialect::Slurm).unwrap();
        let scheduler = slurm.for_scheduler(Path::new("/home/kim/100%"), "jx");
        assert_eq!(scheduler, ("/home/kim/100%%/job-%A_%a.out".into(), None));
        let ids = slurm.ids("jx", Some("57"));
        assert_eq!(slurm.paths(ids).unwrap().0, "home/100%25/job-57_%25a.out");
        let task = Ids { job: Some("59"), task: Some(2), ..ids };
        assert_eq!(slurm.paths(task).unwrap().0, "home/100%25/job-57_2.out");
        let pbs = outputs("%x", true, Dialect::Pbs).unwrap();
        let scheduler = pbs.for_scheduler(Path::new("/home/kim/100%"), "jx");
        assert_eq!(scheduler, ("/home/kim/100%/job.^array_index^".into(), None));
        let pbs = outputs("logs/%j", false, Dialect::Pbs).unwrap();
        assert_eq!(pbs.paths(pbs.ids("jx", Some("57.vm"))).unwrap().0, "home/100%25/logs/jx");
    }

    #[test]
    fn an_absolute_name_lies_in_a_root_of_hers() {
        let slurm = outputs("/home/kim/a/%j", false, Dialect::Slurm).unwrap();
        assert_eq!(slurm.for_scheduler(Path::new("/home/kim"), "jx").0, Path::new("/home/kim/a/%j"));
        assert_eq!(slurm.paths(slurm.ids("jx", Some("5"))).unwrap().0, "home/a/5");
        for outside in ["/etc/passwd", "/home/kimberly/x"] {
            assert!(outputs(outside, false, Dialect::Slurm).is_err(), "{outside}");
        }
    }
}
