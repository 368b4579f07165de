//! Whether the time of a refused password tells anything of its account: unknown addresses, accounts with a hash of our own,
//! deactivated ones, ones without a password, and ones with a hash of each kind from elsewhere are guessed at in turn, and
//! the medians of the times stand beside each other.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::bench::{Bench, millis};
use crate::requests::body;
use crate::table::Table;

/// So many guesses at each kind of account a round.
const TIMES: usize = 40;
/// An account is guessed at no more often: then it has to wait.
const GUESSES_MAX: usize = 16;

const SALT_AND_HASH: &str = "c2FsdHNhbHRzYWx0c2FsdA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// Kinds of accounts: what their users are made with beside an address; those with a hash, by its parameters.
const KINDS: [(&str, &str); 12] = [
    ("unknown", ""),
    ("own", ""),
    ("deactivated", ""),
    ("without a password", ""),
    (
        "bcrypt 10",
        "$2b$10$abcdefghijklmnopqrstuu...............................",
    ),
    (
        "bcrypt 12",
        "$2b$12$abcdefghijklmnopqrstuu...............................",
    ),
    ("argon2id, 64 MiB, 3", "$argon2id$v=19$m=65536,t=3,p=4$"),
    ("argon2i, 4 MiB, 3", "$argon2i$v=19$m=4096,t=3,p=1$"),
    ("scrypt 15", "$scrypt$ln=15,r=8,p=1$"),
    ("scrypt 17", "$scrypt$ln=17,r=8,p=1$"),
    ("pbkdf2-sha256, 600,000", "$pbkdf2-sha256$i=600000,l=32$"),
    ("pbkdf2-sha512, 210,000", "$pbkdf2-sha512$i=210000,l=32$"),
];

impl Bench<'_> {
    pub async fn refused(&self, table: &mut Table) {
        let server = self.server_behind_a_proxy();
        let (admin, nobody) = (self.admin(&server), self.strangers(&server));
        let run = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap().as_millis();
        let times = TIMES * self.options.rounds;
        for (kind, (title, hash)) in KINDS.into_iter().enumerate().skip(1) {
            for number in 0..times.div_ceil(GUESSES_MAX) {
                let mut data = json!({"email": address(run, kind, number), "activated": title != "deactivated"});
                match hash {
                    "" if title == "without a password" => {}
                    "" => data["password"] = json!("correct horse of the benchmark"),
                    whole if whole.ends_with('.') => data["passwordHash"] = json!(whole),
                    params => data["passwordHash"] = json!(format!("{params}{SALT_AND_HASH}")),
                }
                let create = "mutation Create($data: CreateUserData!) { createUser(data: $data) { id } }";
                admin.once(body("Create", create, json!({ "data": data }))).await;
            }
        }
        let mut connection = nobody.connect().await;
        let mut taken = KINDS.map(|_| Vec::new());
        for guess in 0..times {
            for (kind, taken) in taken.iter_mut().enumerate() {
                let email = address(run, kind, guess / GUESSES_MAX);
                let sign_in = "mutation SignIn($data: SignInData!) { signIn(data: $data) { accessToken } }";
                let body = body(
                    "SignIn",
                    sign_in,
                    json!({"data": {"email": email, "password": "a wrong password"}}),
                );
                let started = Instant::now();
                let answer = nobody.try_ask(&mut connection, body).await;
                taken.push(started.elapsed());
                let refused = answer.unwrap_err();
                assert!(refused.contains("\"UNAUTHENTICATED\""), "{}: {refused}", KINDS[kind].0);
            }
        }
        let medians = taken.map(|mut times: Vec<Duration>| {
            times.sort_unstable();
            times[times.len() / 2]
        });
        println!("\n{}, refused: medians of {times} each, ms", self.database);
        for ((title, _), median) in KINDS.iter().zip(medians) {
            println!("{title:<24}{:>10.1}", millis(median));
        }
        let apart = medians
            .iter()
            .max()
            .unwrap()
            .saturating_sub(*medians.iter().min().unwrap());
        table.at_most("refused: medians apart, ms", Some(5.0), self.database, millis(apart));
    }
}

fn address(run: u128, kind: usize, number: usize) -> String {
    format!("k{kind}.{number}.{run}@refused.example")
}
