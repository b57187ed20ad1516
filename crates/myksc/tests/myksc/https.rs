//! The portal with a certificate of its own, and its client over TLS.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::Command;

use crate::portal::{PASSWORD, Portal};
use crate::run::{run, until};

/// Makes a self-signed certificate for the portal and its apps in this folder, `portal.pem` and `portal.key`.
fn make_certificate(folder: &Path) {
    let config = folder.join("request.cnf");
    let text = "[req]\ndistinguished_name = dn\nx509_extensions = ext\nprompt = no\n[dn]\nCN = portal\n[ext]\n\
                basicConstraints = critical, CA:FALSE\nsubjectAltName = DNS:localhost, DNS:*.apps.localhost\n";
    std::fs::write(&config, text).unwrap();
    let made = Command::new("openssl")
        .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"])
        .args(["-days", "30", "-config"])
        .arg(&config)
        .arg("-keyout")
        .arg(folder.join("portal.key"))
        .arg("-out")
        .arg(folder.join("portal.pem"))
        .output()
        .unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
}

fn write_configuration(portal: &Portal) {
    make_certificate(portal.folder.path());
    let text = format!(
        "[server]\napps_domain = \"apps.localhost\"\n[server.tls]\ncertificate = {:?}\nkey = {:?}\n",
        portal.folder.path().join("portal.pem"),
        portal.folder.path().join("portal.key"),
    );
    std::fs::write(portal.folder.path().join("https.toml"), text).unwrap();
}

#[test]
fn a_portal_with_a_certificate_is_used_over_https_alone() {
    let mut portal = Portal::new();
    write_configuration(&portal);
    portal.add_kim();
    portal.variables.push(("MYKSC_CONFIG".into(), portal.folder.path().join("https.toml").into()));
    portal.start();
    assert!(portal.origin.starts_with("https://localhost:"), "{}", portal.origin);

    portal.login(PASSWORD).refused(6, "no trusted connection");
    portal.variables.push(("SSL_CERT_FILE".into(), portal.folder.path().join("portal.pem").into()));
    portal.login(PASSWORD).json();
    assert_eq!(portal.client(&["app", "list", "--json"]).code, 0);

    let address = portal.origin.replace("https://", "");
    let mut plain = TcpStream::connect(address.replace("localhost", "127.0.0.1")).unwrap();
    plain.write_all(format!("GET / HTTP/1.1\r\nHost: {address}\r\n\r\n").as_bytes()).unwrap();
    let mut answer = Vec::new();
    // However the connection ends, nothing of HTTP is said over it.
    let _ = plain.read_to_end(&mut answer);
    assert!(!answer.starts_with(b"HTTP"), "{}", String::from_utf8_lossy(&answer));
}

#[test]
fn a_renewed_certificate_is_taken_up_while_the_portal_runs() {
    let mut portal = Portal::new();
    write_configuration(&portal);
    portal.add_kim();
    let pem = portal.folder.path().join("portal.pem");
    portal.variables.push(("MYKSC_CONFIG".into(), portal.folder.path().join("https.toml").into()));
    portal.variables.push(("SSL_CERT_FILE".into(), pem.clone().into()));
    portal.start();
    portal.login(PASSWORD).json();
    let before = std::fs::read(&pem).unwrap();
    make_certificate(portal.folder.path());
    assert_ne!(std::fs::read(&pem).unwrap(), before);
    // From here on the client believes the new one alone.
    until("the new certificate", || (portal.client(&["app", "list"]).code == 0).then_some(()));
}

#[test]
fn a_certificate_that_is_no_good_keeps_the_portal_from_starting() {
    use std::os::unix::fs::PermissionsExt as _;

    let portal = Portal::new();
    write_configuration(&portal);
    let refused = |words: &str| {
        let mut serve = portal.serve();
        serve.arg("--config").arg(portal.folder.path().join("https.toml"));
        run(serve, "").refused(10, words);
    };
    let key = portal.folder.path().join("portal.key");
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o644)).unwrap();
    refused("others may read this key");
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o600)).unwrap();
    std::fs::write(&key, "no key").unwrap();
    refused("holds no private key");
    std::fs::remove_file(&key).unwrap();
    refused("portal.key");
}

#[test]
fn plain_http_beyond_this_machine_is_refused_with_what_to_do() {
    let portal = Portal::new();
    let mut serve = portal.serve();
    serve.env("MYKSC_LISTEN", "0.0.0.0:0");
    run(serve, "").refused(10, "server.trusted_proxies");
}
