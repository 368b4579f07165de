//! What many tests send, and what they read of the answers.

use std::collections::BTreeMap;

use axum::body::Body;
use axum::http::Request;
use http_body_util::BodyExt;
use sea_orm::{ConnectionTrait, Statement, TryGetable};
use serde_json::{Value, json};
use tower::ServiceExt;

use super::{App, Caller};

/// Every plain field of a user.
pub const USER: &str = "id email name firstname lastname activated organizationId tenantId organizationRole roles { name } variables version createdAt updatedAt";

pub const CREATE_ORGANIZATION: &str = "mutation($data: CreateOrganizationData!) { createOrganization(data: $data) {
    id name variables seatLimit version createdAt updatedAt } }";
pub const UPDATE_ORGANIZATION: &str = "mutation($id: ID!, $data: UpdateOrganizationData!, $version: Int) {
    updateOrganization(where: {id: $id}, data: $data, expectedVersion: $version) {
    id name variables seatLimit version createdAt updatedAt } }";
pub const DELETE_ORGANIZATION: &str = "mutation($id: ID!) { deleteOrganization(where: {id: $id}) { id name } }";
pub const CREATE_TENANT: &str = "mutation($data: CreateTenantData!) { createTenant(data: $data) {
    id name organizationId variables version createdAt updatedAt } }";
pub const UPDATE_TENANT: &str = "mutation($id: ID!, $data: UpdateTenantData!, $version: Int) {
    updateTenant(where: {id: $id}, data: $data, expectedVersion: $version) {
    id name organizationId variables version createdAt updatedAt } }";
pub const DELETE_TENANT: &str = "mutation($id: ID!) { deleteTenant(where: {id: $id}) { id name } }";
pub const CREATE_USER: &str =
    "mutation($data: CreateUserData!) { createUser(data: $data) { id email name firstname lastname
    activated organizationId tenantId organizationRole roles { name } variables version createdAt updatedAt } }";
pub const UPDATE_USER: &str = "mutation($where: UserWhere!, $data: UserData!, $version: Int) {
    updatePropertiesInUser(where: $where, data: $data, expectedVersion: $version) { id email name firstname lastname
    activated organizationId tenantId organizationRole roles { name } variables version createdAt updatedAt } }";
pub const ACTIVATE_USER: &str = "mutation($id: ID!) { activateUser(where: {id: $id}) { id activated } }";
pub const DEACTIVATE_USER: &str = "mutation($id: ID!) { deactivateUser(where: {id: $id}) { id activated } }";
pub const DELETE_USER: &str = "mutation($id: ID!) { deleteUser(where: {id: $id}) { id } }";
pub const CREATE_API_KEY: &str = "mutation($data: CreateApiKeyData!) { createApiKey(data: $data) { secret apiKey {
    id name description prefix permissions expiryDate revoked revokedAt lastUsedAt userId createdAt updatedAt } } }";
pub const ME: &str = "{ me { id } }";

/// The variables of [`UPDATE_USER`] for a user of this id.
pub fn change(id: &str, data: Value) -> Value {
    json!({ "where": { "id": id }, "data": data })
}

impl Caller<'_> {
    pub async fn create_user(&self, data: Value) -> Value {
        self.ok(CREATE_USER, json!({ "data": data })).await["createUser"].clone()
    }

    pub async fn update_user(&self, id: &str, data: Value) -> Value {
        self.ok(UPDATE_USER, change(id, data)).await["updatePropertiesInUser"].clone()
    }

    /// A user with all its plain fields; null if the caller does not see it.
    pub async fn read_user(&self, id: &str) -> Value {
        let document = format!("query($id: ID) {{ users(where: {{id: $id}}) {{ {USER} }} }}");
        self.ok(&document, json!({ "id": id })).await["users"][0].clone()
    }

    /// The status of a call that anybody known may make: 200, or 401.
    pub async fn status(&self) -> u16 {
        let body = json!({ "query": ME });
        self.app.send(self.request("/graphql", &body)).await.status.as_u16()
    }

    /// A request that has not been sent yet.
    pub fn prepared(&self, document: &str, variables: Value) -> Request<Body> {
        self.request("/graphql", &json!({ "query": document, "variables": variables }))
    }
}

impl App {
    /// Sends all of these at the same moment and gives the answers.
    pub async fn at_once(&self, requests: impl IntoIterator<Item = Request<Body>>) -> Vec<Value> {
        let running: Vec<_> = requests
            .into_iter()
            .map(|request| tokio::spawn(self.router.clone().oneshot(request)))
            .collect();
        let mut answers = Vec::new();
        for one in running {
            let body = one.await.unwrap().unwrap().into_body().collect().await.unwrap();
            answers.push(serde_json::from_slice(&body.to_bytes()).unwrap());
        }
        answers
    }

    /// One number out of the database.
    pub async fn number(&self, sql: &str) -> i64 {
        self.column(sql).await[0]
    }

    /// The first column of some rows.
    pub async fn column<T: TryGetable>(&self, sql: &str) -> Vec<T> {
        let connection = self.services.db.reader();
        let statement = Statement::from_string(connection.get_database_backend(), sql);
        let rows = connection.query_all_raw(statement).await.unwrap();
        rows.iter().map(|row| row.try_get_by_index(0).unwrap()).collect()
    }
}

/// How many answers had which code; `ok` for those without an error.
pub fn outcomes(answers: &[Value]) -> BTreeMap<String, usize> {
    let mut outcomes = BTreeMap::new();
    for answer in answers {
        let code = answer["errors"][0]["extensions"]["code"].as_str().unwrap_or("ok");
        *outcomes.entry(code.to_owned()).or_default() += 1;
    }
    outcomes
}

/// What [`outcomes`] should be.
pub fn counted<const N: usize>(expected: [(&str, usize); N]) -> BTreeMap<String, usize> {
    expected.map(|(code, count)| (code.to_owned(), count)).into()
}
