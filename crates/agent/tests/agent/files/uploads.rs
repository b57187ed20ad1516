//! Uploads that are cut, resumed, doubled and given up.

use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{Full, StreamBody};
use hyper::body::Frame;
use tokio::sync::mpsc;

use myksc_core::UploadId;
use myksc_core::wire::{FileCode, NewUpload, Upload};

use myksc_files::FilesError;

use super::house::{House, code, cut_body, parse, pattern};

async fn find(house: &House, upload: &Upload) -> Upload {
    house.files.find_upload(&house.identity, &upload.id).await.unwrap()
}

#[tokio::test]
async fn pieces_in_order_become_the_file_and_only_the_last_shows_it() {
    let house = House::new();
    let content = pattern(3_000_000);
    let upload = house.begin("home/결과.bin", 3_000_000).await.unwrap();
    assert!(house.names("home", 10).await.unwrap().is_empty(), "hidden while it grows");
    let first = house.append(&upload, 0, &content[..1_000_001]).await.unwrap();
    assert_eq!(first.offset_bytes, 1_000_001);
    assert_eq!(house.files.list_uploads(&house.identity).await.unwrap(), std::slice::from_ref(&first));
    assert_eq!(find(&house, &upload).await, first);
    assert!(!house.home("결과.bin").exists());
    let last = house.append(&upload, 1_000_001, &content[1_000_001..]).await.unwrap();
    assert_eq!(last.offset_bytes, 3_000_000);
    assert_eq!(std::fs::read(house.home("결과.bin")).unwrap(), content);
    assert_eq!(house.real_names(), ["결과.bin"]);
    assert!(house.files.list_uploads(&house.identity).await.unwrap().is_empty());
    // A sender that missed the last answer finds it finished, and may even say so again.
    assert_eq!(find(&house, &upload).await.offset_bytes, 3_000_000);
    assert_eq!(house.append(&upload, 3_000_000, b"").await.unwrap().offset_bytes, 3_000_000);
}

#[tokio::test]
async fn a_cut_connection_keeps_what_arrived_and_the_rest_follows() {
    let house = House::new();
    let content = pattern(2_000_000);
    let upload = house.begin("home/f", 2_000_000).await.unwrap();
    let cut = cut_body(&content[..1_300_000]);
    let broken = house.files.append_upload(&house.identity, &upload.id, 0, Some(2_000_000), cut).await;
    assert!(matches!(broken, Err(FilesError::SenderGone(_))), "{broken:?}");
    let arrived = tokio::time::timeout(Duration::from_secs(10), async {
        loop {
            let offset = find(&house, &upload).await.offset_bytes;
            // The end of what was sent before the cut may still be on its way.
            match house.append(&upload, offset, b"").await {
                Ok(_) => break offset,
                Err(error) => assert!(
                    matches!(error.code(), Some(FileCode::UploadBusy | FileCode::OffsetMismatch)),
                    "{error:?}"
                ),
            }
        }
    });
    let arrived = usize::try_from(arrived.await.expect("the cut is seen")).unwrap();
    assert!(arrived > 0 && arrived <= 1_300_000, "{arrived}");
    house.append(&upload, arrived as u64, &content[arrived..]).await.unwrap();
    assert_eq!(std::fs::read(house.home("f")).unwrap(), content);
}

#[tokio::test]
async fn wrong_offsets_too_many_bytes_and_unknown_uploads_are_refused_and_change_nothing() {
    let house = House::new();
    let upload = house.begin("home/f", 10).await.unwrap();
    house.append(&upload, 0, b"0123").await.unwrap();
    for offset in [0, 3, 5, 10, u64::MAX] {
        assert_eq!(
            code(house.append(&upload, offset, b"4").await),
            Some(FileCode::OffsetMismatch),
            "{offset}"
        );
    }
    assert_eq!(code(house.append(&upload, 4, b"4567890").await), Some(FileCode::TooLarge));
    let unannounced = Full::new(Bytes::from_static(b"4567890"));
    let refused = house.files.append_upload(&house.identity, &upload.id, 4, None, unannounced).await;
    assert_eq!(code(refused), Some(FileCode::TooLarge));
    assert_eq!(find(&house, &upload).await.offset_bytes, 4);
    let unknown = Upload { id: UploadId::random(), ..upload.clone() };
    assert_eq!(code(house.append(&unknown, 0, b"x").await), Some(FileCode::NotFound));
    assert_eq!(code(house.files.end_upload(&house.identity, &unknown.id).await), Some(FileCode::NotFound));
    house.append(&upload, 4, b"456789").await.unwrap();
    assert_eq!(std::fs::read(house.home("f")).unwrap(), b"0123456789");
}

