//! WAII's face, by its contract's sections: the wire, the calls, roles and reach, impersonation; and that it refuses what
//! GraphQL refuses.

mod directory;
mod impersonation;
mod keys;
mod lists;
mod oneself;
mod races;
mod refusals;
mod rights;
mod wire;

use axum::body::Body;
use axum::http::{HeaderName, HeaderValue, Method, Request};
use serde_json::{Value, json};

use crate::support::{App, Caller, Reply};

const HEADER: &str = "x-waii-impersonate-user";

/// A refusal in WAII's words: tenantry's own permissions, which end a list of names, mean nothing there.
pub fn as_waii_hears(text: &str) -> String {
    let own = ["tenantry:organization-settings", "tenantry:introspect"];
    own.iter()
        .fold(text.to_owned(), |text, name| text.replace(&format!(", {name}"), ""))
}

/// Every call of the user module and the one a client starts with, each with a body that is right for it.
fn calls() -> Vec<(&'static str, Value)> {
    let user =
        json!({ "id": "u", "name": null, "tenant_id": "berlin", "org_id": "acme", "variables": null, "roles": [] });
    let tenant = json!({ "id": "t", "name": "T", "org_id": "acme", "variables": null });
    let organization = json!({ "id": "o", "name": "O", "variables": null });
    vec![
        ("update-db-connect-info", json!({})),
        ("create-key", json!({ "name": "k" })),
        ("list-access-keys", json!({})),
        ("delete-access-keys", json!({ "names": ["nothing"] })),
        ("get-user-info", json!({})),
        ("update-config", json!({ "updated": null, "deleted": null })),
        ("create-org", json!({ "organization": organization })),
        ("update-org", json!({ "organization": organization })),
        ("delete-org", json!({ "id": "o" })),
        ("list-orgs", json!({})),
        ("create-tenant", json!({ "tenant": tenant })),
        ("update-tenant", json!({ "tenant": tenant })),
        ("delete-tenant", json!({ "id": "t" })),
        ("list-tenants", json!({ "lookup_org_id": null })),
        ("create-user", json!({ "user": user })),
        ("update-user", json!({ "user": user })),
        ("delete-user", json!({ "id": "u" })),
        (
            "list-users",
            json!({ "lookup_org_id": null, "lookup_tenant_id": null, "lookup_user_id": null }),
        ),
        (
            "create-user-secret",
            json!({ "user": user, "secret": { "a": { "b": 1 } } }),
        ),
    ]
}

/// A body as the client sends it: with the fields that go along with every call and mean nothing.
fn with_company(mut body: Value) -> Value {
    if let Some(fields) = body.as_object_mut() {
        fields.insert("org_id".to_owned(), "".into());
        fields.insert("user_id".to_owned(), "somebody".into());
        fields.insert("tags".to_owned(), Value::Null);
        fields.insert("parameters".to_owned(), Value::Null);
        fields.insert("scope".to_owned(), "none".into());
    }
    body
}

impl Caller<'_> {
    /// The answer of a call that must succeed: exactly 200, and a JSON object.
    async fn waii(&self, name: &str, body: Value) -> Value {
        let path = format!("/api/{name}");
        let reply = self.rest(Method::POST, &path, Some(&with_company(body.clone()))).await;
        assert_eq!(reply.status.as_u16(), 200, "{name} {body}: {reply:?}");
        assert_eq!(reply.headers["content-type"], "application/json");
        let answer = reply.json();
        assert!(answer.is_object(), "{name}: {answer}");
        answer
    }

    /// The status and the `detail` of a call that must be refused, and change nothing.
    async fn waii_refused(&self, name: &str, body: Value) -> (u16, String) {
        let path = format!("/api/{name}");
        let (status, answer) = self.rest_refused(Method::POST, &path, Some(&with_company(body))).await;
        (status, detail(&answer))
    }

    /// The status of a call that must be refused, and change nothing.
    async fn waii_status(&self, name: &str, body: Value) -> u16 {
        self.waii_refused(name, body).await.0
    }

    /// A call in somebody else's name.
    async fn waii_as(&self, id: impl AsRef<[u8]>, name: &str, body: Value) -> Reply {
        let request = self.waii_request(name, &body);
        self.app.send(impersonating(request, id)).await
    }

    fn waii_request(&self, name: &str, body: &Value) -> Request<Body> {
        self.request(&format!("/api/{name}"), &with_company(body.clone()))
    }

    /// The users that a list shows, by id.
    async fn waii_users(&self, lookups: Value) -> Vec<String> {
        ids(&self.waii("list-users", lookups).await["users"])
    }
}

fn impersonating(mut request: Request<Body>, id: impl AsRef<[u8]>) -> Request<Body> {
    let value = HeaderValue::from_bytes(id.as_ref()).unwrap();
    request.headers_mut().append(HeaderName::from_static(HEADER), value);
    request
}

/// The text of a refusal, which must be all there is of it.
fn detail(answer: &Value) -> String {
    let refusal = answer.as_object().unwrap_or_else(|| panic!("not an object: {answer}"));
    assert_eq!(refusal.len(), 1, "{answer}");
    let detail = answer["detail"]
        .as_str()
        .unwrap_or_else(|| panic!("no detail: {answer}"));
    assert!(
        detail.len() > 10 && !detail.contains("line 1") && !detail.contains("serde"),
        "{detail}"
    );
    detail.to_owned()
}

fn refusal_of(reply: &Reply) -> (u16, String) {
    (reply.status.as_u16(), detail(&reply.json()))
}

fn ids(list: &Value) -> Vec<String> {
    let list = list.as_array().unwrap_or_else(|| panic!("no list: {list}"));
    list.iter().map(|one| one["id"].as_str().unwrap().to_owned()).collect()
}

/// `acme` with two tenants and `globex` with one, an administrator and a user each. Gives acme's administrator.
async fn world(app: &App) -> Caller<'_> {
    app.organization("acme", &["berlin", "munich"]).await;
    app.organization("globex", &["rome"]).await;
    for (id, organization, tenant, role) in [
        ("ada", "acme", "berlin", "organization-admin"),
        ("bob", "acme", "berlin", "api-user"),
        ("gina", "globex", "rome", "organization-admin"),
        ("gus", "globex", "rome", "user"),
    ] {
        let data = json!({ "id": id, "organizationId": organization, "tenantId": tenant, "roles": [role] });
        app.admin().create_user(data).await;
    }
    app.key_of("ada").await
}
