//! A database that does not answer any more, and one that ends connections.

use std::time::{Duration, Instant};

use tenantry::store::db::Database;

use super::{ME, VARIABLES, assert_unavailable, at_once, call, create, get, works};
use crate::support::binary::{Server, run, text};
use crate::support::cluster::{Cluster, url};
use crate::support::signal::send_signal;
use crate::support::switch::Switch;
use crate::support::wait::until_outside;

/// The longest that anybody waits: a connection's time, and a statement's after it.
const LONGEST: Duration = Duration::from_secs(28);
const SOON: Duration = Duration::from_secs(10);
/// More than there are connections.
const CALLERS: usize = 12;

#[test]
fn stopped_backends_on_all_slots_on_postgresql() {
    let cluster = Cluster::start(&[]);
    let mut server = Server::start(&cluster.create("stopped"), &VARIABLES);
    at_once(&server.address, ME, CALLERS, SOON);
    let stopped = cluster.backends();
    assert!(!stopped.is_empty());
    stopped.iter().for_each(|pid| send_signal("STOP", *pid));
    for answer in at_once(&server.address, &create("acme"), CALLERS, LONGEST) {
        // Those who found a new connection are served, and may keep others waiting.
        if answer.0 != 200 {
            assert_unavailable(&answer, "");
        }
    }
    // They are still stopped, and nobody waits for them any more.
    let started = Instant::now();
    assert!(
        at_once(&server.address, ME, CALLERS, SOON)
            .iter()
            .all(|answer| answer.0 == 200)
    );
    assert!(started.elapsed() < SOON, "{:?}", started.elapsed());
    assert_eq!(get(&server.address, "/readyz"), (200, "ready\n".to_owned()));
    // Once more, with changes in the middle of which they stop; then it is told to end.
    let stopped_later: Vec<u32> = cluster
        .backends()
        .into_iter()
        .filter(|pid| !stopped.contains(pid))
        .collect();
    stopped_later.iter().for_each(|pid| send_signal("STOP", *pid));
    let address = server.address.clone();
    let waiting = std::thread::spawn(move || at_once(&address, ME, CALLERS, LONGEST));
    server.terminate();
    assert!(server.ended().success());
    let _ = waiting.join();
    for pid in stopped.iter().chain(&stopped_later) {
        send_signal("KILL", *pid);
    }
}

#[test]
fn a_path_that_carries_nothing_on_postgresql() {
    let cluster = Cluster::start(&[]);
    cluster.create("dead");
    let switch = Switch::to(cluster.port);
    let mut server = Server::start(&url(switch.port, "dead"), &VARIABLES);
    at_once(&server.address, ME, CALLERS, SOON);
    for round in 0..2 {
        switch.fall_silent();
        for answer in at_once(&server.address, ME, CALLERS, LONGEST) {
            assert_unavailable(&answer, "The database does not answer");
        }
        assert_eq!(
            get(&server.address, "/readyz"),
            (503, "the database does not answer\n".to_owned())
        );
        switch.speak();
        let took = until_outside("recovery", SOON, || works(&server));
        assert_eq!(call(&server.address, &create(&format!("round-{round}")), SOON).0, 200);
        assert_eq!(get(&server.address, "/readyz").0, 200, "{took:?}");
    }
    switch.fall_silent();
    let address = server.address.clone();
    let waiting = std::thread::spawn(move || at_once(&address, &create("last"), CALLERS, LONGEST));
    server.terminate();
    assert!(server.ended().success());
    let _ = waiting.join();
}

