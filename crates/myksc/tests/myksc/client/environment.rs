//! `MYKSC_SERVER` and `MYKSC_TOKEN`, which stand above what `login` kept.

use std::io::ErrorKind;
use std::net::TcpListener;

use crate::portal::Portal;
use crate::run::{Ended, run};

/// `whoami --json` with these variables; what `login` kept is there or not.
fn whoami(portal: &Portal, is_kept: bool, variables: &[(&str, &str)]) -> Ended {
    let mut whoami = portal.command(&["whoami", "--json"]);
    if !is_kept {
        whoami.env("XDG_CONFIG_HOME", portal.folder.path().join("nothing-kept"));
    }
    whoami.envs(variables.iter().copied());
    run(whoami, "")
}

fn kept_token(portal: &Portal) -> String {
    let kept = std::fs::read_to_string(portal.folder.path().join("config/myksc/credentials.toml")).unwrap();
    kept.lines().find_map(|line| line.strip_prefix("token = ")).unwrap().trim_matches('"').to_owned()
}

#[test]
fn server_and_token_of_the_environment_need_nothing_that_was_kept() {
    let portal = Portal::with_kim();
    let token = kept_token(&portal);
    let both = [("MYKSC_SERVER", portal.origin.as_str()), ("MYKSC_TOKEN", token.as_str())];
    assert_eq!(whoami(&portal, false, &both).json()["user"]["name"], "kim");
    // One of them comes from what was kept, where that is there.
    for one in both {
        assert_eq!(whoami(&portal, true, &[one]).json()["user"]["name"], "kim");
        whoami(&portal, false, &[one]).refused(3, "not signed in");
    }
    whoami(&portal, true, &[("MYKSC_TOKEN", "mk_wrong")]).refused(3, "sign in first");
}

#[test]
fn a_kept_token_is_shown_to_no_other_server() {
    let portal = Portal::with_kim();
    let other = TcpListener::bind("127.0.0.1:0").unwrap();
    other.set_nonblocking(true).unwrap();
    let origin = format!("http://localhost:{}", other.local_addr().unwrap().port());
    whoami(&portal, true, &[("MYKSC_SERVER", &origin)]).refused(3, "not signed in");
    assert_eq!(other.accept().unwrap_err().kind(), ErrorKind::WouldBlock, "nobody came");
}