#[tokio::test]
async fn while_one_sender_writes_another_is_told_to_wait() {
    let house = House::new();
    let content = pattern(600_000);
    let upload = house.begin("home/f", 600_000).await.unwrap();
    let (sender, mut pieces) = mpsc::channel::<Bytes>(1);
    let body = StreamBody::new(futures_util::stream::poll_fn(move |context| {
        pieces.poll_recv(context).map(|piece| piece.map(|bytes| Ok::<_, std::io::Error>(Frame::data(bytes))))
    }));
    let (files, identity, id) = (house.files.clone(), house.identity.clone(), upload.id.clone());
    let first =
        tokio::spawn(async move { files.append_upload(&identity, &id, 0, Some(600_000), body).await });
    sender.send(Bytes::copy_from_slice(&content[..400_000])).await.unwrap();
    let begun = async { while find(&house, &upload).await.offset_bytes == 0 {} };
    tokio::time::timeout(Duration::from_secs(10), begun).await.expect("the first has begun");
    assert_eq!(code(house.append(&upload, 0, b"x").await), Some(FileCode::UploadBusy));
    assert_eq!(code(house.files.end_upload(&house.identity, &upload.id).await), Some(FileCode::UploadBusy));
    sender.send(Bytes::copy_from_slice(&content[400_000..])).await.unwrap();
    drop(sender);
    assert_eq!(first.await.unwrap().unwrap().offset_bytes, 600_000);
    assert_eq!(std::fs::read(house.home("f")).unwrap(), content);
}

#[tokio::test]
async fn a_name_taken_meanwhile_keeps_the_bytes_until_it_is_free() {
    let house = House::new();
    let upload = house.begin("home/f", 3).await.unwrap();
    std::fs::write(house.home("f"), b"somebody else's").unwrap();
    assert_eq!(code(house.append(&upload, 0, b"new").await), Some(FileCode::FileExists));
    assert_eq!(code(house.files.find_upload(&house.identity, &upload.id).await), Some(FileCode::FileExists));
    assert_eq!(code(house.begin("home/f", 3).await), Some(FileCode::FileExists));
    assert_eq!(std::fs::read(house.home("f")).unwrap(), b"somebody else's");
    std::fs::rename(house.home("f"), house.home("g")).unwrap();
    assert_eq!(find(&house, &upload).await.offset_bytes, 3);
    assert_eq!(std::fs::read(house.home("f")).unwrap(), b"new");
    assert_eq!(house.real_names(), ["f", "g"]);
}

#[tokio::test]
async fn replacing_keeps_the_mode_and_an_empty_file_needs_no_bytes() {
    let house = House::new();
    std::fs::write(house.home("f"), b"old").unwrap();
    std::fs::set_permissions(house.home("f"), std::fs::Permissions::from_mode(0o700)).unwrap();
    let order = NewUpload { path: parse("home/f"), size_bytes: 3, overwrite: true };
    let upload = house.files.create_upload(&house.identity, &order).await.unwrap();
    assert_eq!(std::fs::read(house.home("f")).unwrap(), b"old");
    house.append(&upload, 0, b"new").await.unwrap();
    assert_eq!(std::fs::read(house.home("f")).unwrap(), b"new");
    assert_eq!(std::fs::metadata(house.home("f")).unwrap().permissions().mode() & 0o777, 0o700);
    assert_eq!(house.begin("home/empty", 0).await.unwrap().offset_bytes, 0);
    assert_eq!(house.real_names(), ["empty", "f"]);
}

