//! SCIM's face, section by section of its contract.

mod bulk;
mod callers;
mod cost;
mod filters;
mod groups;
mod isolation;
mod lists;
mod model;
mod processes;
mod races;
mod users;
mod versions;

use axum::http::{HeaderName, HeaderValue, Method, header};
use serde_json::{Value, json};

use crate::support::{App, Caller, PUBLIC_URL, Reply};

const BASE: &str = "/scim/v2";
const USERS: &str = "/scim/v2/Users";
const GROUPS: &str = "/scim/v2/Groups";
const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
const GROUP: &str = "urn:ietf:params:scim:schemas:core:2.0:Group";
const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
const ERROR: &str = "urn:ietf:params:scim:api:messages:2.0:Error";

/// Acme with an administrator `ada` and a user `ann`, and another organization with `gus` and `gil`.
async fn world(app: &App) -> (Caller<'_>, Caller<'_>) {
    app.organization("acme", &["acme-main"]).await;
    app.organization("globex", &[]).await;
    app.user("globex", "gus", Some("organization-admin")).await;
    app.user("globex", "gil", Some("user")).await;
    (
        app.user("acme", "ada", Some("organization-admin")).await,
        app.user("acme", "ann", Some("user")).await,
    )
}

fn message(name: &str) -> Value {
    json!([format!("urn:ietf:params:scim:api:messages:2.0:{name}")])
}

fn patch_of(operations: Value) -> Value {
    json!({ "schemas": message("PatchOp"), "Operations": operations })
}

fn user_of(mut values: Value) -> Value {
    values["schemas"] = json!([USER]);
    values
}

fn group_of(mut values: Value) -> Value {
    values["schemas"] = json!([GROUP]);
    values
}

fn at(endpoint: &str, id: &str) -> String {
    format!("{endpoint}/{id}")
}

/// A list with a filter, or with other parameters.
fn asking(endpoint: &str, parameters: &[(&str, &str)]) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.extend_pairs(parameters);
    format!("{endpoint}?{}", query.finish())
}

async fn ask(
    caller: &Caller<'_>,
    method: Method,
    path: &str,
    headers: &[(HeaderName, &str)],
    body: Option<&Value>,
) -> Reply {
    let mut request = caller.request(path, body.unwrap_or(&Value::Null));
    *request.method_mut() = method;
    request.headers_mut().remove(header::ACCEPT);
    for (name, value) in headers {
        request
            .headers_mut()
            .insert(name, HeaderValue::from_str(value).unwrap());
    }
    caller.app.send(request).await
}

/// The answer of a call that must succeed with this status.
async fn answered(caller: &Caller<'_>, status: u16, method: Method, path: &str, body: Option<&Value>) -> Value {
    let reply = ask(caller, method.clone(), path, &[], body).await;
    assert_eq!(reply.status, status, "{method} {path} {body:?}: {}", reply.body);
    if reply.body.is_empty() {
        return Value::Null;
    }
    assert_eq!(reply.headers["content-type"], "application/scim+json", "{path}");
    reply.json()
}

async fn get(caller: &Caller<'_>, path: &str) -> Value {
    answered(caller, 200, Method::GET, path, None).await
}

async fn post(caller: &Caller<'_>, path: &str, body: Value) -> Value {
    answered(caller, 201, Method::POST, path, Some(&body)).await
}

async fn put(caller: &Caller<'_>, path: &str, body: Value) -> Value {
    answered(caller, 200, Method::PUT, path, Some(&body)).await
}

async fn patch(caller: &Caller<'_>, status: u16, path: &str, operations: Value) -> Value {
    answered(caller, status, Method::PATCH, path, Some(&patch_of(operations))).await
}

async fn delete(caller: &Caller<'_>, path: &str) {
    answered(caller, 204, Method::DELETE, path, None).await;
}

/// The ids of a list.
async fn ids(caller: &Caller<'_>, path: &str) -> Vec<String> {
    let list = get(caller, path).await;
    let found = list["Resources"].as_array().unwrap().iter();
    found.map(|one| one["id"].as_str().unwrap().to_owned()).collect()
}

/// The users or groups that a filter finds.
async fn found(caller: &Caller<'_>, endpoint: &str, filter: &str) -> Vec<String> {
    ids(caller, &asking(endpoint, &[("filter", filter)])).await
}

/// A refusal that must have this status and word, and change nothing. Gives its sentence.
async fn refused(
    caller: &Caller<'_>,
    (status, word): (u16, &str),
    method: Method,
    path: &str,
    body: Option<&Value>,
) -> String {
    let before = caller.app.dump().await;
    let reply = ask(caller, method.clone(), path, &[], body).await;
    let what = format!("{method} {path} {body:?}: {}", reply.body);
    assert_eq!(reply.status, status, "{what}");
    assert_eq!(reply.headers["content-type"], "application/scim+json", "{what}");
    crate::support::assert_leaks_nothing(&reply.body);
    let said = reply.json();
    let detail = said["detail"].as_str().unwrap_or_default().to_owned();
    assert!(!detail.is_empty(), "{what}");
    let mut expected = json!({ "schemas": [ERROR], "detail": detail, "status": status.to_string() });
    if !word.is_empty() {
        expected["scimType"] = json!(word);
    }
    assert_eq!(said, expected, "{what}");
    assert_eq!(before, caller.app.dump().await, "a refusal changed something: {what}");
    detail
}

fn id_of(resource: &Value) -> &str {
    resource["id"].as_str().unwrap()
}

fn place(kind: &str, id: &str) -> String {
    format!("{PUBLIC_URL}{BASE}/{kind}/{id}")
}
