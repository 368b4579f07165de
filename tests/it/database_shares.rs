//! How much of the database one caller holds, and how long a statement may take.

use std::net::IpAddr;
use std::time::{Duration, Instant};

use sea_orm::{ConnectionTrait, DbBackend, Statement};
use serde_json::json;
use tenantry::model::error::{Error, Result};
use tenantry::store::db::{CHANGES_MAX, Holder, READS_MAX, STATEMENT_TIMEOUT};

use crate::on_both;
use crate::support::wait::{AT_LAST, until};
use crate::support::{App, Backend};

/// A statement that takes longer than anybody waits.
fn endless(backend: DbBackend) -> Statement {
    let sql = match backend {
        DbBackend::Postgres => "SELECT COUNT(*) FROM generate_series(1, 1000000000000)",
        _ => "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT COUNT(*) FROM n",
    };
    Statement::from_string(backend, sql)
}

fn quick(backend: DbBackend) -> Statement {
    Statement::from_string(backend, "SELECT COUNT(*) FROM users")
}

/// While one is at its limit, it waits, under whatever name it comes again, and another does not.
async fn leaves_room(app: &App, holder: Holder, again: Holder, other: Holder) {
    let db = app.services.db.held_by(holder);
    let storm: Vec<_> = (0..20)
        .map(|_| {
            let db = db.clone();
            tokio::spawn(async move { db.reader().query_all_raw(endless(db.backend())).await.is_ok() })
        })
        .collect();
    let used = || app.services.db.load().iter().map(|(_, load)| load.used).sum::<usize>();
    until("a caller that has its share", AT_LAST, async || used() == READS_MAX).await;
    let started = Instant::now();
    let other = app.services.db.held_by(other);
    for _ in 0..20 {
        other.reader().query_all_raw(quick(db.backend())).await.unwrap();
    }
    assert!(started.elapsed() < Duration::from_secs(2), "{:?}", started.elapsed());
    assert_eq!(used(), READS_MAX);
    let same = app.services.db.held_by(again);
    let waits = tokio::time::timeout(
        Duration::from_millis(200),
        same.reader().query_all_raw(quick(db.backend())),
    );
    assert!(waits.await.is_err(), "the same caller has no more than its share");
    storm.iter().for_each(tokio::task::JoinHandle::abort);
    for one in storm {
        let _ = one.await;
    }
}

