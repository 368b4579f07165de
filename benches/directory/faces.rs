//! The faces of other products: what each costs beside GraphQL, and their lists that nobody pages through.
//!
//! The cost is that of one verb asked for in both ways, in rounds that take turns, by the same caller, with the same
//! fields in both answers, or as near as the two forms come.
//!
//! The lists are of the whole organization of the caller, the largest there is: at a million users, 300,000. While they
//! are read, one after the other, `users` is asked for at a fixed rate, as beside the sign-ins.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use axum::body::Bytes;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::{Value, json};
use tokio::runtime::Handle;
use tokio::task::spawn_blocking;

use crate::bench::{Bench, TITLE, WIDTH, median, millis, shown};
use crate::load::{Bodies, PER_SECOND, Punctual, Target};
use crate::requests::page;
use crate::table::Table;

impl Bench<'_> {
    pub async fn faces(&self, table: &mut Table) {
        let page = page();
        let server = self.server();
        let graphql = self.target(&server);
        self.heading("faces", &["face", "GraphQL", "face adds, %"]);
        for pair in pairs(&self.ids, &page) {
            let face = Target {
                path: pair.path,
                ..graphql.clone()
            };
            let rounds = self.rounds(&[(&face, &pair.face), (&graphql, &pair.graphql)]).await;
            let added = median(
                rounds
                    .iter()
                    .map(|[face, graphql]| (graphql.per_second / face.per_second - 1.0) * 100.0),
            );
            println!(
                "{:<TITLE$}{:>WIDTH$}{:>WIDTH$}{added:>WIDTH$.1}",
                pair.title,
                shown(rounds.iter().map(|[face, _]| *face)),
                shown(rounds.iter().map(|[_, graphql]| *graphql))
            );
            table.at_most(
                &format!("{}, face adds, %", pair.title),
                Some(20.0),
                self.database,
                added,
            );
        }
        drop(server);
        for list in UNPAGED {
            // Its own server: what is asked for is the most memory that it ever held.
            let server = self.server();
            let outcome = list
                .measure(&self.target(&server), &page, self.options.time() * 2)
                .await;
            println!(
                "{}'s list of {} users: {} of them in {:.1} s each; beside them {} pages of 50 at 200/s, p50 {:.1} ms, p99 {:.1} ms, {} failed",
                list.title,
                outcome.users,
                outcome.lists,
                outcome.took.as_secs_f64(),
                outcome.pages.asked,
                millis(outcome.pages.p50),
                millis(outcome.pages.p99),
                outcome.pages.failed
            );
            assert!(outcome.users as u64 * 4 > self.options.users, "a whole organization");
            let row = |what: &str| format!("{}'s whole list and 200 pages/s, {what}", list.title);
            table.at_most(
                &row("p99 of a page, ms"),
                Some(50.0),
                self.database,
                millis(outcome.pages.p99),
            );
            table.at_most(&row("failed"), Some(0.0), self.database, outcome.pages.failed as f64);
            if let Some(bytes) = server.most_memory() {
                table.at_most(
                    &row("server's memory, MB"),
                    Some(150.0),
                    self.database,
                    bytes as f64 / 1e6,
                );
            }
        }
    }
}

/// One verb in two ways.
struct Pair {
    pub title: &'static str,
    pub path: String,
    pub face: Bodies,
    pub graphql: Bodies,
}

const WAII: &str = "query($id: ID!) { users(where: {id: $id}, first: 1) { id name tenantId organizationId variables roles { name } } }";
const WALLAROO: &str = "query($ids: [ID!]!) { users(where: {idIn: $ids}, first: 50) {
    id email firstname lastname activated emailVerified mustChangePassword createdAt lastSeenAt
    viewerCan { update manageGroups mapRoles impersonate } federatedIdentities { identityProvider userId userName } } }";
const AIR: &str = "query($id: ID!) { users(where: {id: $id}, first: 1) {
    id email firstname lastname activated organizationRole createdAt updatedAt } }";

