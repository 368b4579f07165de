//! SCIM: what an identity provider asks for all day, where size must not matter, and beside the same in GraphQL.
//!
//! Each is asked for in two ways, in rounds that take turns:
//!
//! - one member put into a group of up to 50,000 and taken out again, beside a group of ten;
//! - a user by `userName` in the largest organization, beside one of about a thousand users;
//! - a list of 100 groups without their members, beside that of GraphQL;
//! - a new user without a password, beside `createUser`.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::body::Bytes;
use axum::http::Method;
use sea_orm::ConnectionTrait;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::bench::{Asked, Bench, median};
use crate::database::texts;
use crate::load::{Bodies, Target};
use crate::started::Started;
use crate::table::Table;

const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
const GROUP: &str = "urn:ietf:params:scim:schemas:core:2.0:Group";
const PATCH_OP: &str = "urn:ietf:params:scim:api:messages:2.0:PatchOp";
const SEARCH: &str = "urn:ietf:params:scim:api:messages:2.0:SearchRequest";
/// How many members the large group has, in an organization that has as many users.
const MEMBERS: usize = 50_000;
/// How many users the small organization has, or a few more.
const FEW: usize = 1_000;
/// How many groups are listed.
const GROUPS: usize = 100;

impl Bench<'_> {
    pub async fn scim(&self, table: &mut Table) {
        let server = self.server();
        self.heading("SCIM", &["asked", "beside it", ""]);
        self.one_member(&server, table).await;
        self.by_user_name(&server, table).await;
        self.list_of_groups(&server, table).await;
        self.new_user(&server, table).await;
    }

    fn scim_target(&self, server: &Started, path: &str) -> Target {
        Target {
            path: format!("/scim/v2{path}"),
            ..self.target(server)
        }
    }

    async fn beside(&self, table: &mut Table, title: &str, of: &str, sides: [(&Target, &Bodies); 2], aim: f64) {
        let asked = |(target, bodies), who| Asked { who, target, bodies };
        let [here, there] = sides;
        let both = [asked(here, "server"), asked(there, of)];
        let rounds = self.workload(table, title, both, self.options.connections).await;
        let ratio = median(rounds.iter().map(|[here, there]| here.per_second / there.per_second));
        table.at_least(&format!("{title}, of {of}"), Some(aim), self.database, ratio);
    }

    async fn one_member(&self, server: &Started, table: &mut Table) {
        let mut sides = Vec::new();
        for members in [MEMBERS, 10] {
            let group = self.group_of(server, members).await;
            let patch = Target {
                method: Some(Method::PATCH),
                ..self.scim_target(server, &format!("/Groups/{group}"))
            };
            let theirs = format!(
                "SELECT id FROM users WHERE organization_pk = {} ORDER BY pk DESC LIMIT 5000",
                self.organization_pk
            );
            let users = texts(&self.connection, &theirs).await;
            sides.push((patch, in_and_out(users)));
        }
        let [large, small] = [&sides[0], &sides[1]];
        let both = [(&large.0, &large.1), (&small.0, &small.1)];
        self.beside(
            table,
            "SCIM, one member in a large group",
            "one in a group of ten",
            both,
            0.9,
        )
        .await;
    }

    /// A new group with the first users of the largest organization.
    async fn group_of(&self, server: &Started, members: usize) -> String {
        let name = format!("Benchmark {members} {}", Uuid::now_v7());
        let group = json!({"schemas": [GROUP], "displayName": name});
        let made = self.scim_target(server, "/Groups").once(bytes(&group)).await;
        let made: Value = serde_json::from_slice(&made).unwrap();
        let id = made["id"].as_str().unwrap();
        let fill = format!(
            "INSERT INTO group_members (group_pk, user_pk, organization_pk, created_at)
             SELECT g.pk, u.pk, u.organization_pk, 1 FROM users u CROSS JOIN groups g
             WHERE u.organization_pk = {} AND g.id = '{id}' ORDER BY u.pk LIMIT {members}",
            self.organization_pk
        );
        self.connection.execute_unprepared(&fill).await.unwrap();
        id.to_owned()
    }

    async fn by_user_name(&self, server: &Started, table: &mut Table) {
        let large = self.scim_target(server, "/Users/.search");
        let organization = format!(
            "SELECT CAST(organization_pk AS TEXT) FROM users GROUP BY organization_pk
             HAVING COUNT(*) >= {FEW} ORDER BY COUNT(*) LIMIT 1"
        );
        let small_pk = texts(&self.connection, &organization).await.remove(0);
        let id = format!("SELECT id FROM organizations WHERE pk = {small_pk}");
        let id = texts(&self.connection, &id).await.remove(0);
        let small = Target {
            path: large.path.clone(),
            ..self.of_user(server, &self.reader(server, &id).await)
        };
        let of_small =
            format!("SELECT email FROM users WHERE organization_pk = {small_pk} AND email IS NOT NULL LIMIT 1000");
        let names = [self.emails.clone(), texts(&self.connection, &of_small).await];
        let [here, there] = names.map(looked_up);
        let both = [(&large, &here), (&small, &there)];
        self.beside(
            table,
            "SCIM, userName eq",
            "the same in a small organization",
            both,
            0.9,
        )
        .await;
    }

    /// A new administrator of this organization.
    async fn reader(&self, server: &Started, organization: &str) -> String {
        let id = format!("scim-{}", Uuid::now_v7());
        let create = "mutation($data: CreateUserData!) { createUser(data: $data) { id } }";
        let data = json!({ "id": id, "roles": ["organization-admin"], "organizationId": organization });
        let request = json!({ "query": create, "variables": { "data": data } });
        self.admin(server).once(bytes(&request)).await;
        id
    }

    async fn list_of_groups(&self, server: &Started, table: &mut Table) {
        let target = self.scim_target(server, "/Groups");
        for number in 0..GROUPS {
            let name = format!("Listed {number} {}", Uuid::now_v7());
            target
                .once(bytes(&json!({"schemas": [GROUP], "displayName": name})))
                .await;
        }
        let list = self.scim_target(server, &format!("/Groups?count={GROUPS}&excludedAttributes=members"));
        let nothing: Bodies = Arc::new(Bytes::new);
        let query =
            format!("{{ countGroups groups(first: {GROUPS}) {{ id name externalId version createdAt updatedAt }} }}");
        let query = bytes(&json!({ "query": query }));
        let graphql: Bodies = Arc::new(move || query.clone());
        let both = [(&list, &nothing), (&self.target(server), &graphql)];
        self.beside(table, "SCIM, 100 groups without members", "the GraphQL list", both, 0.8)
            .await;
    }

    async fn new_user(&self, server: &Started, table: &mut Table) {
        let post = self.scim_target(server, "/Users");
        let made = Arc::new(AtomicUsize::new(0));
        let run = Uuid::now_v7().simple();
        let address = move || format!("ada.{run}.{}@new.example", made.fetch_add(1, Ordering::Relaxed));
        let of_graphql = address.clone();
        let scim: Bodies = Arc::new(move || {
            let address = address();
            bytes(&json!({"schemas": [USER], "userName": address, "externalId": address,
                "name": {"givenName": "Ada", "familyName": "Lovelace"},
                "emails": [{"value": address, "type": "work", "primary": true}]}))
        });
        let create = "mutation($data: CreateUserData!) { createUser(data: $data) {
            id userName externalId firstname lastname email activated version createdAt updatedAt } }";
        let graphql: Bodies = Arc::new(move || {
            let data = json!({"email": of_graphql(), "firstname": "Ada", "lastname": "Lovelace"});
            bytes(&json!({ "query": create, "variables": { "data": data } }))
        });
        let both = [(&post, &scim), (&self.target(server), &graphql)];
        self.beside(table, "SCIM, new user", "createUser", both, 0.8).await;
    }
}

/// Puts one after the other of these users into a group, and takes them out again.
fn in_and_out(users: Vec<String>) -> Bodies {
    let next = AtomicUsize::new(0);
    Arc::new(move || {
        let number = next.fetch_add(1, Ordering::Relaxed);
        let user = &users[number / 2 % users.len()];
        let operation = match number % 2 {
            0 => json!({"op": "add", "path": "members", "value": [{"value": user}]}),
            _ => json!({"op": "remove", "path": format!("members[value eq \"{user}\"]")}),
        };
        bytes(&json!({"schemas": [PATCH_OP], "Operations": [operation]}))
    })
}

/// Without their groups: only users of the largest organization have some here, and would be longer answers.
fn looked_up(names: Vec<String>) -> Bodies {
    let next = AtomicUsize::new(0);
    Arc::new(move || {
        let name = &names[next.fetch_add(7_919, Ordering::Relaxed) % names.len()];
        let filter = format!("userName eq \"{name}\"");
        bytes(&json!({"schemas": [SEARCH], "filter": filter, "excludedAttributes": ["groups"]}))
    })
}

fn bytes(value: &Value) -> Bytes {
    value.to_string().into()
}
