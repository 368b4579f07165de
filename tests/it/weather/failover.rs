//! A standby, and the moment in which it takes over.

use std::time::Duration;

use super::{ME, VARIABLES, assert_unavailable, at_once, call, create, get, works};
use crate::support::binary::Server;
use crate::support::cluster::{Cluster, url, wait_for};
use crate::support::switch::Switch;

const SOON: Duration = Duration::from_secs(10);
const NOT_READY: (u16, &str) = (503, "the database takes no changes\n");

#[test]
fn a_standby_takes_over_behind_one_address() {
    let mut primary = Cluster::start(&[]);
    primary.create("directory");
    let switch = Switch::to(primary.port);
    let server = Server::start(&url(switch.port, "directory"), &VARIABLES);
    assert_eq!(call(&server.address, &create("before"), SOON).0, 200);
    let standby = primary.standby();
    let arrived = || standby.sql("directory", "SELECT count(*) FROM organizations WHERE id = 'before'") == "1";
    wait_for("replication", Duration::from_secs(60), arrived);

    // A process that starts while there is only a standby waits until it takes changes.
    let early = Server::start(&standby.url("directory"), &VARIABLES);
    switch.turn(standby.port);
    for server in [&server, &early] {
        let (status, words) = get(&server.address, "/readyz");
        assert_eq!((status, words.as_str()), NOT_READY);
        for answer in at_once(&server.address, &create("meanwhile"), 12, SOON) {
            assert_unavailable(&answer, "The database takes no changes");
        }
        assert_eq!(call(&server.address, ME, SOON).0, 200, "reads go on");
    }
    primary.stop();
    standby.promote();
    for (number, server) in [&server, &early].into_iter().enumerate() {
        let ready = || get(&server.address, "/readyz").0 == 200;
        wait_for("readiness after the promotion", SOON, ready);
        assert!(works(server));
        let answer = call(&server.address, &create(&format!("after-{number}")), SOON);
        assert_eq!(answer.0, 200, "{answer:?}");
    }
    let kept = "SELECT string_agg(id, ' ' ORDER BY pk) FROM organizations WHERE id <> 'platform'";
    assert_eq!(standby.sql("directory", kept), "before after-0 after-1");
}

/// A primary that was demoted and is still there: its connections live, and are not used any more.
#[test]
fn connections_to_a_demoted_primary_are_dropped() {
    let primary = Cluster::start(&[]);
    primary.create("directory");
    let server = Server::start(&primary.url("directory"), &VARIABLES);
    at_once(&server.address, ME, 12, SOON);
    // As an administrator does, or a provider whose disk is full.
    primary.sql("postgres", "ALTER SYSTEM SET default_transaction_read_only = on");
    primary.sql("postgres", "SELECT pg_reload_conf()");
    wait_for("the setting", SOON, || {
        get(&server.address, "/readyz") == (NOT_READY.0, NOT_READY.1.to_owned())
    });
    assert_unavailable(
        &call(&server.address, &create("meanwhile"), SOON),
        "The database takes no changes",
    );
    assert_eq!(call(&server.address, ME, SOON).0, 200, "reads go on");
    primary.sql("postgres", "ALTER SYSTEM RESET default_transaction_read_only");
    primary.sql("postgres", "SELECT pg_reload_conf()");
    wait_for("readiness", SOON, || get(&server.address, "/readyz").0 == 200);
    assert_eq!(call(&server.address, &create("after"), SOON).0, 200);
}
