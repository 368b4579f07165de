//! Several processes on one database, when one of them is killed or has another time.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use super::{KEY, ME, VARIABLES, call, create, get};
use crate::support::binary::{Server, request, try_answer};
use crate::support::cluster::Cluster;
use crate::support::wait::{AT_LAST, until_outside};

const SOON: Duration = Duration::from_secs(10);
const WRITERS: usize = 8;
const LIBRARY: &str = "faketime/libfaketime.so.1";

/// Creates organizations until it is told to stop, or nobody answers any more; gives those that were acknowledged.
fn write(address: &str, writer: usize, stop: &AtomicBool, made: &AtomicUsize) -> Vec<String> {
    let mut acknowledged = Vec::new();
    for number in 0.. {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        let id = format!("w{writer}-{number}");
        let (head, body) = request(address, KEY, &create(&id));
        let Some((status, answer)) = try_answer(address, &(head + &body)) else {
            break;
        };
        assert_eq!(
            (status, &answer["data"]["createOrganization"]["id"]),
            (200, &id.as_str().into()),
            "{answer}"
        );
        acknowledged.push(id);
        made.store(acknowledged.len(), Ordering::Relaxed);
    }
    acknowledged
}

#[test]
fn a_process_that_is_killed_takes_nothing_with_it_on_postgresql() {
    let cluster = Cluster::start(&[]);
    let url = cluster.create("killed");
    let (survivor, mut other) = (Server::start(&url, &VARIABLES), Server::start(&url, &VARIABLES));
    let mut acknowledged = BTreeSet::new();
    for round in 0..3 {
        let stop = Arc::new(AtomicBool::new(false));
        let writers: Vec<_> = (0..WRITERS)
            .map(|writer| {
                let stays = writer % 2 == 0;
                let server = if stays { &survivor } else { &other };
                let (address, stop, made) = (server.address.clone(), Arc::clone(&stop), Arc::<AtomicUsize>::default());
                let counted = Arc::clone(&made);
                let writing = std::thread::spawn(move || write(&address, round * WRITERS + writer, &stop, &counted));
                (stays, made, writing)
            })
            .collect();
        let all_have_made = |number: usize, of_all: bool| {
            let counts = writers.iter().filter(|(stays, ..)| *stays || of_all);
            counts
                .into_iter()
                .all(|(_, made, _)| made.load(Ordering::Relaxed) >= number)
        };
        until_outside("writers at both", AT_LAST, || all_have_made(5, true));
        other.signal("KILL");
        other.ended();
        // Those at the other one have nobody any more, and those here notice nothing.
        let made = writers.iter().map(|(_, made, _)| made.load(Ordering::Relaxed)).max();
        until_outside("writers that go on", AT_LAST, || {
            all_have_made(made.unwrap() + 10, false)
        });
        assert_eq!(call(&survivor.address, ME, SOON).0, 200);
        stop.store(true, Ordering::Relaxed);
        for (_, _, writing) in writers {
            acknowledged.extend(writing.join().unwrap());
        }
        other = Server::start(&url, &VARIABLES);
        assert_eq!(get(&other.address, "/readyz").0, 200);
    }
    let there: BTreeSet<String> = cluster
        .sql("killed", "SELECT id FROM organizations WHERE id LIKE 'w%'")
        .lines()
        .map(str::to_owned)
        .collect();
    let lost: Vec<_> = acknowledged.difference(&there).collect();
    assert!(lost.is_empty(), "acknowledged and lost: {lost:?}");
    // One for each writer at the one that was killed may be there without having been acknowledged.
    assert!(there.len() - acknowledged.len() <= 3 * WRITERS / 2, "{there:?}");
    let told = "SELECT target_id FROM audit_events WHERE action = 'organization.create' AND target_id LIKE 'w%'";
    let told: BTreeSet<String> = cluster.sql("killed", told).lines().map(str::to_owned).collect();
    assert_eq!(told, there, "an organization and its event are made together");
}

/// The library that shows a process another time, of the package `faketime`.
fn library() -> String {
    let folders = std::fs::read_dir("/usr/lib")
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let mut found = folders.map(|folder| folder.join(LIBRARY)).filter(|path| path.exists());
    found
        .next()
        .expect("the package 'faketime' is installed")
        .display()
        .to_string()
}

