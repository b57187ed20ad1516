//! A running portal with an account and a home folder of its own, and its command-line client.

use std::ffi::OsString;
use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::run::{Ended, myksc, run};

/// The account's password.
pub(crate) const PASSWORD: &str = "correct horse battery";

/// The folders of a portal; it may run or not.
pub(crate) struct Portal {
    pub(crate) folder: TempDir,
    /// Its address, once it runs.
    pub(crate) origin: String,
    /// Environment of all its commands, beside the usual one.
    pub(crate) variables: Vec<(OsString, OsString)>,
    /// Where it listens; a later start takes the port of the first one.
    listen: String,
    child: Option<Child>,
}

impl Portal {
    /// Folders without an account.
    pub(crate) fn new() -> Self {
        let folder = tempfile::Builder::new().prefix("mk").tempdir().unwrap();
        std::fs::create_dir(folder.path().join("home")).unwrap();
        let listen = "127.0.0.1:0".to_owned();
        Self { folder, origin: String::new(), variables: Vec::new(), listen, child: None }
    }

    /// A running portal with the account `kim`, and a client that is signed in.
    pub(crate) fn with_kim() -> Self {
        let mut portal = Self::new();
        portal.add_kim();
        portal.start();
        portal.login(PASSWORD).json();
        portal
    }

    /// Makes the account `kim`.
    pub(crate) fn add_kim(&self) {
        let uid = rustix::process::geteuid().as_raw().to_string();
        let gid = rustix::process::getegid().as_raw().to_string();
        let home = self.home().display().to_string();
        let mut add = self.command(&["admin", "user", "add", "kim", "--uid", &uid, "--gid", &gid]);
        add.args(["--home", &home, "--shell", "/bin/sh", "--allow-root", "--password-stdin"]);
        assert_eq!(run(add, PASSWORD).code, 0);
    }

    /// Starts it with these variables, which its commands get from now on, too.
    pub(crate) fn start_with(&mut self, variables: &[(&str, &str)]) -> Vec<String> {
        self.variables.extend(variables.iter().map(|(name, value)| (name.into(), value.into())));
        self.start()
    }

    /// Starts it, or starts it again; gives the lines it prints.
    pub(crate) fn start(&mut self) -> Vec<String> {
        let mut serve = self.serve();
        serve.env("MYKSC_LISTEN", &self.listen);
        let mut child = serve.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        self.child = Some(child);
        let mut first = String::new();
        stdout.read_line(&mut first).unwrap();
        let origin = first.trim_end().strip_prefix("Portal: ").unwrap_or_else(|| panic!("it said {first:?}"));
        origin.clone_into(&mut self.origin);
        self.listen = format!("127.0.0.1:{}", origin.rsplit(':').next().unwrap());
        // All lines are printed at once, so what is not there by now does not come.
        let rest = String::from_utf8(stdout.buffer().to_vec()).unwrap();
        std::iter::once(first.trim_end().to_owned()).chain(rest.lines().map(str::to_owned)).collect()
    }

    /// `serve` on a free port.
    pub(crate) fn serve(&self) -> Command {
        let mut serve = self.command(&["serve"]);
        serve.env("MYKSC_LISTEN", "127.0.0.1:0").stdin(Stdio::null());
        if rustix::process::geteuid().is_root() {
            serve.arg("--allow-root");
        }
        serve
    }

    /// Stops it as an operator does; gives its exit code.
    pub(crate) fn stop(&mut self) -> Option<i32> {
        let mut child = self.child.take().unwrap();
        kill_process(pid(&child), Signal::TERM).unwrap();
        child.wait().unwrap().code()
    }

    /// Ends it as a crash does.
    pub(crate) fn crash(&mut self) {
        let mut child = self.child.take().unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
    }

    /// Any command, with this portal's folders.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = myksc();
        command.args(arguments).current_dir(self.folder.path());
        for (name, folder) in [
            ("HOME", "home"),
            ("MYKSC_STATE_DIR", "state"),
            ("XDG_CONFIG_HOME", "config"),
            ("XDG_CACHE_HOME", "cache"),
        ] {
            command.env(name, self.folder.path().join(folder));
        }
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        command
    }

    /// Runs a command of the client.
    pub(crate) fn client(&self, arguments: &[&str]) -> Ended {
        run(self.command(arguments), "")
    }

    /// Signs `kim` in.
    pub(crate) fn login(&self, password: &str) -> Ended {
        let login = ["login", "--json", "--server", &self.origin, "--user", "kim", "--password-stdin"];
        run(self.command(&login), password)
    }

    /// kim's home folder.
    pub(crate) fn home(&self) -> PathBuf {
        self.folder.path().join("home")
    }
}

impl Drop for Portal {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
        myksc_testkit::process::kill_all_of(&self.folder.path().join("state"));
    }
}

fn pid(child: &Child) -> Pid {
    Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap()
}
