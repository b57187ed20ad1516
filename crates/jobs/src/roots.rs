//! Where a person's roots lie on a system.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use myksc_core::UserPath;

/// Name of each root and its folder, absolute. The kernel decides what the person may do below it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Roots(BTreeMap<String, PathBuf>);

impl Roots {
    /// The roots of one person.
    pub fn new(roots: impl IntoIterator<Item = (String, PathBuf)>) -> Self {
        Self(roots.into_iter().collect())
    }

    /// The absolute path that a path of the API means; `None` when it has no such root.
    #[must_use]
    pub fn resolve(&self, path: &UserPath) -> Option<PathBuf> {
        let folder = self.0.get(path.root())?;
        Some(if path.is_root() { folder.clone() } else { folder.join(path.relative()) })
    }

    /// The path of the API for an absolute one, by the deepest root that holds it.
    #[must_use]
    pub fn locate(&self, path: &Path) -> Option<UserPath> {
        let (name, folder) = self
            .0
            .iter()
            .filter(|(_, folder)| path.starts_with(folder))
            .max_by_key(|(_, folder)| folder.components().count())?;
        let below = path.strip_prefix(folder).ok()?;
        let root = UserPath::of_root(name).ok()?;
        below.components().try_fold(root, |path, component| path.join(component.as_os_str()).ok())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn roots() -> Roots {
        Roots::new([("home".to_owned(), "/home/kim".into()), ("data".to_owned(), "/home/kim/data".into())])
    }

    #[test]
    fn a_path_goes_to_its_folder_and_back() {
        for (text, absolute) in
            [("home", "/home/kim"), ("home/a b/결과", "/home/kim/a b/결과"), ("data/x", "/home/kim/data/x")]
        {
            let path: UserPath = text.parse().unwrap();
            assert_eq!(roots().resolve(&path), Some(absolute.into()));
            assert_eq!(roots().locate(Path::new(absolute)), Some(path));
        }
    }

    #[test]
    fn what_lies_outside_every_root_has_no_path() {
        assert_eq!(roots().resolve(&"scratch/x".parse().unwrap()), None);
        for outside in ["/etc/passwd", "/home/kimberly/x", "/home/kim/../lee", "home/kim"] {
            assert_eq!(roots().locate(Path::new(outside)), None, "{outside}");
        }
    }
}
