//! Every way in which somebody names a role.

use std::collections::BTreeSet;

use axum::http::Method;
use serde_json::{Value, json};

use crate::support::{App, Caller};

/// Every way in which somebody names a role. Each gives the built-in roles that a text stands for, if it is one of them
/// that it takes it for.
pub struct Resolvers<'a> {
    admin: Caller<'a>,
    boss: Caller<'a>,
}

/// GraphQL's: the document, with `$role`, and where the roles stand in the answer.
const GRAPHQL: &[(&str, &str, &str)] = &[
    (
        "createUser",
        "createUser(data: {id: \"new\", organizationId: \"acme\", roles: [$role]}) { roles { name } }",
        "deleteUser(where: {id: \"new\"}) { id }",
    ),
    (
        "createUserWithPassword",
        "createUserWithPassword(data: {id: \"new\", organizationId: \"acme\", roles: [$role]}) { user { roles { name } } }",
        "deleteUser(where: {id: \"new\"}) { id }",
    ),
    (
        "updatePropertiesInUser",
        "updatePropertiesInUser(where: {id: \"bob\"}, data: {roles: [$role]}) { roles { name } }",
        CLEAR,
    ),
    (
        "assignRole",
        "assignRole(where: {id: \"bob\"}, role: $role) { roles { name } }",
        CLEAR,
    ),
    (
        "createGroup",
        "createGroup(data: {name: \"new\", organizationId: \"acme\", roles: [$role]}) { roles { name } }",
        "deleteGroup(where: {key: \"NEW\", organization: {id: \"acme\"}}) { id }",
    ),
    (
        "updateGroup",
        "updateGroup(where: {key: \"EDITORS\", organization: {id: \"acme\"}}, data: {roles: [$role]}) { roles { name } }",
        "updateGroup(where: {key: \"EDITORS\", organization: {id: \"acme\"}}, data: {roles: []}) { id }",
    ),
];
const CLEAR: &str = "updatePropertiesInUser(where: {id: \"bob\"}, data: {roles: []}) { id }";

impl<'a> Resolvers<'a> {
    pub async fn new(app: &'a App) -> Self {
        app.user("acme", "bob", None).await;
        let admin = app.admin();
        let group = "mutation { createGroup(data: {name: \"editors\", organizationId: \"acme\"}) { id } }";
        admin.ok(group, json!({})).await;
        let boss = app.user("acme", "boss", Some("super-admin")).await;
        Self { admin, boss }
    }

    pub fn number(&self) -> usize {
        GRAPHQL.len() + 5
    }

    pub async fn resolve(&self, text: &str) -> Vec<(&'static str, BTreeSet<String>)> {
        let mut found = Vec::new();
        for (name, document, undo) in GRAPHQL {
            let answer = self
                .admin
                .send(
                    &format!("mutation($role: String!) {{ {document} }}"),
                    json!({ "role": text }),
                )
                .await;
            if answer.get("errors").is_none() {
                found.push((*name, roles_in(&answer)));
                self.admin.ok(&format!("mutation {{ {undo} }}"), json!({})).await;
            }
        }
        found.extend(self.invited(text).await.map(|roles| ("inviteUser", roles)));
        let waii = json!({ "user": { "id": "bob", "tenant_id": "berlin", "org_id": "acme", "roles": [text] } });
        found.extend(
            self.asked(Method::POST, "/api/update-user", &waii)
                .await
                .map(|roles| ("WAII", roles)),
        );
        let air = json!({ "role_id": text });
        found.extend(
            self.asked(Method::PATCH, "/api/data/users/bob", &air)
                .await
                .map(|roles| ("AiR", roles)),
        );
        let new = json!({ "email": "new@acme.example", "password": "password-of-new", "role_id": text });
        found.extend(
            self.made("/api/data/users", &new)
                .await
                .map(|roles| ("AiR, new", roles)),
        );
        let new = json!({ "email": "new@acme.example", "roles": [text] });
        found.extend(
            self.made("/v1/api/users/invite", &new)
                .await
                .map(|roles| ("Wallaroo", roles)),
        );
        found
    }

    async fn invited(&self, text: &str) -> Option<BTreeSet<String>> {
        let document = "mutation($role: String!) { inviteUser(data: {email: \"new@acme.example\", organizationId: \"acme\", roles: [$role]}) { id roles { name } } }";
        let answer = self.admin.send(document, json!({ "role": text })).await;
        let id = answer["data"]["inviteUser"]["id"].as_str()?;
        self.admin
            .ok(
                "mutation($id: ID!) { withdrawInvitation(where: {id: $id}) { id } }",
                json!({ "id": id }),
            )
            .await;
        Some(roles_in(&answer))
    }

    /// A change of bob, who has no role, by a face.
    async fn asked(&self, method: Method, path: &str, body: &Value) -> Option<BTreeSet<String>> {
        if !self.boss.rest(method, path, Some(body)).await.status.is_success() {
            return None;
        }
        let roles = self.roles_of("id: \"bob\"").await;
        self.admin.ok(&format!("mutation {{ {CLEAR} }}"), json!({})).await;
        // AiR shows `user` for nothing, and to set what is shown changes nothing.
        (!roles.is_empty()).then_some(roles)
    }

    /// A user made by a face.
    async fn made(&self, path: &str, body: &Value) -> Option<BTreeSet<String>> {
        let reply = self.boss.rest(Method::POST, path, Some(body)).await;
        if !reply.status.is_success() {
            return None;
        }
        let roles = self.roles_of("email: \"new@acme.example\"").await;
        self.admin
            .ok(
                "mutation { deleteUser(where: {email: \"new@acme.example\"}) { id } }",
                json!({}),
            )
            .await;
        Some(roles)
    }

    async fn roles_of(&self, who: &str) -> BTreeSet<String> {
        roles_in(
            &self
                .admin
                .ok(
                    &format!("{{ users(where: {{{who}}}) {{ roles {{ name }} }} }}"),
                    json!({}),
                )
                .await,
        )
    }
}

/// The names of all roles in an answer.
fn roles_in(answer: &Value) -> BTreeSet<String> {
    match answer {
        Value::Object(members) => members
            .iter()
            .flat_map(|(name, value)| match name.as_str() {
                "roles" => value
                    .as_array()
                    .into_iter()
                    .flatten()
                    .map(|role| text(&role["name"]))
                    .collect(),
                _ => roles_in(value),
            })
            .collect(),
        Value::Array(items) => items.iter().flat_map(roles_in).collect(),
        _ => BTreeSet::new(),
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
