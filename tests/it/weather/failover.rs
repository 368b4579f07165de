//! A standby, and the moment in which it takes over.

use std::time::Duration;

use super::{ME, VARIABLES, assert_unavailable, at_once, call, create, get, works};
use crate::support::binary::Server;
use crate::support::cluster::{Cluster, url};
use crate::support::switch::Switch;
use crate::support::wait::until_outside;

const SOON: Duration = Duration::from_secs(10);
const NOT_READY: (u16, &str) = (503, "the database accepts no writes\n");

#[test]
fn a_standby_takes_over_behind_one_address_on_postgresql() {
    let mut primary = Cluster::start(&[]);
    primary.create("directory");
    let switch = Switch::to(primary.port);
    let server = Server::start(&url(switch.port, "directory"), &VARIABLES);
    assert_eq!(call(&server.address, &create("before"), SOON).0, 200);
    let standby = primary.standby();
    let arrived = || standby.sql("directory", "SELECT count(*) FROM organizations WHERE id = 'before'") == "1";
    until_outside("replication", Duration::from_secs(60), arrived);

    // A process that starts while there is only a standby waits until it accepts writes.
    let early = Server::start(&standby.url("directory"), &VARIABLES);
    switch.turn(standby.port);
    for server in [&server, &early] {
        let (status, words) = get(&server.address, "/readyz");
        assert_eq!((status, words.as_str()), NOT_READY);
        for answer in at_once(&server.address, &create("meanwhile"), 12, SOON) {
            assert_unavailable(&answer, "The database accepts no writes");
        }
        assert_eq!(call(&server.address, ME, SOON).0, 200, "reads go on");
    }
    primary.stop();
    standby.promote();
    for (number, server) in [&server, &early].into_iter().enumerate() {
        let ready = || get(&server.address, "/readyz").0 == 200;
        until_outside("readiness after the promotion", SOON, ready);
        assert!(works(server));
        let answer = call(&server.address, &create(&format!("after-{number}")), SOON);
        assert_eq!(answer.0, 200, "{answer:?}");
    }
    let kept = "SELECT string_agg(id, ' ' ORDER BY pk) FROM organizations WHERE id <> 'platform'";
    assert_eq!(standby.sql("directory", kept), "before after-0 after-1");
}

/// A primary that was demoted and is still there: its connections live, and are not used any more.
#[test]
fn connections_to_a_demoted_primary_are_dropped_on_postgresql() {
    let primary = Cluster::start(&[]);
    primary.create("directory");
    let server = Server::start(&primary.url("directory"), &VARIABLES);
    at_once(&server.address, ME, 12, SOON);
    // As an administrator does, or a provider whose disk is full.
    primary.sql("postgres", "ALTER SYSTEM SET default_transaction_read_only = on");
    primary.sql("postgres", "SELECT pg_reload_conf()");
    until_outside("the setting", SOON, || {
        get(&server.address, "/readyz") == (NOT_READY.0, NOT_READY.1.to_owned())
    });
    assert_unavailable(
        &call(&server.address, &create("meanwhile"), SOON),
        "The database accepts no writes",
    );
    assert_eq!(call(&server.address, ME, SOON).0, 200, "reads go on");
    primary.sql("postgres", "ALTER SYSTEM RESET default_transaction_read_only");
    primary.sql("postgres", "SELECT pg_reload_conf()");
    until_outside("readiness", SOON, || get(&server.address, "/readyz").0 == 200);
    assert_eq!(call(&server.address, &create("after"), SOON).0, 200);
}

/// A primary that answers, and yet takes no change: readiness tells, from the first change that failed to the first that
/// would not.
#[test]
fn a_primary_that_takes_no_change_is_not_ready_on_postgresql() {
    let primary = Cluster::start(&[]);
    primary.create("directory");
    primary.sql(
        "postgres",
        "CREATE ROLE plain LOGIN; ALTER DATABASE directory OWNER TO plain",
    );
    let url = primary.url("directory").replace("tenantry@", "plain@");
    let server = Server::start(&url, &VARIABLES);
    let ready = || get(&server.address, "/readyz");
    assert_eq!(ready().0, 200);
    // Rights that were taken away.
    let reads = "ALTER TABLE organizations OWNER TO tenantry; GRANT SELECT ON organizations TO plain";
    primary.sql("directory", reads);
    assert_unavailable(
        &call(&server.address, &create("meanwhile"), SOON),
        "The database does not answer",
    );
    assert_eq!(ready(), (NOT_READY.0, NOT_READY.1.to_owned()));
    assert_eq!(call(&server.address, ME, SOON).0, 200, "reads go on");
    primary.sql("directory", "ALTER TABLE organizations OWNER TO plain");
    until_outside("readiness", SOON, || ready().0 == 200);
    assert_eq!(call(&server.address, &create("after-rights"), SOON).0, 200);
    // A standby that commits wait for, and that is not there.
    let settings = [
        "ALTER SYSTEM SET synchronous_standby_names = 'nobody'",
        "ALTER SYSTEM RESET synchronous_standby_names",
    ];
    for (number, setting) in settings.into_iter().enumerate() {
        primary.sql("postgres", setting);
        primary.sql("postgres", "SELECT pg_reload_conf()");
        if number == 0 {
            let answer = call(&server.address, &create("waiting"), Duration::from_secs(30));
            assert_unavailable(&answer, "The database does not answer");
            assert_eq!(ready(), (NOT_READY.0, NOT_READY.1.to_owned()));
        }
    }
    until_outside("readiness", SOON, || ready().0 == 200);
    assert_eq!(call(&server.address, &create("after-standby"), SOON).0, 200);
}
