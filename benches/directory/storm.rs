//! What guesses at one organization's dear hashes do to everybody else: 32 of them in flight, each a second of a core and
//! 128 MiB, beside 32 sign-ins of others that are right, and `users` at a fixed rate. The others are measured alone first.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde_json::json;

use crate::bench::{Bench, millis};
use crate::load::{PER_SECOND, Target};
use crate::requests::{body, page};
use crate::table::Table;

const IN_FLIGHT: usize = 32;
const PASSWORD: &str = "correct horse of the benchmark";
/// The dearest scrypt that is accepted.
const DEAR: &str = "$scrypt$ln=17,r=8,p=4$c2FsdHNhbHRzYWx0c2FsdA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

impl Bench<'_> {
    pub async fn storm(&self, table: &mut Table) {
        let server = self.server_behind_a_proxy();
        let (admin, nobody) = (self.admin(&server), self.strangers(&server));
        let run = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap().as_millis();
        for organization in ["calm", "storm"] {
            let create = "mutation Create($data: CreateOrganizationData!) { createOrganization(data: $data) { id } }";
            let id = format!("{organization}-{run}");
            admin
                .once(body("Create", create, json!({"data": {"id": id, "name": id}})))
                .await;
        }
        let accounts = async |organization: &str, secret: (&str, &str)| {
            let mut emails = Vec::new();
            for number in 0..IN_FLIGHT {
                let email = format!("u{number}.{run}@{organization}.example");
                let mut data = json!({"email": email, "organizationId": format!("{organization}-{run}")});
                data[secret.0] = json!(secret.1);
                let create = "mutation Create($data: CreateUserData!) { createUser(data: $data) { id } }";
                admin.once(body("Create", create, json!({ "data": data }))).await;
                emails.push(email);
            }
            Arc::new(emails)
        };
        let calm = accounts("calm", ("password", PASSWORD)).await;
        let storm = accounts("storm", ("passwordHash", DEAR)).await;
        let time = self.options.time() * 4;
        let alone = Crowd::start(&nobody, &calm, PASSWORD).times(time).await;
        let guesses = Crowd::start(&nobody, &storm, "a wrong password");
        let beside = Crowd::start(&nobody, &calm, PASSWORD);
        let pages = self.target(&server).open_loop(&page(), PER_SECOND, time).await;
        let beside = beside.times(Duration::ZERO).await;
        let guesses = guesses.times(Duration::ZERO).await;
        println!(
            "\n{}, storm: {IN_FLIGHT} right sign-ins in flight alone: {} of them, p50 {:.0} ms, p99 {:.0} ms; beside {IN_FLIGHT} \
             guesses at dear hashes, {} answered: {} sign-ins, p50 {:.0} ms, p99 {:.0} ms; {} pages of 50 at 200/s, p50 {:.1} ms, p99 {:.1} ms, \
             {} failed",
            self.database,
            alone.len(),
            millis(part(&alone, 50)),
            millis(part(&alone, 99)),
            guesses.len(),
            beside.len(),
            millis(part(&beside, 50)),
            millis(part(&beside, 99)),
            pages.asked,
            millis(pages.p50),
            millis(pages.p99),
            pages.failed
        );
        let ratio = part(&beside, 99).as_secs_f64() / part(&alone, 99).as_secs_f64();
        table.at_most(
            "storm: others' right sign-ins, p99 / alone",
            Some(3.0),
            self.database,
            ratio,
        );
        table.at_most("storm: p99 of a page, ms", Some(50.0), self.database, millis(pages.p99));
        table.at_most("storm: pages failed", Some(0.0), self.database, pages.failed as f64);
        if let Some(bytes) = server.most_memory() {
            table.at_most("storm: server's memory, MB", None, self.database, bytes as f64 / 1e6);
        }
    }
}

/// Sign-ins that go on until they are stopped.
struct Crowd {
    stop: Arc<AtomicBool>,
    running: Vec<tokio::task::JoinHandle<Vec<Duration>>>,
}

impl Crowd {
    fn start(nobody: &Target, emails: &Arc<Vec<String>>, password: &'static str) -> Self {
        let (stop, next) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let running = (0..IN_FLIGHT).map(|_| {
            let (target, emails, stop, next) =
                (nobody.clone(), Arc::clone(emails), Arc::clone(&stop), Arc::clone(&next));
            tokio::spawn(async move {
                let mut connection = target.connect().await;
                let mut times = Vec::new();
                while !stop.load(Ordering::Relaxed) {
                    let email = &emails[next.fetch_add(1, Ordering::Relaxed) % emails.len()];
                    let sign_in = "mutation SignIn($data: SignInData!) { signIn(data: $data) { accessToken } }";
                    let body = body(
                        "SignIn",
                        sign_in,
                        json!({"data": {"email": email, "password": password}}),
                    );
                    let started = Instant::now();
                    let answer = target.try_ask(&mut connection, body).await;
                    assert!(answer.is_ok() || password != PASSWORD, "{answer:?}");
                    times.push(started.elapsed());
                }
                times
            })
        });
        Self {
            running: running.collect(),
            stop,
        }
    }

    /// Stops after this time; how long each sign-in took, the shortest first.
    async fn times(self, after: Duration) -> Vec<Duration> {
        tokio::time::sleep(after).await;
        self.stop.store(true, Ordering::Relaxed);
        let mut times = Vec::new();
        for one in self.running {
            times.extend(one.await.unwrap());
        }
        times.sort_unstable();
        times
    }
}

fn part(times: &[Duration], percent: usize) -> Duration {
    times[times.len() * percent / 100]
}
