//! What would fill the disk is refused before anything is written.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::Path;

use tenantry::store::db::room;

use super::{SECRET, names, on, refused, url_of};
use crate::support::binary::{Server, text};
use crate::support::{Backend, TestDatabase};

/// More than the disk has, whatever other tests write and remove.
fn too_much(folder: &Path) -> Option<u64> {
    const PAGE: u64 = 4_096;
    // A file of SQLite cannot have more pages than that.
    let room = room(folder).filter(|room| *room < 1 << 41)?;
    Some((room / PAGE + (64 << 30) / PAGE) * PAGE)
}

/// Makes a database so large. Its new pages have no content, and take no space.
fn inflate(database: &Path, bytes: u64) {
    let file = OpenOptions::new().write(true).open(database).unwrap();
    file.set_len(bytes).unwrap();
    // Here is the number of pages; without it, the size of the file counts.
    file.write_all_at(&[0; 4], 28).unwrap();
}

/// The start of a file of `tenantry export`, in a file that is much larger.
fn huge(path: &Path, bytes: u64) {
    let file = File::create(path).unwrap();
    file.write_all_at(b"{\"type\":\"tenantry\",\"version\":1}\n", 0)
        .unwrap();
    file.set_len(bytes).unwrap();
}

#[test]
fn copies_that_would_fill_the_disk_are_refused_on_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    let Some(bytes) = too_much(folder.path()) else {
        return;
    };
    let [path, copy] = ["t.db", "copy.db"].map(|name| folder.path().join(name));
    let [url, copy_url] = [&path, &copy].map(|path| url_of(path));
    let mut server = Server::start(&url, &[("TENANTRY_SECRET_KEY", SECRET)]);
    server.terminate();
    server.ended();
    inflate(&path, bytes);
    for (arguments, database) in [
        (["backup", copy.to_str().unwrap(), "--quick"], &url),
        (["copy", "--to", &copy_url], &url),
        (["restore", path.to_str().unwrap(), "--end-sessions"], &copy_url),
    ] {
        let words = format!("not enough free disk space for {}: about ", copy.display());
        let told = text(&refused(&arguments, &on(database), &words).stderr);
        assert!(
            told.contains(" MB are needed, and ") && told.contains(" MB are free."),
            "{told}"
        );
        let left = names(folder.path());
        assert!(!left.iter().any(|name| name.starts_with("copy.db")), "{left:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_that_would_fill_the_disk_is_refused_on_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    let Some(bytes) = too_much(folder.path()) else {
        return;
    };
    let file = folder.path().join("huge.ndjson");
    huge(&file, bytes);
    let import = ["import", file.to_str().unwrap()];
    let path = folder.path().join("t.db");
    let url = url_of(&path);
    let words = format!("not enough free disk space for {}: about ", path.display());
    refused(&import, &on(&url), &words);
    assert_eq!(names(folder.path()), ["huge.ndjson"]);
    drop(Server::start(&url, &[("TENANTRY_SECRET_KEY", SECRET)]));
    refused(&import, &on(&url), &words);
    // Without writing, it is read, and found to be no such file.
    refused(&[&import[..], &["--dry-run"]].concat(), &on(&url), "line 2");
}

/// Its disk is another machine's.
#[tokio::test(flavor = "multi_thread")]
async fn an_import_is_not_measured_on_postgresql() {
    let folder = tempfile::tempdir().unwrap();
    let Some(bytes) = too_much(folder.path()) else {
        return;
    };
    let file = folder.path().join("huge.ndjson");
    huge(&file, bytes);
    let database = TestDatabase::empty(Backend::Postgres).await;
    refused(&["import", file.to_str().unwrap()], &on(&database.url), "line 2");
}
