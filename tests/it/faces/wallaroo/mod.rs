//! Wallaroo's face: the MLOps API, the token endpoint, and Keycloak's admin users.

mod admin;
mod edit;
mod invite;
mod query;
mod refusals;
mod search;
mod token;

use axum::body::Body;
use axum::http::{Method, Request, header};
use serde_json::{Value, json};

use crate::support::{App, Caller, Reply};

pub const QUERY: &str = "/v1/api/users/query";
pub const INVITE: &str = "/v1/api/users/invite";
pub const DEACTIVATE: &str = "/v1/api/users/deactivate";
pub const ACTIVATE: &str = "/v1/api/users/activate";
pub const EDIT: &str = "/v1/api/user";
pub const USERS: &str = "/auth/admin/realms/master/users";
pub const TOKEN: &str = "/auth/realms/master/protocol/openid-connect/token";

/// Where one user is.
pub fn user(id: &str) -> String {
    format!("{USERS}/{id}")
}

/// Two organizations: `ada` administers `acme`, where `ann` is a user, and `eve` is a user of `evil`.
pub struct World<'a> {
    pub ada: Caller<'a>,
    pub ann: Caller<'a>,
}

impl<'a> World<'a> {
    pub async fn new(app: &'a App) -> Self {
        app.organization("acme", &[]).await;
        app.organization("evil", &[]).await;
        app.user("evil", "eve", Some("user")).await;
        Self {
            ada: app.user("acme", "ada", Some("organization-admin")).await,
            ann: app.user("acme", "ann", Some("user")).await,
        }
    }
}

impl Caller<'_> {
    /// A call that must succeed.
    pub async fn mlops(&self, path: &str, body: Value) -> Value {
        let reply = self.rest(Method::POST, path, Some(&body)).await;
        assert_eq!(reply.status, 200, "{path} {body}: {reply:?}");
        assert_eq!(reply.headers[header::CONTENT_TYPE], "application/json");
        reply.json()
    }

    /// A call that must be refused, in the API's form and changing nothing; gives the status and the text.
    pub async fn mlops_refused(&self, path: &str, body: Value) -> (u16, String) {
        let (status, answer) = self.rest_refused(Method::POST, path, Some(&body)).await;
        (status, mlops_text(status, &answer))
    }

    /// The users that the caller is shown, by id.
    pub async fn everybody(&self) -> serde_json::Map<String, Value> {
        self.mlops(QUERY, json!({})).await["users"].as_object().unwrap().clone()
    }

    /// An answer of Keycloak's that must be 200.
    pub async fn keycloak(&self, path: &str) -> Value {
        let reply = self.rest(Method::GET, path, None).await;
        assert_eq!(reply.status, 200, "{path}: {reply:?}");
        assert_eq!(reply.headers[header::CONTENT_TYPE], "application/json");
        reply.json()
    }

    /// A change that must succeed: 204, and nothing in the answer.
    pub async fn put(&self, id: &str, body: Value) {
        let reply = self.rest(Method::PUT, &user(id), Some(&body)).await;
        assert_eq!((reply.status.as_u16(), reply.body.as_str()), (204, ""), "{body}");
    }

    /// A refusal in Keycloak's form that changes nothing.
    pub async fn keycloak_refused(&self, method: Method, path: &str, body: Option<&Value>) -> (u16, String) {
        let (status, answer) = self.rest_refused(method, path, body).await;
        (status, keycloak_text(status, &answer))
    }
}

/// The text of a refusal, which must be in the MLOps API's form.
pub fn mlops_text(status: u16, answer: &Value) -> String {
    let text = answer["msg"].as_str().unwrap_or_else(|| panic!("{answer}")).to_owned();
    assert!(!text.is_empty());
    assert_eq!(*answer, json!({ "msg": text, "code": status }));
    text
}

/// The text of a refusal, which must be in the form of Keycloak's admin API.
pub fn keycloak_text(status: u16, answer: &Value) -> String {
    let key = if matches!(status, 400 | 409) {
        "errorMessage"
    } else {
        "error"
    };
    let text = answer[key]
        .as_str()
        .unwrap_or_else(|| panic!("{status} {answer}"))
        .to_owned();
    assert!(!text.is_empty());
    assert_eq!(*answer, json!({ key: text }));
    text
}

/// A request as it is written: any header, any bytes.
pub async fn raw(app: &App, method: Method, path: &str, headers: &[(&str, &str)], body: impl Into<Body>) -> Reply {
    let mut request = Request::builder().method(method).uri(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let reply = app.send(request.body(body.into()).unwrap()).await;
    assert_ne!(reply.status, 500, "{path}: {reply:?}");
    reply
}

/// Bodies that are no JSON object.
pub const NO_OBJECTS: &[&str] = &[
    "",
    "{",
    "null",
    "[]",
    "7",
    "\"{}\"",
    "{\"email\": NaN}",
    "{\"email\": \"\\ud800\"}",
    "{} {}",
    "{'email': 1}",
    "\u{feff}{}",
];

/// Sets an organization's limit of seats.
pub async fn seats(app: &App, organization: &str, limit: i64) {
    let document =
        "mutation($id: ID!, $seats: Int!) { updateOrganization(where: {id: $id}, data: {seatLimit: $seats}) { id } }";
    app.admin()
        .ok(document, json!({ "id": organization, "seats": limit }))
        .await;
}
