//! What a crowd at the door does to those inside: many sign-ins in flight, each of them a hash of 19 MiB and some 16 ms of
//! a core, while `users` is asked for at a fixed rate, whether or not the answers keep up. The time of each of those is
//! counted from the moment it was to be sent.
//!
//! Afterwards more sign-ins at once than the queue of hashes holds: those beyond it are told `UNAVAILABLE`, with the time
//! to wait, and the others sign in.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use axum::body::Bytes;
use serde_json::json;

use crate::bench::{Bench, millis};
use crate::load::{Bodies, Credential, PER_SECOND, Punctual, Target};
use crate::requests::page;
use crate::table::Table;

const IN_FLIGHT: usize = 64;
/// More than run and wait.
const CROWD: usize = 400;
const ACCOUNTS: usize = 64;
pub const PASSWORD: &str = "correct horse of the benchmark";

impl Bench<'_> {
    pub async fn sign_in(&self, table: &mut Table) {
        let server = self.server();
        let time = self.options.time() * 4;
        let outcome = measure(&self.target(&server), &page(), time).await;
        println!(
            "\n{}, {} users, sign-in: {} pages of 50 at 200/s, p50 {:.1} ms, p99 {:.1} ms, {} failed; beside them {:.0} sign-ins/s",
            self.database,
            self.options.users,
            outcome.pages.asked,
            millis(outcome.pages.p50),
            millis(outcome.pages.p99),
            outcome.pages.failed,
            outcome.sign_ins_per_second
        );
        println!(
            "then 400 sign-ins at once: {} signed in, {} were told UNAVAILABLE with retryAfterSeconds",
            outcome.crowd_signed_in, outcome.crowd_refused
        );
        let row = |what: &str| format!("64 sign-ins and 200 pages/s, {what}");
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
                Some(300.0),
                self.database,
                bytes as f64 / 1e6,
            );
        }
        table.at_least(
            "400 sign-ins at once, told when to try again",
            Some(1.0),
            self.database,
            outcome.crowd_refused as f64,
        );
    }
}

/// What came of it.
struct Outcome {
    pub pages: Punctual,
    pub sign_ins_per_second: f64,
    pub crowd_refused: usize,
    pub crowd_signed_in: usize,
}

/// `server` as an administrator of some organization; `page` is what is asked for meanwhile.
async fn measure(server: &Target, page: &Bodies, time: Duration) -> Outcome {
    let addresses = make_accounts(server).await;
    let nobody = Target {
        credential: Credential::None,
        ..server.clone()
    };
    let stop = Arc::new(AtomicBool::new(false));
    let next = Arc::new(AtomicUsize::new(0));
    let started = Instant::now();
    let door: Vec<_> = (0..IN_FLIGHT)
        .map(|_| {
            let (target, stop, next, addresses) =
                (nobody.clone(), Arc::clone(&stop), Arc::clone(&next), addresses.clone());
            tokio::spawn(async move {
                let mut connection = target.connect().await;
                let mut done = 0_usize;
                while !stop.load(Ordering::Relaxed) {
                    let email = &addresses[next.fetch_add(1, Ordering::Relaxed) % addresses.len()];
                    target.ask(&mut connection, sign_in(email)).await;
                    done += 1;
                }
                done
            })
        })
        .collect();
    // All of them are there when the others begin.
    tokio::time::sleep(Duration::from_millis(500)).await;
    let pages = server.open_loop(page, PER_SECOND, time).await;
    stop.store(true, Ordering::Relaxed);
    let mut signed_in = 0;
    for one in door {
        signed_in += one.await.expect("each sign-in succeeds");
    }
    let sign_ins_per_second = signed_in as f64 / started.elapsed().as_secs_f64();
    let (crowd_signed_in, crowd_refused) = crowd(&nobody, &addresses).await;
    Outcome {
        pages,
        sign_ins_per_second,
        crowd_refused,
        crowd_signed_in,
    }
}

pub async fn make_accounts(server: &Target) -> Vec<String> {
    let run = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap().as_millis();
    let mut addresses = Vec::new();
    for number in 0..ACCOUNTS {
        let email = format!("door.{run}.{number}@new.example");
        let body = json!({
            "query": "mutation($email: String!, $password: String!) { createUser(data: {email: $email, password: $password}) { id } }",
            "variables": {"email": email, "password": PASSWORD},
        });
        server.once(body.to_string().into()).await;
        addresses.push(email);
    }
    addresses
}

pub fn sign_in(email: &str) -> Bytes {
    json!({
        "query": "mutation($data: SignInData!) { signIn(data: $data) { accessToken } }",
        "variables": {"data": {"email": email, "password": PASSWORD}},
    })
    .to_string()
    .into()
}

/// How many of a crowd signed in, and how many were told to come back.
async fn crowd(nobody: &Target, addresses: &[String]) -> (usize, usize) {
    let mut connections = Vec::new();
    for _ in 0..CROWD {
        connections.push(nobody.connect().await);
    }
    let asking: Vec<_> = connections
        .into_iter()
        .enumerate()
        .map(|(number, mut connection)| {
            let (target, body) = (nobody.clone(), sign_in(&addresses[number % addresses.len()]));
            tokio::spawn(async move { target.try_ask(&mut connection, body).await })
        })
        .collect();
    let (mut signed_in, mut refused) = (0, 0);
    for one in asking {
        match one.await.unwrap() {
            Ok(_) => signed_in += 1,
            Err(answer) => {
                let answer: serde_json::Value = serde_json::from_str(&answer).unwrap();
                let extensions = &answer["errors"][0]["extensions"];
                assert_eq!(extensions["code"], "UNAVAILABLE", "{answer}");
                assert!(extensions["retryAfterSeconds"].as_u64() > Some(0), "{answer}");
                refused += 1;
            }
        }
    }
    (signed_in, refused)
}
