//! How the portal starts, what keeps it from starting, and how it ends.

use std::fs::Permissions;
use std::io::Read as _;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::portal::Portal;
use crate::run::run;

#[test]
fn the_very_first_start_prints_a_password_and_no_later_one_does() {
    let mut portal = Portal::new();
    let first = portal.start();
    assert!(first[0].starts_with("Portal: http://localhost:"), "{first:?}");
    let (name, password) = first[1].strip_prefix("Sign in: ").unwrap().split_once(" / ").unwrap();
    assert!(!name.is_empty() && password.len() >= 16, "{first:?}");
    assert_eq!(portal.stop(), Some(0));
    assert_eq!(portal.start().len(), 1);
}

#[test]
fn what_keeps_the_portal_from_starting_is_one_line_with_an_exit_code_of_its_own() {
    let mut portal = Portal::new();
    portal.start();
    run(portal.serve(), "").refused(12, "another portal already uses the state folder");

    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut serve = portal.serve();
    serve.env("MYKSC_STATE_DIR", portal.folder.path().join("other"));
    serve.env("MYKSC_LISTEN", taken.local_addr().unwrap().to_string());
    run(serve, "").refused(13, "is taken by another process");

    std::fs::write(portal.folder.path().join("a-file"), "").unwrap();
    let mut serve = portal.serve();
    serve.env("MYKSC_STATE_DIR", portal.folder.path().join("a-file/state"));
    run(serve, "").refused(11, "a-file/state");

    let mut serve = portal.serve();
    serve.env("MYKSC_STATE_DIR", portal.folder.path().join("third"));
    std::fs::create_dir(portal.folder.path().join("third")).unwrap();
    std::fs::write(portal.folder.path().join("third/portal.db"), "this is no database").unwrap();
    run(serve, "").refused(14, "database");
}

#[test]
fn a_state_folder_that_cannot_be_written_is_refused_new_or_old() {
    let mut portal = Portal::new();
    let state = portal.folder.path().join("state");
    std::fs::create_dir(&state).unwrap();
    let set_mode = |mode| std::fs::set_permissions(&state, Permissions::from_mode(mode)).unwrap();
    set_mode(0o500);
    run(bound_by_permissions(&portal.serve()), "").refused(11, "the portal may not write there");
    set_mode(0o700);
    portal.start();
    assert_eq!(portal.stop(), Some(0));
    set_mode(0o500);
    run(bound_by_permissions(&portal.serve()), "").refused(11, "the portal may not write there");
    set_mode(0o700);
}

/// The same command, without root's leave to write everywhere.
fn bound_by_permissions(command: &Command) -> Command {
    let mut bound = Command::new("setpriv");
    if rustix::process::geteuid().is_root() {
        bound.arg("--bounding-set=-dac_override,-dac_read_search");
    }
    bound.arg(command.get_program()).args(command.get_args()).env_clear();
    bound.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    bound.current_dir(command.get_current_dir().unwrap());
    bound
}

#[test]
fn a_database_from_a_newer_version_is_refused_and_left_as_it_is() {
    let mut portal = Portal::new();
    portal.start();
    assert_eq!(portal.stop(), Some(0));
    let file = portal.folder.path().join("state/portal.db");
    let newer = "import sqlite3, sys
with sqlite3.connect(sys.argv[1]) as db:
    columns = '(version, description, success, checksum, execution_time)'
    db.execute(f'insert into _sqlx_migrations {columns} values (99991231000001, ?, 1, ?, 0)', ('later', b''))";
    let mut python = Command::new("python3");
    python.args(["-c", newer]).arg(&file);
    assert!(python.status().unwrap().success());
    let before = std::fs::read(&file).unwrap();
    run(portal.serve(), "").refused(14, "newer");
    assert_eq!(std::fs::read(&file).unwrap(), before);
}

