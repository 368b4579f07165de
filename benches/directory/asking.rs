//! What it costs to ask who may do what.
//!
//! A product has declared 300 permissions and two product-wide roles: one with all of them, one that ten users have.
//!
//! - **look-up**: `{ me { id } }` with another key at each request, so that each is looked up, for a user with a role of
//!   300 declared permissions beside one without;
//! - **gateways and OAuth**: what they ask, beside `{ me { id } }`, with a credential that is remembered;
//! - **lists**: the users with a permission that few have, and with one that all have; 100 pairs at once; a page of 100
//!   with effective variables beside one with plain variables. One request at a time: these are times, not rates.

use std::process::Stdio;
use std::sync::Arc;

use axum::body::Bytes;
use sea_orm::ConnectionTrait;
use serde_json::json;

use crate::bench::{Bench, TITLE, WIDTH, median, millis, shown};
use crate::database::texts;
use crate::gate::make_keys;
use crate::load::{Bodies, Credential, Target};
use crate::started::{ADMIN_KEY, Started, tenantry};
use crate::table::Table;

const DECLARED: usize = 300;
const FORM: &str = "application/x-www-form-urlencoded";

impl Bench<'_> {
    pub async fn asking(&self, table: &mut Table) {
        self.declare();
        let server = self.server();
        self.look_up(&server, table).await;
        self.beside_me(&server, table).await;
        self.lists(&server, table).await;
    }

    fn declare(&self) {
        let name = |n: usize| format!("bench:permission-{n:03}");
        let mut permissions: Vec<_> = (0..DECLARED).map(|n| json!({ "name": name(n) })).collect();
        permissions.push(json!({ "name": "bench:rare" }));
        permissions.push(json!({ "name": "bench:common", "lowestRole": "TRIAL_USER" }));
        let all: Vec<_> = (0..DECLARED).map(name).collect();
        let file = json!({ "version": 1, "permissions": permissions, "roles": [
            { "name": "bench-all", "permissions": all },
            { "name": "bench-rare", "permissions": ["bench:rare"] },
        ]});
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("permissions.json");
        std::fs::write(&path, file.to_string()).unwrap();
        let apply = tenantry(self.url)
            .args(["permissions", "apply"])
            .arg(&path)
            .stdout(Stdio::null())
            .status();
        assert!(apply.unwrap().success(), "the permissions are not applied");
    }

    /// A new user of the caller's organization, with these roles beside `user`.
    async fn user(&self, admin: &Target, roles: &[&str]) -> i64 {
        let mut all = vec!["user"];
        all.extend(roles);
        let create = "mutation($data: CreateUserData!) { createUser(data: $data) { id } }";
        let organization = "SELECT o.id FROM organizations o JOIN users u ON u.organization_pk = o.pk WHERE u.pk = ";
        let organization = texts(&self.connection, &format!("{organization}{}", self.user_pk)).await;
        let id = format!("bench-{}", uuid::Uuid::now_v7());
        let data = json!({ "id": id, "roles": all, "organizationId": organization[0] });
        admin
            .once(body(&json!({ "query": create, "variables": { "data": data } })))
            .await;
        let pk = texts(
            &self.connection,
            &format!("SELECT CAST(pk AS TEXT) FROM users WHERE id = '{id}'"),
        )
        .await;
        pk[0].parse().unwrap()
    }

    async fn look_up(&self, server: &Started, table: &mut Table) {
        let admin = self.admin(server);
        let plain = self.user(&admin, &[]).await;
        let declared = self.user(&admin, &["bench-all"]).await;
        for _ in 0..10 {
            self.user(&admin, &["bench-rare"]).await;
        }
        if self.database == "postgres" {
            self.connection.execute_unprepared("VACUUM ANALYZE").await.unwrap();
        }
        let mut targets = Vec::new();
        for user in [plain, declared] {
            targets.push(Target {
                credential: Credential::in_turn(make_keys(&self.connection, user).await),
                ..self.target(server)
            });
        }
        self.heading("look-up", &["300 declared", "none declared", "300/none, time"]);
        let me = me();
        let rounds = self.rounds(&[(&targets[1], &me), (&targets[0], &me)]).await;
        self.compared(
            "another key each time",
            &rounds,
            |ratio| 1.0 / ratio,
            |title, ratio| {
                table.at_most(title, Some(1.25), self.database, ratio);
            },
        );
    }

    async fn beside_me(&self, server: &Started, table: &mut Table) {
        let graphql = self.target(server);
        let me = me();
        let asked = |text: &str| -> Bodies {
            let text = Bytes::from(text.to_owned());
            Arc::new(move || text.clone())
        };
        let form = |path: &str| Target {
            path: path.to_owned(),
            content_type: FORM,
            ..self.admin(server)
        };
        let cases = [
            (
                "/forward-auth",
                Target {
                    path: "/forward-auth?permission=bench:common".to_owned(),
                    ..graphql.clone()
                },
                asked(""),
                1.5,
            ),
            (
                "/oauth/introspect",
                form("/oauth/introspect"),
                asked(&format!("token={}", self.key)),
                1.0,
            ),
            (
                "/oauth/token",
                Target {
                    credential: Credential::None,
                    ..form("/oauth/token")
                },
                asked(&format!(
                    "grant_type=client_credentials&client_id=admin&client_secret={ADMIN_KEY}"
                )),
                0.6,
            ),
        ];
        self.heading("asking", &["asked", "{ me { id } }", "asked/me"]);
        for (title, target, bodies, aim) in cases {
            let rounds = self.rounds(&[(&target, &bodies), (&graphql, &me)]).await;
            self.compared(
                title,
                &rounds,
                |ratio| ratio,
                |title, ratio| {
                    table.at_least(&format!("{title}, asked/me"), Some(aim), self.database, ratio);
                },
            );
        }
    }

    async fn lists(&self, server: &Started, table: &mut Table) {
        let graphql = self.target(server);
        let with = |permission: &str| {
            graphql_body(&format!(
                "{{ users(where: {{permission: \"bench:{permission}\"}}, first: 50) {{ id email name }} }}"
            ))
        };
        let pairs = self.ids.iter().take(100);
        let pairs: Vec<_> = pairs
            .map(|id| format!("{{userId: \"{id}\", permission: \"bench:common\"}}"))
            .collect();
        let check = format!("{{ check(data: [{}]) {{ allowed }} }}", pairs.join(" "));
        let cases = [
            ("users with a rare permission, p50, ms", with("rare"), 10.0),
            ("users with a common permission, p50, ms", with("common"), 10.0),
            ("check of 100 pairs, p50, ms", graphql_body(&check), 5.0),
        ];
        for (title, bodies, aim) in cases {
            let measured = graphql.measure(&bodies, 1, self.options.time()).await;
            println!("{}: {title} {:.1}", self.database, millis(measured.p50));
            table.at_most(title, Some(aim), self.database, millis(measured.p50));
        }
        let page = |field: &str| graphql_body(&format!("{{ users(first: 100) {{ id {field} }} }}"));
        self.heading("variables", &["effective", "plain", "effective/plain"]);
        let rounds = self
            .rounds(&[(&graphql, &page("effectiveVariables")), (&graphql, &page("variables"))])
            .await;
        self.compared(
            "page of 100",
            &rounds,
            |ratio| ratio,
            |title, ratio| {
                table.at_least(
                    &format!("{title}, effective/plain variables"),
                    Some(0.5),
                    self.database,
                    ratio,
                );
            },
        );
    }

    /// Prints two that took turns, and what their rates' ratio comes to.
    fn compared(
        &self,
        title: &str,
        rounds: &[[crate::load::Measured; 2]],
        of: impl Fn(f64) -> f64,
        note: impl FnOnce(&str, f64),
    ) {
        let ratio = median(rounds.iter().map(|[one, other]| of(one.per_second / other.per_second)));
        println!(
            "{title:<TITLE$}{:>WIDTH$}{:>WIDTH$}{ratio:>WIDTH$.2}",
            shown(rounds.iter().map(|[one, _]| *one)),
            shown(rounds.iter().map(|[_, other]| *other))
        );
        note(title, ratio);
    }
}

fn me() -> Bodies {
    graphql_body("{ me { id } }")
}

fn graphql_body(query: &str) -> Bodies {
    let body = body(&json!({ "query": query }));
    Arc::new(move || body.clone())
}

fn body(value: &serde_json::Value) -> Bytes {
    value.to_string().into()
}
