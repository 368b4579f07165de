//! SQLite's file: a disk without room, and a file that is not where it was.

use std::process::Command;
use std::time::Duration;

use super::{ME, VARIABLES, assert_unavailable, call, create, get};
use crate::support::binary::Server;
use crate::support::cluster::{is_root, wait_for};

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
            assert_unavailable(&answer, "has no room");
            break;
        }
        made += 1;
        assert!(made < 2_000, "the disk is not full");
    }
    assert_eq!(
        get(&server.address, "/readyz"),
        (503, "the database takes no changes\n".to_owned())
    );
    assert_eq!(call(&server.address, ME, SOON).0, 200, "reads go on");
    std::fs::remove_file(&filler).unwrap();
    wait_for("recovery", SOON, || {
        call(&server.address, &create("after"), SOON).0 == 200
    });
    assert_eq!(get(&server.address, "/readyz").0, 200);
    let (_, found) = call(&server.address, "{ countOrganizations }", SOON);
    assert_eq!(found["data"]["countOrganizations"], made + 2, "{found}");
}