#[test]
fn a_broken_configuration_is_named_by_file_and_line() {
    let portal = Portal::new();
    let file = portal.folder.path().join("myksc.toml");
    let cases = [
        ("[server]\nport = 1\n", "myksc.toml:2: unknown field `port`"),
        ("[server\n", "myksc.toml:1:"),
        ("\n\n[queue]\nslots = -1\n", "myksc.toml:4:"),
        ("[server]\nlisten = \"0.0.0.0:80\"\n", "server.listen"),
    ];
    for (text, words) in cases {
        std::fs::write(&file, text).unwrap();
        let mut serve = portal.serve();
        serve.env_remove("MYKSC_LISTEN").arg("--config").arg(&file);
        run(serve, "").refused(10, words);
    }
    let mut serve = portal.serve();
    serve.arg("--config").arg(portal.folder.path().join("none.toml"));
    run(serve, "").refused(10, "none.toml");
    let mut serve = portal.serve();
    serve.env("MYKSC__SERVER__WORKERS", "many");
    run(serve, "").refused(10, "MYKSC__SERVER__WORKERS");
}

#[test]
fn a_broken_catalogue_is_one_line_that_names_every_fault_by_file_and_line() {
    let portal = Portal::new();
    let catalogue = portal.folder.path().join("catalogue");
    std::fs::create_dir(&catalogue).unwrap();
    std::fs::write(catalogue.join("one.toml"), "order = 1\ncolour = \"red\"\n").unwrap();
    std::fs::write(catalogue.join("two.toml"), "order = 2\n\n[title\n").unwrap();
    let serve = || {
        let mut serve = portal.serve();
        serve.env("MYKSC__APPS__CATALOGUE", &catalogue);
        run(serve, "")
    };
    let refused = serve();
    refused.refused(10, "one.toml:2: unknown field `colour`");
    refused.refused(10, "two.toml:3: ");
    std::fs::remove_dir_all(&catalogue).unwrap();
    serve().refused(10, "catalogue: No such file or directory");
}

#[test]
fn root_must_ask_for_it() {
    if rustix::process::geteuid().is_root() {
        let portal = Portal::new();
        run(portal.command(&["serve"]), "").refused(15, "--allow-root");
    }
}

#[test]
fn an_open_stream_does_not_keep_the_portal_from_ending() {
    let mut portal = Portal::with_kim();
    let mut stream = std::net::TcpStream::connect(
        portal.origin.trim_start_matches("http://localhost").replace(':', "127.0.0.1:"),
    )
    .unwrap();
    let token = std::fs::read_to_string(portal.folder.path().join("config/myksc/credentials.toml")).unwrap();
    let token =
        token.lines().find_map(|line| line.strip_prefix("token = ")).unwrap().trim_matches('"').to_owned();
    let host = portal.origin.trim_start_matches("http://").to_owned();
    let request =
        format!("GET /api/v1/events HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {token}\r\n\r\n");
    std::io::Write::write_all(&mut stream, request.as_bytes()).unwrap();
    let mut head = [0; 12];
    stream.read_exact(&mut head).unwrap();
    assert_eq!(&head, b"HTTP/1.1 200");
    let asked = Instant::now();
    assert_eq!(portal.stop(), Some(0));
    assert!(asked.elapsed() < Duration::from_secs(5), "it took {:?}", asked.elapsed());
}

#[test]
fn the_configurations_reference_is_a_configuration() {
    let portal = Portal::new();
    let reference = portal.client(&["config", "reference"]);
    let file = portal.folder.path().join("reference.toml");
    std::fs::write(&file, &reference.stdout).unwrap();
    let checked = portal.client(&["config", "check", "--json", "--config", file.to_str().unwrap()]).json();
    assert_eq!(checked["server"]["apps_domain"], "localhost");
    let printed = portal.client(&["config", "reference", "--json"]).json();
    let sections = printed.as_object().unwrap();
    assert!(checked.as_object().unwrap().keys().eq(sections.keys()));
    // Of the others the environment of this test says more.
    for (name, section) in sections.iter().filter(|(name, _)| !["server", "state"].contains(&name.as_str())) {
        assert_eq!(section, &checked[name], "{name}");
    }
}

#[test]
fn a_configuration_is_shown_without_the_databases_password() {
    let portal = Portal::new();
    let file = portal.folder.path().join("secret.toml");
    std::fs::write(&file, "[state]\ndatabase = \"postgres://myksc:s3cret@db/myksc\"\n").unwrap();
    for json in [&["--json"][..], &[]] {
        let args = [&["config", "check", "--config", file.to_str().unwrap()], json].concat();
        let shown = portal.client(&args).stdout;
        assert!(shown.contains("postgres://myksc:hidden@db/myksc") && !shown.contains("s3cret"), "{shown}");
    }
}