fn pairs(ids: &[String], page: &Bodies) -> Vec<Pair> {
    let one = |of: fn(&str) -> Value| {
        let (ids, next) = (ids.to_vec(), AtomicUsize::new(0));
        move || body(&of(&ids[next.fetch_add(7_919, Ordering::Relaxed) % ids.len()]))
    };
    let fifty = |of: fn(&[String]) -> Value| {
        let (ids, next) = (ids.to_vec(), AtomicUsize::new(0));
        move || {
            let start = next.fetch_add(7_919, Ordering::Relaxed) % (ids.len() - 50);
            body(&of(&ids[start..start + 50]))
        }
    };
    vec![
        Pair {
            title: "Kili, page of 50",
            path: "/api/label/v2/graphql".to_owned(),
            face: Arc::clone(page),
            graphql: Arc::clone(page),
        },
        Pair {
            title: "WAII, one user",
            path: "/api/list-users".to_owned(),
            face: Arc::new(one(|id| json!({ "lookup_user_id": id }))),
            graphql: Arc::new(one(|id| json!({ "query": WAII, "variables": { "id": id } }))),
        },
        Pair {
            title: "Wallaroo, 50 ids",
            path: "/v1/api/users/query".to_owned(),
            face: Arc::new(fifty(|ids| json!({ "user_ids": ids }))),
            graphql: Arc::new(fifty(|ids| json!({ "query": WALLAROO, "variables": { "ids": ids } }))),
        },
        Pair {
            title: "AiR, one user",
            path: format!("/api/data/users/{}", ids[0]),
            face: Arc::new(Bytes::new),
            graphql: Arc::new({
                let body = body(&json!({ "query": AIR, "variables": { "id": ids[0] } }));
                move || body.clone()
            }),
        },
    ]
}

fn body(value: &Value) -> Bytes {
    value.to_string().into()
}

/// A list that nobody pages through.
struct Unpaged {
    pub title: &'static str,
    path: &'static str,
    count: fn(&[u8]) -> usize,
}

const UNPAGED: [Unpaged; 2] = [
    Unpaged {
        title: "WAII",
        path: "/api/list-users",
        count: |text| {
            #[derive(Deserialize)]
            struct Listed {
                users: Vec<IgnoredAny>,
            }
            serde_json::from_slice::<Listed>(text).unwrap().users.len()
        },
    },
    Unpaged {
        title: "Wallaroo",
        path: "/v1/api/users/query",
        count: |text| {
            #[derive(Deserialize)]
            struct Listed {
                users: HashMap<String, IgnoredAny>,
            }
            serde_json::from_slice::<Listed>(text).unwrap().users.len()
        },
    },
];

/// What came of it.
struct Outcome {
    pub users: usize,
    pub lists: usize,
    pub took: Duration,
    pub pages: Punctual,
}

impl Unpaged {
    pub async fn measure(&self, server: &Target, page: &Bodies, time: Duration) -> Outcome {
        let list = Target {
            path: self.path.to_owned(),
            ..server.clone()
        };
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        // On a thread of its own: to put a hundred megabytes together takes longer than a page may, and would hold up the
        // pages in here, not in the server.
        let runtime = Handle::current();
        let reading = spawn_blocking(move || {
            runtime.block_on(async move {
                let (started, mut lists, mut last) = (Instant::now(), 0, Bytes::new());
                while lists == 0 || !stopped.load(Ordering::Relaxed) {
                    last = list.once(Bytes::from_static(b"{}")).await;
                    lists += 1;
                }
                (started.elapsed() / lists, lists, last)
            })
        });
        let pages = server.open_loop(page, PER_SECOND, time).await;
        stop.store(true, Ordering::Relaxed);
        let (took, lists, last) = reading.await.expect("a whole list");
        Outcome {
            users: (self.count)(&last),
            lists: lists as usize,
            took,
            pages,
        }
    }
}