#[tokio::test]
async fn an_upload_that_is_given_up_leaves_nothing() {
    let house = House::new();
    let upload = house.begin("home/f", 10).await.unwrap();
    house.append(&upload, 0, b"0123").await.unwrap();
    house.files.end_upload(&house.identity, &upload.id).await.unwrap();
    assert!(house.real_names().is_empty());
    assert_eq!(code(house.append(&upload, 4, b"4").await), Some(FileCode::NotFound));
    assert_eq!(std::fs::read_dir(house.state().join("uploads")).unwrap().count(), 0);
}

#[tokio::test]
async fn what_can_never_fit_is_refused_before_the_first_byte() {
    let house = House::new();
    assert_eq!(code(house.begin("home/f", 1 << 60).await), Some(FileCode::DiskFull));
    assert_eq!(code(house.begin("home/none/f", 1).await), Some(FileCode::NotFound));
    assert!(house.real_names().is_empty());
    assert!(house.files.list_uploads(&house.identity).await.unwrap().is_empty());
}

#[tokio::test]
async fn an_upload_whose_hidden_file_was_removed_begins_again_at_zero() {
    let house = House::new();
    let upload = house.begin("home/f", 4).await.unwrap();
    house.append(&upload, 0, b"01").await.unwrap();
    let [hidden] = &house.real_names()[..] else { panic!("one hidden file") };
    std::fs::remove_file(house.home(hidden)).unwrap();
    assert_eq!(find(&house, &upload).await.offset_bytes, 0);
    house.append(&upload, 0, b"0123").await.unwrap();
    assert_eq!(std::fs::read(house.home("f")).unwrap(), b"0123");
}

#[tokio::test]
async fn a_link_planted_in_the_hidden_files_place_is_not_written_through() {
    let house = House::new();
    let precious = house.home("precious");
    std::fs::write(&precious, b"kept").unwrap();
    let upload = house.begin("home/f", 4).await.unwrap();
    let hidden = house.real_names().into_iter().find(|name| name.starts_with('.')).unwrap();
    std::fs::remove_file(house.home(&hidden)).unwrap();
    std::os::unix::fs::symlink("precious", house.home(&hidden)).unwrap();
    assert!(house.append(&upload, 0, b"0123").await.is_err());
    std::fs::remove_file(house.home(&hidden)).unwrap();
    std::fs::hard_link(&precious, house.home(&hidden)).unwrap();
    assert!(house.append(&upload, 0, b"0123").await.is_err());
    assert_eq!(std::fs::read(&precious).unwrap(), b"kept");
}

#[tokio::test]
async fn uploads_abandoned_for_a_week_are_removed_when_an_agent_starts() {
    let house = House::new();
    let old = house.begin("home/old", 10).await.unwrap();
    let young = house.begin("home/young", 10).await.unwrap();
    let resumed = house.begin("home/resumed", 10).await.unwrap();
    let week_ago = std::time::SystemTime::now() - Duration::from_secs(8 * 24 * 3600);
    for upload in [&old, &resumed] {
        let record = house.state().join("uploads").join(format!("{}.json", upload.id));
        let mut value: serde_json::Value = serde_json::from_slice(&std::fs::read(&record).unwrap()).unwrap();
        value["created_at"] = "2026-01-01T00:00:00Z".into();
        std::fs::write(&record, value.to_string()).unwrap();
    }
    let hidden = house.home(format!(".myksc-upload-{}", old.id));
    std::fs::File::options().write(true).open(hidden).unwrap().set_modified(week_ago).unwrap();
    house.kill_agent();
    let swept = tokio::time::timeout(Duration::from_secs(10), async {
        while house.files.list_uploads(&house.identity).await.unwrap().len() > 2 {}
    });
    swept.await.expect("the old one goes");
    let left = house.files.list_uploads(&house.identity).await.unwrap();
    let left: Vec<_> = left.into_iter().map(|upload| upload.id).collect();
    assert!(left.contains(&young.id) && left.contains(&resumed.id), "{left:?}");
    assert_eq!(house.real_names().len(), 2);
}