/// Signs in at a server; gives the access token.
fn sign_in(server: &Server) -> String {
    let document =
        "mutation { signIn(data: {email: \"ann@acme.example\", password: \"a password of ann\"}) { accessToken } }";
    let (head, body) = request(&server.address, "", document);
    let (status, answer) = try_answer(&server.address, &(head + &body)).unwrap();
    assert_eq!(status, 200, "{answer}");
    answer["data"]["signIn"]["accessToken"]
        .as_str()
        .unwrap_or_else(|| panic!("{answer}"))
        .to_owned()
}

/// Whether a server believes a token; if not, it says that it is not valid.
fn believes(server: &Server, token: &str) -> bool {
    let (status, answer) = server.call(token, ME);
    if answer["data"]["me"]["id"] == "ann" {
        return true;
    }
    assert_eq!(
        (status, &answer["errors"][0]["extensions"]["code"]),
        (401, &"UNAUTHENTICATED".into()),
        "{answer}"
    );
    false
}

/// The clock of one process jumps. Keys and changes know nothing of it; tokens that it gives are believed by the others
/// within two minutes, and it says what is wrong.
#[test]
fn a_clock_that_jumps_on_postgresql() {
    let cluster = Cluster::start(&[]);
    let url = cluster.create("clocks");
    let right = Server::start(&url, &VARIABLES);
    let folder = tempfile::tempdir().unwrap();
    let offset = folder.path().join("offset");
    let jump = |by: &str| {
        // Read by the library at each look at the clock: never half written.
        std::fs::write(folder.path().join("next"), format!("{by}\n")).unwrap();
        std::fs::rename(folder.path().join("next"), &offset).unwrap();
    };
    jump("+0");
    let (library, offset) = (library(), offset.display().to_string());
    let mut variables = VARIABLES.to_vec();
    variables.extend([
        ("LD_PRELOAD", library.as_str()),
        ("FAKETIME_TIMESTAMP_FILE", offset.as_str()),
        ("FAKETIME_DONT_FAKE_MONOTONIC", "1"),
        ("FAKETIME_NO_CACHE", "1"),
    ]);
    let mut jumping = Server::start(&url, &variables);
    assert_eq!(call(&right.address, &create("acme"), SOON).0, 200);
    let ann = "mutation { createUser(data: {id: \"ann\", email: \"ann@acme.example\", password: \"a password of ann\", \
               organizationId: \"acme\"}) { id } }";
    assert_eq!(call(&right.address, ann, SOON).0, 200);
    let mut number = 0;
    let mut both_work = || {
        for server in [&right, &jumping] {
            number += 1;
            assert_eq!(call(&server.address, &create(&format!("o{number}")), SOON).0, 200);
        }
    };
    both_work();
    let before = sign_in(&right);
    let of_jumping = sign_in(&jumping);
    assert!(believes(&jumping, &before) && believes(&right, &of_jumping));
    for by in ["+90", "-90"] {
        jump(by);
        both_work();
        assert!(
            believes(&jumping, &before) && believes(&right, &sign_in(&jumping)),
            "{by}"
        );
    }
    assert!(
        !jumping.log().contains("clock"),
        "90 seconds are no reason to wake anybody"
    );

    jump("+600");
    both_work();
    let ahead = sign_in(&jumping);
    assert!(
        believes(&jumping, &ahead) && !believes(&right, &ahead),
        "it is of a time that has not come"
    );
    jumping.logged("clock differs", 1);
    // Less than a token lives.
    jump("-480");
    both_work();
    assert!(
        !believes(&jumping, &before),
        "it is of a time that has not come for this process"
    );
    let behind = sign_in(&jumping);
    assert!(
        believes(&jumping, &behind) && believes(&right, &behind),
        "it ends sooner, and works until then"
    );

    // Right again, everything is as before.
    jump("+0");
    both_work();
    jumping.logged("clock is right again", 1);
    assert!(believes(&jumping, &before) && believes(&right, &sign_in(&jumping)));
    assert!(jumping.is_running());
    jumping.terminate();
    assert!(jumping.ended().success());
}