on_both! {
    async fn a_statement_that_takes_too_long_is_ended(app: App) {
        let db = &app.services.db;
        let started = Instant::now();
        let ended: Result<_> = db.reader().query_all_raw(endless(db.backend())).await.map_err(Into::into);
        let elapsed = started.elapsed();
        assert!(matches!(ended, Err(Error::Unavailable { .. })), "{ended:?}");
        assert!(elapsed >= STATEMENT_TIMEOUT && elapsed < STATEMENT_TIMEOUT + Duration::from_secs(5), "{elapsed:?}");
        // Every reader is of use afterwards, at once.
        for _ in 0..10 {
            let started = Instant::now();
            db.reader().query_all_raw(quick(db.backend())).await.unwrap();
            assert!(started.elapsed() < Duration::from_secs(1));
        }
    }

    /// Whoever goes away leaves nothing running, and no reader busy.
    async fn a_statement_that_nobody_waits_for_is_ended(app: App) {
        let db = app.services.db.held_by(Holder::User(-1));
        for _ in 0..READS_MAX {
            let gives_up = tokio::time::timeout(Duration::from_millis(200), db.reader().query_all_raw(endless(db.backend())));
            assert!(gives_up.await.is_err());
        }
        let other = app.services.db.held_by(Holder::User(-2));
        let started = Instant::now();
        for _ in 0..20 {
            other.reader().query_all_raw(quick(db.backend())).await.unwrap();
        }
        assert!(started.elapsed() < Duration::from_secs(2), "{:?}", started.elapsed());
    }

    async fn one_user_leaves_room_for_others(app: App) {
        leaves_room(&app, Holder::User(-3), Holder::User(-3), Holder::User(-4)).await;
    }

    async fn one_network_leaves_room_for_others(app: App) {
        let [one, neighbour] = ["2001:db8::1", "2001:db8::2"].map(|address| Some(address.parse::<IpAddr>().unwrap()));
        leaves_room(&app, Holder::client(one), Holder::client(neighbour), Holder::client(None)).await;
    }

    async fn one_callers_changes_leave_room_for_others(app: App) {
        app.organization("acme", &["berlin"]).await;
        app.user("acme", "ada", None).await;
        let db = app.services.db.held_by(Holder::User(-5));
        let mut places = Vec::new();
        for _ in 0..CHANGES_MAX {
            places.push(db.place_for_change().await.unwrap());
        }
        assert!(tokio::time::timeout(Duration::from_millis(200), db.place_for_change()).await.is_err());
        let other = app.services.db.held_by(Holder::User(-6));
        other.place_for_change().await.unwrap();
        places.pop();
        db.place_for_change().await.unwrap();
        // Machines have no share.
        for _ in 0..50 {
            assert!(app.services.db.place_for_change().await.unwrap().is_none());
        }
    }

    /// Thirty root fields of many tests each, by one caller and often, keep nobody else waiting.
    async fn a_storm_of_filters_keeps_nobody_waiting(app: App) {
        app.organization("acme", &[]).await;
        app.crowd("acme", 5_000).await;
        let chief = app.user("acme", "chief", Some("organization-admin")).await;
        let tests: Vec<_> = (0..95).map(|n| json!({"nameContains": format!("nobody has this {n}")})).collect();
        let filter = json!({"w": {"OR": tests}});
        let document = |count: usize| {
            let fields = (0..count).map(|n| match n % 2 {
                0 => format!("f{n}: users(where: $w) {{ id }} "),
                _ => format!("f{n}: countUsers(where: $w) "),
            });
            format!("query($w: UserWhere!) {{ {} }}", fields.collect::<String>())
        };
        let error = chief.refusal(&document(30), filter.clone()).await;
        assert_eq!(error["extensions"]["code"], "LIMIT_EXCEEDED", "{error}");
        // What is within the limit, and as bad as it gets.
        let storm = app.at_once((0..12).map(|_| chief.prepared(&document(25), filter.clone())));
        let ada = app.user("acme", "ada", None).await;
        let calls = async {
            let mut times = Vec::new();
            for _ in 0..31 {
                // Time is the subject: the calls are spread over the storm.
                tokio::time::sleep(Duration::from_millis(20)).await;
                let started = Instant::now();
                ada.ok("{ me { id } }", json!({})).await;
                times.push(started.elapsed());
            }
            times.sort();
            times[times.len() / 2]
        };
        tokio::pin!(storm);
        // Not the slowest of them: the machine may be busy with something else.
        let median = tokio::select! {
            median = calls => median,
            answers = &mut storm => panic!("the storm was over too soon: {answers:?}"),
        };
        assert!(median < Duration::from_millis(500), "somebody waited {median:?} each time");
    }
}

/// It is interrupted there, so that its place is free again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_statement_that_nobody_waits_for_leaves_its_place_on_sqlite() {
    let app = App::new(Backend::Sqlite).await;
    let db = app.services.db.held_by(Holder::User(-1));
    for _ in 0..READS_MAX {
        let gives_up = tokio::time::timeout(
            Duration::from_millis(200),
            db.reader().query_all_raw(endless(db.backend())),
        );
        assert!(gives_up.await.is_err());
    }
    let started = Instant::now();
    db.reader().query_all_raw(quick(db.backend())).await.unwrap();
    assert!(started.elapsed() < Duration::from_secs(3), "{:?}", started.elapsed());
}
