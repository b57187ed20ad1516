//! Names of all kinds, and who may ask.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};

use myksc_core::UserPath;
use myksc_core::wire::{EntryKind, Move};
use myksc_files::FilesError;

use super::house::{House, parse};

fn hostile_names() -> Vec<OsString> {
    let mut names: Vec<OsString> = [
        "결과 1.csv",
        "-rf",
        "--help",
        "a\nb",
        "a\r\nSet-Cookie: x",
        "\"quoted\"",
        "it's",
        "$(id)",
        "`id`",
        "a;b&c|d",
        "100%",
        "%2e%2e",
        "a b  c ",
        ".hidden",
        "...",
        "~",
        "*",
        "\\",
        "a\tb",
        "\u{202e}gpj.exe",
        "e\u{301}",
        "<script>",
        "?path=home",
        "#x",
        "+",
        "a,b",
        "nul\u{1}",
        "\u{7f}",
    ]
    .map(OsString::from)
    .to_vec();
    names.push(OsString::from_vec(b"\xff\xfe not utf-8".to_vec()));
    names.push("n".repeat(255).into());
    names.push("가".repeat(85).into());
    names
}

#[tokio::test]
async fn a_file_of_any_name_is_written_listed_read_moved_and_removed() {
    let house = House::new();
    let home = UserPath::of_root("home").unwrap();
    for name in hostile_names() {
        let path = home.join(&name).unwrap();
        let text = path.to_string();
        house.put(&text, name.as_bytes()).await.unwrap_or_else(|error| panic!("{text:?}: {error}"));
        assert!(house.home(&name).is_file(), "{text:?}");
        assert_eq!(house.get(&text).await.unwrap(), name.as_bytes(), "{text:?}");
        let entry = house.files.stat(&house.identity, &path).await.unwrap();
        assert_eq!((entry.kind, entry.size_bytes), (EntryKind::File, name.len() as u64));
        assert_eq!(entry.name, name.to_string_lossy());
        assert_eq!(house.names("home", 10).await.unwrap(), [&text["home/".len()..]]);
        let to = home.join(OsStr::new("moved")).unwrap();
        let order = Move { from: path, to: to.clone(), overwrite: false };
        house.files.move_entry(&house.identity, &order).await.unwrap();
        assert_eq!(house.files.remove(&house.identity, vec![to]).await.unwrap().failed, 0);
        assert!(house.real_names().is_empty(), "{text:?}");
    }
}

#[tokio::test]
async fn hostile_names_are_listed_in_the_order_of_their_bytes_on_pages_of_any_size() {
    let house = House::new();
    let mut names = hostile_names();
    for name in &names {
        std::fs::write(house.home(name), b"").unwrap();
    }
    names.sort_by(|a, b| a.as_bytes().cmp(b.as_bytes()));
    let home = UserPath::of_root("home").unwrap();
    let expected: Vec<String> =
        names.iter().map(|name| home.join(name).unwrap().to_string()["home/".len()..].to_owned()).collect();
    for page in [1, 7, 1000] {
        assert_eq!(house.names("home", page).await.unwrap(), expected, "pages of {page}");
    }
}

#[tokio::test]
async fn another_users_files_are_refused_before_any_agent_is_started() {
    let mut house = House::new();
    house.identity.uid += 1;
    let refused = house.files.roots(&house.identity).await;
    assert!(matches!(refused, Err(FilesError::OtherUser { .. })), "{refused:?}");
    assert!(!house.path().join("run").exists() && !house.path().join("agents").exists());
}

#[tokio::test]
async fn an_agent_hangs_up_on_another_user_who_gets_at_its_socket() {
    use std::io::{Read as _, Write as _};
    use std::os::unix::fs::PermissionsExt as _;
    if !rustix::process::geteuid().is_root() {
        // Only root can become somebody else; the socket's mode then keeps others out.
        let house = House::new();
        house.files.roots(&house.identity).await.unwrap();
        let mode = std::fs::metadata(house.socket()).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        return;
    }
    let house = House::new();
    house.files.roots(&house.identity).await.unwrap();
    for place in [house.path().to_owned(), house.path().join("run"), house.socket()] {
        std::fs::set_permissions(place, std::fs::Permissions::from_mode(0o777)).unwrap();
    }
    let socket = house.socket();
    let answer = std::thread::spawn(move || {
        let nobody = rustix::fs::Uid::from_raw(65534);
        rustix::thread::set_thread_res_uid(nobody, nobody, nobody).unwrap();
        let mut stream = std::os::unix::net::UnixStream::connect(socket).unwrap();
        let _ = stream.write_all(b"GET /v1/roots HTTP/1.1\r\nHost: agent\r\n\r\n");
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        answer
    });
    assert_eq!(answer.join().unwrap(), b"");
    assert!(house.get("home/none").await.is_err());
}

#[tokio::test]
async fn roots_tell_their_room_and_one_that_is_away_tells_none() {
    let house = House::new();
    let roots = house.files.roots(&house.identity).await.unwrap();
    let names: Vec<_> = roots.iter().map(|root| root.id.as_str()).collect();
    assert_eq!(names, ["home", "scratch", "memory", "gone"]);
    assert!(roots[0].total_bytes > roots[0].free_bytes && roots[0].free_bytes > Some(0));
    assert_eq!(roots[3].total_bytes, None);
    assert!(house.files.list(&house.identity, &parse("gone"), None, 10).await.is_err());
    assert!(house.files.list(&house.identity, &parse("unknown"), None, 10).await.is_err());
}