/// Sessions that PostgreSQL ends are no error for whoever reads, or begins a change.
#[test]
fn ended_sessions_are_met_by_nobody_on_postgresql() {
    let mut cluster = Cluster::start(&[]);
    let server = Server::start(&cluster.create("ended"), &VARIABLES);
    for round in 0..5 {
        at_once(&server.address, ME, CALLERS, SOON);
        cluster.sql(
            "postgres",
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'tenantry'",
        );
        for answer in at_once(&server.address, ME, CALLERS, SOON) {
            assert_eq!(answer.0, 200, "{answer:?}");
        }
        cluster.sql(
            "postgres",
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'tenantry'",
        );
        let answer = call(&server.address, &create(&format!("round-{round}")), SOON);
        assert_eq!(answer.0, 200, "{answer:?}");
    }
    // While it is down, the truth; when it is up, everything.
    cluster.stop();
    assert_unavailable(&call(&server.address, ME, SOON), "The database does not answer");
    assert_eq!(get(&server.address, "/readyz").0, 503);
    cluster.resume();
    until_outside("recovery", SOON, || works(&server));
    assert_eq!(call(&server.address, &create("after"), SOON).0, 200);
    // And after a crash, which tells nobody.
    cluster.crash();
    cluster.resume();
    until_outside("recovery", SOON, || works(&server));
    assert_eq!(call(&server.address, &create("after-a-crash"), SOON).0, 200);
    // A server that ends idle sessions by itself.
    cluster.sql("postgres", "ALTER DATABASE ended SET idle_session_timeout = '300ms'");
    cluster.sql(
        "postgres",
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'tenantry'",
    );
    for round in 0..4 {
        let answers = at_once(&server.address, ME, CALLERS, SOON);
        assert!(answers.iter().all(|answer| answer.0 == 200), "{answers:?}");
        until_outside("the end of idle sessions", SOON, || cluster.backends().is_empty());
        assert_eq!(call(&server.address, &create(&format!("idle-{round}")), SOON).0, 200);
    }
}

/// A user with few connections is enough: the pool is as large as what it gets.
#[test]
fn a_connection_limit_makes_the_pool_smaller_on_postgresql() {
    let cluster = Cluster::start(&[]);
    cluster.create("few");
    cluster.sql(
        "postgres",
        "CREATE ROLE few LOGIN CONNECTION LIMIT 3; ALTER DATABASE few OWNER TO few",
    );
    let url = cluster.url("few").replace("tenantry@", "few@");
    let server = Server::start(&url, &VARIABLES);
    for round in 0..10 {
        for answer in at_once(&server.address, ME, 30, SOON) {
            assert_eq!(answer.0, 200, "{round}: {answer:?}");
        }
    }
    drop(server);
    // One is enough, also to make the schema.
    cluster.create("one");
    cluster.sql(
        "postgres",
        "CREATE ROLE one LOGIN CONNECTION LIMIT 1; ALTER DATABASE one OWNER TO one",
    );
    let url = cluster.url("one").replace("tenantry@", "one@");
    let server = Server::start(&url, &VARIABLES);
    for answer in at_once(&server.address, ME, 10, SOON) {
        assert_eq!(answer.0, 200, "{answer:?}");
    }
    // None is told.
    let mut variables = VARIABLES.to_vec();
    variables.push(("TENANTRY_DATABASE_URL", &url));
    let refused = run(&["serve"], &variables);
    assert!(
        text(&refused.stderr).contains("CONNECTION LIMIT"),
        "{}",
        text(&refused.stderr)
    );
    drop(server);
    // And as small as it is told.
    let mut variables = VARIABLES.to_vec();
    variables.push(("TENANTRY_DATABASE_CONNECTIONS", "2"));
    let server = Server::start(&cluster.url("few"), &variables);
    at_once(&server.address, ME, 30, SOON);
    assert!(cluster.backends().len() <= 2);
}

/// A start that waits for another process's work, and whose path to the database dies meanwhile, does not wait for ever.
#[tokio::test(flavor = "multi_thread")]
async fn a_path_that_dies_during_a_start_on_postgresql() {
    let cluster = Cluster::start(&[]);
    let other = Database::connect(&cluster.create("setup")).await.unwrap();
    let at_work = other.begin_setup().await.unwrap();
    let switch = Switch::to(cluster.port);
    let url = url(switch.port, "setup");
    let starting = std::thread::spawn(move || {
        let mut variables = VARIABLES.to_vec();
        variables.push(("TENANTRY_DATABASE_URL", &url));
        run(&["serve"], &variables)
    });
    let waits = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'SELECT pg_try_advisory_xact_lock%' AND pid <> pg_backend_pid()";
    until_outside("a start that waits", SOON, || cluster.sql("setup", waits) == "1");
    switch.fall_silent();
    let started = Instant::now();
    let ended = starting.join().unwrap();
    assert!(started.elapsed() < Duration::from_secs(90), "{:?}", started.elapsed());
    assert_eq!(ended.status.code(), Some(1));
    let said = text(&ended.stderr);
    assert!(said.contains("stopped answering during set-up"), "{said}");
    drop(at_work);
}
