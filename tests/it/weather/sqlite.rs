//! SQLite's file: a disk without room, and a file that is not where it was.

use std::process::Command;
use std::time::Duration;

use tenantry::store::db::Database;

use super::{ME, VARIABLES, assert_unavailable, call, create, get};
use crate::support::binary::{Server, run, tenantry_after, text};
use crate::support::postgres::is_root;
use crate::support::wait::until_outside;

const SOON: Duration = Duration::from_secs(15);

#[test]
fn sqlite_a_file_that_was_moved_or_replaced_is_noticed() {
    let folder = tempfile::tempdir().unwrap();
    let (path, away) = (folder.path().join("t.db"), folder.path().join("away.db"));
    let server = Server::start(&format!("sqlite://{}", path.display()), &VARIABLES);
    assert_eq!(call(&server.address, &create("before"), SOON).0, 200);
    std::fs::rename(&path, &away).unwrap();
    for _ in 0..2 {
        assert_unavailable(
            &call(&server.address, &create("meanwhile"), SOON),
            "was moved or replaced",
        );
        assert_eq!(
            get(&server.address, "/readyz"),
            (503, "the database does not answer\n".to_owned())
        );
        // Now another file stands there.
        std::fs::copy(&away, &path).unwrap();
    }
    std::fs::rename(&away, &path).unwrap();
    assert_eq!(get(&server.address, "/readyz").0, 200);
    assert_eq!(call(&server.address, &create("after"), SOON).0, 200);
    let (_, found) = call(&server.address, "{ organizations { id } }", SOON);
    assert_eq!(found["data"]["organizations"].as_array().unwrap().len(), 3, "{found}");
}

/// A small file system of its own, if the tests may mount one.
struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    fn mount() -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=6m", "tmpfs"])
            .arg(folder.path())
            .output();
        let mounted = is_root() && mounted.is_ok_and(|mounted| mounted.status.success());
        mounted.then(|| Self(folder))
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.0.path()).status();
    }
}

#[test]
fn sqlite_a_full_disk_is_told_and_got_over() {
    let Some(disk) = SmallDisk::mount() else {
        // This user may not mount a small file system.
        return;
    };
    let path = disk.0.path().join("t.db");
    let server = Server::start(&format!("sqlite://{}", path.display()), &VARIABLES);
    assert_eq!(call(&server.address, &create("before"), SOON).0, 200);
    assert_eq!(get(&server.address, "/readyz").0, 200);
    // Somebody else fills it.
    let filler = disk.0.path().join("filler");
    let _ = Command::new("dd")
        .arg("if=/dev/zero")
        .arg(format!("of={}", filler.display()))
        .arg("bs=4k")
        .output();
    let mut made = 1;
    loop {
        let answer = call(&server.address, &create(&format!("full-{made}")), SOON);
        if answer.0 != 200 {
            assert_unavailable(&answer, "has no space left");
            break;
        }
        made += 1;
        assert!(made < 2_000, "the disk is not full");
    }
    assert_eq!(
        get(&server.address, "/readyz"),
        (503, "the database accepts no writes\n".to_owned())
    );
    assert_eq!(call(&server.address, ME, SOON).0, 200, "reads go on");
    std::fs::remove_file(&filler).unwrap();
    until_outside("recovery", SOON, || {
        call(&server.address, &create("after"), SOON).0 == 200
    });
    assert_eq!(get(&server.address, "/readyz").0, 200);
    let (_, found) = call(&server.address, "{ countOrganizations }", SOON);
    assert_eq!(found["data"]["countOrganizations"], made + 2, "{found}");
}

/// A limit on the size of files, as `ulimit -f` and supervisors set one, is a full disk: the signal of it ends nobody.
#[test]
fn sqlite_a_file_that_may_not_grow_is_a_full_disk() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.db");
    let url = format!("sqlite://{}", path.display());
    let mut server = Server::start_by(tenantry_after("ulimit -f 4096", &VARIABLES), &url);
    let mut made = 0;
    let long = "x".repeat(60_000);
    loop {
        let data = format!("{{id: \"o-{made}\", name: \"o\", variables: {{v: \"{long}\"}}}}");
        let answer = call(
            &server.address,
            &format!("mutation {{ createOrganization(data: {data}) {{ id }} }}"),
            SOON,
        );
        if answer.0 != 200 {
            let error = &answer.1["errors"][0];
            assert_eq!(
                (answer.0, error["extensions"]["code"].as_str()),
                (503, Some("UNAVAILABLE")),
                "{answer:?}"
            );
            break;
        }
        assert!(answer.1.get("errors").is_none(), "{answer:?}");
        made += 1;
        assert!(made < 2_000, "the file has no limit");
    }
    assert!(server.is_running(), "the server has ended");
    assert_eq!(get(&server.address, "/healthz").0, 200);
    let (_, found) = call(&server.address, "{ countOrganizations }", SOON);
    assert_eq!(found["data"]["countOrganizations"], made + 1, "{found}");
}

/// Another program that holds the file's lock keeps every change off: readiness tells.
#[tokio::test(flavor = "multi_thread")]
async fn sqlite_a_lock_that_another_program_holds_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}", folder.path().join("t.db").display());
    let server = Server::start(&url, &VARIABLES);
    let other = Database::connect(&url).await.unwrap();
    let held = other.begin().await.unwrap();
    let answer = call(&server.address, &create("meanwhile"), SOON);
    assert_eq!(answer.0, 503, "{answer:?}");
    assert_eq!(
        get(&server.address, "/readyz"),
        (503, "the database accepts no writes\n".to_owned())
    );
    assert_eq!(call(&server.address, ME, SOON).0, 200, "reads go on");
    drop(held);
    until_outside("readiness", SOON, || get(&server.address, "/readyz").0 == 200);
    assert_eq!(call(&server.address, &create("after"), SOON).0, 200);
}

/// Whoever starts while another process initializes the file waits for it.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn sqlite_a_new_file_is_opened_by_all_who_start_together() {
    let folder = tempfile::tempdir().unwrap();
    for round in 0..30 {
        let url = format!("sqlite://{}", folder.path().join(format!("{round}.db")).display());
        let starting: Vec<_> = (0..8)
            .map(|_| {
                let url = url.clone();
                tokio::spawn(async move { Database::connect(&url).await })
            })
            .collect();
        for one in starting {
            one.await.unwrap().unwrap().close().await;
        }
    }
}

/// To open a pipe would wait for whoever is at its other end.
#[test]
fn sqlite_a_pipe_is_no_database() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("pipe");
    assert!(Command::new("mkfifo").arg(&path).status().unwrap().success());
    let url = format!("sqlite://{}", path.display());
    let refused = run(&["serve"], &[("TENANTRY_DATABASE_URL", &url)]);
    assert_eq!(refused.status.code(), Some(1));
    let said = text(&refused.stderr);
    assert!(
        said.contains("it is not a regular file") && said.contains("Specify another file"),
        "{said}"
    );
}
