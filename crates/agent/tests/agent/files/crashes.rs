//! `kill -9` of the agent at every named point of an upload, and in the middle of one.

use std::io::Write as _;
use std::time::Duration;

use myksc_core::crash::{self, CrashPoint};
use myksc_core::wire::Upload;
use myksc_files::FilesError;

use super::house::{House, agent, parse, pattern};

const SIZE: usize = 1_000_000;

/// What a careful sender does: begin, or find what was begun, and send what is missing.
async fn send(house: &House, content: &[u8], known: Option<Upload>) -> Result<Upload, FilesError> {
    let mut upload = match known {
        Some(upload) => house.files.find_upload(&house.identity, &upload.id).await?,
        None => house.begin("home/f", content.len() as u64).await?,
    };
    while upload.offset_bytes < upload.size_bytes {
        let start = usize::try_from(upload.offset_bytes).unwrap();
        let end = (start + content.len() / 2).min(content.len());
        upload = house.append(&upload, upload.offset_bytes, &content[start..end]).await?;
    }
    Ok(upload)
}

#[tokio::test]
async fn after_a_death_at_any_point_of_an_upload_nothing_is_lost_and_nothing_is_there_twice() {
    let content = pattern(SIZE);
    let mut tried = Vec::new();
    for point in CrashPoint::of("upload") {
        let dying = format!("{}={}", crash::VARIABLE, point.name());
        let mut house = House::with_agent(agent(&[&dying]));
        let died = send(&house, &content, None).await;
        assert!(matches!(died, Err(FilesError::Lost(_))), "{}: {died:?}", point.name());
        house.restart_portal(agent(&[]));
        let unfinished = settled(&house).await;
        let known = match unfinished.as_slice() {
            [upload] => Some(upload.clone()),
            [] => None,
            more => panic!("{}: {more:?}", point.name()),
        };
        // Once all bytes were on the disk the new agent ends the upload by itself.
        let is_done = matches!(point, CrashPoint::UploadSynced | CrashPoint::UploadRenamed);
        assert_eq!((known.is_none(), house.home("f").exists()), (is_done, is_done), "{}", point.name());
        if !is_done {
            let arrived = known.as_ref().map_or(0, |upload| upload.offset_bytes);
            assert_eq!(arrived > 0, point == CrashPoint::UploadChunkWritten, "{}: {arrived}", point.name());
            send(&house, &content, known).await.unwrap();
        }
        assert_eq!(std::fs::read(house.home("f")).unwrap(), content, "{}", point.name());
        assert_eq!(house.real_names(), ["f"], "{}", point.name());
        tried.push(point.name());
    }
    // To the terminal itself, for the list is to be seen of a test that passes, too.
    writeln!(std::io::stderr(), "agent of an upload killed at {}", tried.join(", ")).unwrap();
    assert_eq!(tried, ["upload.created", "upload.chunk_written", "upload.synced", "upload.renamed"]);
}

#[tokio::test]
async fn a_write_that_died_in_the_middle_leaves_the_old_file_alone() {
    let dying = format!("{}={}", crash::VARIABLE, CrashPoint::UploadChunkWritten.name());
    let mut house = House::with_agent(agent(&[&dying]));
    std::fs::write(house.home("f"), b"old").unwrap();
    assert!(matches!(house.put("home/f", &pattern(SIZE)).await, Err(FilesError::Lost(_))));
    assert_eq!(house.real_names().len(), 2);
    house.restart_portal(agent(&[]));
    assert_eq!(house.get("home/f").await.unwrap(), "old");
    assert!(settled(&house).await.is_empty());
    let tidy = async {
        while house.real_names() != ["f"] {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), tidy).await.expect("the hidden file goes");
}

#[tokio::test]
async fn an_agent_killed_while_bytes_stream_goes_on_where_it_was() {
    let house = House::new();
    let content = pattern(64 << 20);
    let upload = house.begin("home/f", content.len() as u64).await.unwrap();
    let sending = house.append(&upload, 0, &content);
    let killing = async {
        let hidden = house.home(format!(".myksc-upload-{}", upload.id));
        while std::fs::metadata(&hidden).unwrap().len() < 8 << 20 {
            tokio::task::yield_now().await;
        }
        house.kill_agent();
    };
    let (sent, ()) = tokio::join!(sending, killing);
    assert!(sent.is_err());
    let arrived = house.files.find_upload(&house.identity, &upload.id).await.unwrap();
    assert!(arrived.offset_bytes >= 8 << 20 && arrived.offset_bytes < arrived.size_bytes, "{arrived:?}");
    send(&house, &content, Some(upload)).await.unwrap();
    assert_eq!(house.get("home/f").await.unwrap(), content);
    assert_eq!(house.files.stat(&house.identity, &parse("home/f")).await.unwrap().size_bytes, 64 << 20);
}

/// Unfinished uploads once those are ended whose bytes are all there; recovery runs beside the first requests.
async fn settled(house: &House) -> Vec<Upload> {
    let settling = async {
        loop {
            let unfinished = house.files.list_uploads(&house.identity).await.unwrap();
            if unfinished.iter().all(|upload| upload.offset_bytes < upload.size_bytes) {
                return unfinished;
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(10), settling).await.expect("recovery ends")
}
