//! The file that follows the audit trail: whole lines, in order, each event once, whatever happens.

use std::io::Write;
use std::path::Path;

use serde_json::{Value, json};
use tenantry::directory::audit_event::AuditFile;

use crate::on_both;
use crate::support::App;

fn open(path: &Path) -> AuditFile {
    AuditFile::open(path).unwrap().expect("nobody else follows")
}

/// The ids in the file's whole lines; a torn one counts for nothing.
pub fn ids(path: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    let lines = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    lines.map(|line| line["id"].as_str().unwrap().to_owned()).collect()
}

/// The ids in the trail, in its order.
pub async fn trail(app: &App) -> Vec<String> {
    app.column("SELECT id FROM audit_events ORDER BY position").await
}

/// Catches up with all that there is.
pub async fn follow(file: &mut AuditFile, app: &App) -> usize {
    app.settle().await;
    file.catch_up(&app.services.db).await.unwrap()
}

async fn happens(app: &App, n: usize) {
    app.organization(&format!("o{n}"), &[]).await;
}

on_both! {
    async fn it_has_the_whole_trail(app: App) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("audit.jsonl");
        happens(&app, 0).await;
        let mut file = open(&path);
        follow(&mut file, &app).await;
        assert_eq!(ids(&path), trail(&app).await, "from its beginning");
        happens(&app, 1).await;
        assert_eq!(follow(&mut file, &app).await, 1);
        assert_eq!(follow(&mut file, &app).await, 0);
        // Another process goes on where this one was.
        drop(file);
        happens(&app, 2).await;
        follow(&mut open(&path), &app).await;
        assert_eq!(ids(&path), trail(&app).await);
        #[cfg(unix)]
        for name in ["audit.jsonl", "audit.jsonl.position"] {
            let mode = std::os::unix::fs::MetadataExt::mode(&std::fs::metadata(folder.path().join(name)).unwrap());
            assert_eq!(mode & 0o777, 0o600, "{name}");
        }
    }

    /// A crash between writing and noting, in the middle of a line, and of both files.
    async fn a_crash_repeats_nothing_and_loses_nothing(app: App) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("audit.jsonl");
        let noted = folder.path().join("audit.jsonl.position");
        follow(&mut open(&path), &app).await;
        let before = std::fs::read(&noted).unwrap();
        happens(&app, 0).await;
        happens(&app, 1).await;
        follow(&mut open(&path), &app).await;
        let (whole, last) = (std::fs::read(&path).unwrap(), trail(&app).await.len());
        // Written, not noted.
        std::fs::write(&noted, &before).unwrap();
        follow(&mut open(&path), &app).await;
        assert_eq!(ids(&path), trail(&app).await);
        // Torn in the last line, and not noted, or noted badly.
        for noted_badly in [before.as_slice(), b"{\"event\": 7", b""] {
            let mut torn = std::fs::File::create(&path).unwrap();
            torn.write_all(&whole[..whole.len() - 20]).unwrap();
            std::fs::write(&noted, noted_badly).unwrap();
            follow(&mut open(&path), &app).await;
            assert_eq!(ids(&path), trail(&app).await);
            let lines = std::fs::read_to_string(&path).unwrap();
            assert!(lines.ends_with('\n') && lines.lines().count() == last + 1, "the torn line is ended: {lines}");
        }
    }

    async fn one_process_follows_and_the_others_wait(app: App) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("audit.jsonl");
        let first = open(&path);
        assert!(AuditFile::open(&path).unwrap().is_none());
        drop(first);
        follow(&mut open(&path), &app).await;
        assert_eq!(ids(&path), trail(&app).await);
    }

    async fn it_can_be_rotated(app: App) {
        let folder = tempfile::tempdir().unwrap();
        let (path, moved) = (folder.path().join("audit.jsonl"), folder.path().join("audit.1.jsonl"));
        let mut file = open(&path);
        follow(&mut file, &app).await;
        std::fs::rename(&path, &moved).unwrap();
        happens(&app, 0).await;
        // Until it is told, it writes where it wrote.
        follow(&mut file, &app).await;
        file.reopen().unwrap();
        happens(&app, 1).await;
        follow(&mut file, &app).await;
        assert_eq!(ids(&path).len(), 1);
        assert_eq!([ids(&moved), ids(&path)].concat(), trail(&app).await);
        // Also one that was moved while nobody followed.
        drop(file);
        std::fs::rename(&path, folder.path().join("audit.2.jsonl")).unwrap();
        happens(&app, 2).await;
        follow(&mut open(&path), &app).await;
        assert_eq!(ids(&path).len(), 1);
    }
}

/// `/dev/full` takes nothing. What could not be written is written once it can.
#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sqlite_a_full_disk_loses_nothing() {
    let app = App::new(crate::support::Backend::Sqlite).await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("audit.jsonl");
    std::os::unix::fs::symlink("/dev/full", &path).unwrap();
    let mut file = open(&path);
    for _ in 0..2 {
        let error = file.catch_up(&app.services.db).await.unwrap_err();
        assert!(format!("{error:#}").contains("audit.jsonl"), "{error:#}");
    }
    // The directory goes on.
    assert_eq!(app.admin().ok("{ me { id } }", json!({})).await["me"]["id"], "admin");
    happens(&app, 0).await;
    std::fs::remove_file(&path).unwrap();
    file.reopen().unwrap();
    follow(&mut file, &app).await;
    assert_eq!(ids(&path), trail(&app).await);
}
