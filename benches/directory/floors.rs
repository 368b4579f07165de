//! The server and the two floors (see `floor/`), asked for the same in turns: how much of what the machine can do is left
//! after everything that the server does for a request.
//!
//! The aims are shares of the native floor, and others for the two databases.

use serde_json::Value;

use crate::bench::{Asked, Bench, median, millis};
use crate::database::texts;
use crate::load::{Bodies, PER_SECOND, Target};
use crate::requests::{by_email, create, nested, page};
use crate::table::Table;

const WHO: [&str; 3] = ["server", "sqlx", "native"];

struct Workload {
    title: &'static str,
    bodies: Bodies,
    /// The share of the native floor to reach, on SQLite and on PostgreSQL.
    aims: Option<(f64, f64)>,
    /// Creates rows: those are compared, and not the answers.
    writes: bool,
    connections: usize,
}

impl Bench<'_> {
    pub async fn floors(&self, table: &mut Table) {
        let server = self.server();
        let floors = ["sqlx", "native"].map(|driver| self.role(&["floor", driver, self.url, &self.user]));
        let [sqlx, native] = floors.each_ref().map(|floor| self.target(floor));
        let targets = [self.target(&server), sqlx, native];
        self.heading("floor", &["server", "floor, sqlx", "floor, native"]);
        for workload in self.workloads() {
            if !self.options.wants(workload.title) {
                continue;
            }
            if workload.writes {
                self.writes_alike(&targets, &workload.bodies).await;
            } else {
                answers_alike(&targets, &workload.bodies).await;
            }
            self.beside_floors(table, &targets, &workload).await;
            if !workload.writes {
                self.at_fixed_rate(table, &targets, &workload).await;
            }
        }
        if let Some(bytes) = server.most_memory() {
            let title = "server's memory under load without passwords, MB";
            table.at_most(title, Some(80.0), self.database, bytes as f64 / 1e6);
        }
    }

    fn workloads(&self) -> Vec<Workload> {
        let connections = self.options.connections;
        let read = |title, bodies, aims| Workload {
            title,
            bodies,
            aims: Some(aims),
            writes: false,
            connections,
        };
        let write = |title, connections| Workload {
            title,
            bodies: create(),
            aims: None,
            writes: true,
            connections,
        };
        vec![
            read("user by e-mail", by_email(&self.emails), (0.35, 0.45)),
            read("page of 50", page(), (0.45, 0.60)),
            read("nested page of 100", nested(), (0.45, 0.60)),
            write("create user, 16 at a time", 16),
            write("create user, 32 at a time", 32),
        ]
    }

    async fn beside_floors(&self, table: &mut Table, targets: &[Target; 3], workload: &Workload) {
        let mut places = 0..;
        let asked = WHO.map(|who| Asked {
            who,
            target: &targets[places.next().unwrap()],
            bodies: &workload.bodies,
        });
        let title = workload.title;
        let rounds = self.workload(table, title, asked, workload.connections).await;
        let ratio = |floor: usize| median(rounds.iter().map(|round| round[0].per_second / round[floor].per_second));
        let aim = workload.aims.map(|(sqlite, postgres)| match self.database {
            "sqlite" => sqlite,
            _ => postgres,
        });
        table.at_least(&format!("{title}, of the native floor"), aim, self.database, ratio(2));
        table.at_least(&format!("{title}, of the floor on sqlx"), None, self.database, ratio(1));
    }

    async fn at_fixed_rate(&self, table: &mut Table, targets: &[Target; 3], workload: &Workload) {
        print!("  at {PER_SECOND}/s, p50 and p99 in ms:");
        for (who, target) in WHO.iter().zip(targets) {
            let punctual = target
                .open_loop(&workload.bodies, PER_SECOND, self.options.time() * 2)
                .await;
            assert_eq!(punctual.failed, 0, "{who} answers each");
            print!("  {who} {:.2}, {:.2}", millis(punctual.p50), millis(punctual.p99));
            table.note_punctual(self, workload.title, who, PER_SECOND, &punctual);
            if *who == "server" {
                let title = format!("{} at {PER_SECOND}/s, p99, ms", workload.title);
                table.at_most(&title, None, self.database, millis(punctual.p99));
            }
        }
        println!();
    }

    /// That a user whom the server creates differs from those whom the floors create in its id and address alone.
    async fn writes_alike(&self, targets: &[Target; 3], bodies: &Bodies) {
        let mut all = Vec::new();
        for target in targets {
            let answer: Value = serde_json::from_slice(&target.once(bodies()).await).unwrap();
            let id = answer["data"]["createUser"]["id"].as_str().unwrap().to_owned();
            let sql = WRITTEN.replace("{id}", &id);
            all.push(texts(&self.connection, &sql).await.join("\n").replace(&id, "id"));
        }
        assert_eq!(all[0], all[1], "server and floor on sqlx write the same");
        assert_eq!(all[0], all[2], "server and native floor write the same");
    }
}

/// What a create writes, without what differs from one to the next.
const WRITTEN: &str =
    "SELECT u.organization_pk || ' ' || COALESCE(u.tenant_pk, 0) || ' ' || u.display_name || ' ' || u.version
        || ' ' || (SELECT COUNT(*) FROM user_words w WHERE w.organization_pk = u.organization_pk AND w.user_pk = u.pk)
        || ' ' || r.role_pk || ' ' || r.scope || ' ' || r.created_by || ' ' || e.actor_pk || ' ' || e.actor_id
        || ' ' || COALESCE(e.tenant_pk, 0) || ' ' || e.action || ' ' || e.target_kind || ' ' || e.target_name
        || ' ' || e.subject_id || ' ' || e.related || ' ' || COALESCE(e.fields, '') || ' ' || e.users_change
        || ' ' || e.activated_change || ' ' || length(e.request_id) || ' ' || COALESCE(e.client_address, '')
    FROM users u JOIN user_roles r ON r.user_pk = u.pk JOIN audit_events e ON e.target_id = u.id WHERE u.id = '{id}'";

async fn answers_alike(targets: &[Target; 3], bodies: &Bodies) {
    for _ in 0..20 {
        let body = bodies();
        let [server, sqlx, native] = targets;
        let server = server.once(body.clone()).await;
        assert_eq!(
            server,
            sqlx.once(body.clone()).await,
            "server and floor on sqlx answer the same"
        );
        assert_eq!(
            server,
            native.once(body).await,
            "server and native floor answer the same"
        );
    }
}
