//! A filled database, who calls, and how those who answer take turns.

use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use sea_orm::DatabaseConnection;

use crate::Options;
use crate::database::{connect, fill, largest, number, texts};
use crate::load::{Bodies, Credential, Measured, Postmaster, Target};
use crate::started::{ADMIN_KEY, Started, tenantry};
use crate::table::Table;

/// The widths of the columns.
pub const TITLE: usize = 34;
pub const WIDTH: usize = 36;

pub struct Bench<'a> {
    pub options: &'a Options,
    pub database: &'static str,
    pub url: &'a str,
    pub users: u64,
    pub connection: DatabaseConnection,
    postmaster: Option<Postmaster>,
    /// The largest organization, and who made it: its administrator.
    pub organization_pk: i64,
    pub user_pk: i64,
    pub user: String,
    pub key: String,
    pub emails: Vec<String>,
    /// Of users of the same organization.
    pub ids: Vec<String>,
}

/// Who answers, and what it is asked for.
pub struct Asked<'a> {
    pub who: &'a str,
    pub target: &'a Target,
    pub bodies: &'a Bodies,
}

impl<'a> Bench<'a> {
    pub async fn prepare(
        options: &'a Options,
        database: &'static str,
        url: &'a str,
        users: u64,
        table: &mut Table,
    ) -> Self {
        if let Some(took) = fill(url, users).await {
            // Asked of SQLite, and of a million.
            let aim = (database == "sqlite" && users == 1_000_000).then_some(120.0);
            table.at_most(&format!("demo of {users}, s"), aim, database, took.as_secs_f64());
        }
        let connection = connect(url).await.unwrap();
        let organization_pk = largest(&connection).await;
        // The first one of an organization made it.
        let founder =
            format!("SELECT pk FROM users WHERE organization_pk = {organization_pk} ORDER BY created_at, pk LIMIT 1");
        let user_pk = number(&connection, &founder).await;
        let user = texts(&connection, &format!("SELECT id FROM users WHERE pk = {user_pk}"))
            .await
            .remove(0);
        let of_users = async |column: &str, filter: &str| {
            let sql = format!(
                "SELECT {column} FROM users WHERE organization_pk = {organization_pk} AND {filter} ORDER BY pk LIMIT 20000"
            );
            texts(&connection, &sql).await
        };
        let emails = of_users("email", "email IS NOT NULL").await;
        // Such as stand in a path as they are.
        let ids = of_users("id", "email LIKE '%.example'").await;
        let postmaster = match database {
            "postgres" => Postmaster::of(number(&connection, "SELECT pg_backend_pid()").await),
            _ => None,
        };
        Self {
            options,
            database,
            url,
            users,
            postmaster,
            organization_pk,
            user_pk,
            key: key_of(url, &user),
            user,
            emails,
            ids,
            connection,
        }
    }

    pub fn server(&self) -> Started {
        Started::new(tenantry(self.url).args(["serve", "--listen", "127.0.0.1:0"]))
    }

    /// A server that believes what its proxy says of clients.
    pub fn server_behind_a_proxy(&self) -> Started {
        Started::new(
            tenantry(self.url)
                .args(["serve", "--listen", "127.0.0.1:0"])
                .env("TENANTRY_TRUSTED_PROXIES", "127.0.0.1"),
        )
    }

    /// This program in another role.
    pub fn role(&self, arguments: &[&str]) -> Started {
        Started::new(Command::new(std::env::current_exe().unwrap()).args(arguments))
    }

    pub fn target(&self, started: &Started) -> Target {
        Target {
            address: started.address.clone(),
            path: "/graphql".to_owned(),
            process: started.process(),
            postmaster: self.postmaster,
            credential: Credential::Key(self.key.clone()),
            content_type: "application/json",
            method: None,
            clients: None,
        }
    }

    /// The super admin's.
    pub fn admin(&self, started: &Started) -> Target {
        Target {
            credential: Credential::Key(ADMIN_KEY.to_owned()),
            ..self.target(started)
        }
    }

    /// This user's.
    pub fn of_user(&self, started: &Started, user: &str) -> Target {
        Target {
            credential: Credential::Key(key_of(self.url, user)),
            ..self.target(started)
        }
    }

    /// Nobody's, each time from another client.
    pub fn strangers(&self, started: &Started) -> Target {
        Target {
            credential: Credential::None,
            clients: Some(Arc::default()),
            ..self.target(started)
        }
    }

    pub fn heading(&self, part: &str, columns: &[&str]) {
        let options = self.options;
        println!(
            "\n{}, {} users, {part}: {} connections, {} rounds of {} s; requests/s (p50, p99 in ms; µs of CPU in the process \
             and in PostgreSQL; statements)",
            self.database, self.users, options.connections, options.rounds, options.seconds
        );
        let columns: String = columns.iter().map(|column| format!("{column:>WIDTH$}")).collect();
        println!("{:<TITLE$}{columns}", "");
    }

    /// Asks several for the same, in turns; each goes first as often as the others.
    pub async fn rounds<const N: usize>(&self, asked: &[(&Target, &Bodies); N]) -> Vec<[Measured; N]> {
        self.rounds_of(asked, self.options.connections).await
    }

    async fn rounds_of<const N: usize>(
        &self,
        asked: &[(&Target, &Bodies); N],
        connections: usize,
    ) -> Vec<[Measured; N]> {
        let time = self.options.time();
        for (target, bodies) in asked {
            target.measure(bodies, connections, time / 3).await;
        }
        let mut rounds = Vec::new();
        for round in 0..self.options.rounds {
            let mut measured = [None; N];
            for turn in 0..N {
                let which = (round + turn) % N;
                let (target, bodies) = asked[which];
                measured[which] = Some(target.measure(bodies, connections, time).await);
            }
            rounds.push(measured.map(Option::unwrap));
        }
        rounds
    }

    /// The same, printed as a line and noted for the results.
    pub async fn workload<const N: usize>(
        &self,
        table: &mut Table,
        title: &str,
        asked: [Asked<'_>; N],
        connections: usize,
    ) -> Vec<[Measured; N]> {
        let pairs = asked.each_ref().map(|one| (one.target, one.bodies));
        let rounds = self.rounds_of(&pairs, connections).await;
        print!("{title:<TITLE$}");
        for (which, one) in asked.iter().enumerate() {
            let measured = Measured::median(rounds.iter().map(|round| round[which]));
            print!("{measured:>WIDTH$}");
            table.note(self, title, one.who, connections, &measured);
        }
        println!();
        rounds
    }
}

/// Makes a key for this user.
fn key_of(url: &str, user: &str) -> String {
    let now = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap().as_micros();
    let minted = tenantry(url)
        .args(["api-key", "--user", user, "--name", &format!("bench {now}")])
        .output()
        .unwrap();
    assert!(minted.status.success(), "{}", String::from_utf8_lossy(&minted.stderr));
    String::from_utf8(minted.stdout).unwrap().trim().to_owned()
}

pub fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

pub fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

pub fn shown(measured: impl Iterator<Item = Measured>) -> String {
    Measured::median(measured).to_string()
}
