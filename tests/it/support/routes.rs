//! Every route that looks at a credential, with a request of each that an administrator of Acme may make.

use std::collections::BTreeSet;
use std::path::Path;

use axum::http::Method;
use sea_orm::ConnectionTrait;
use serde_json::{Value, json};

use super::{App, Caller};

/// A route with a call of it.
#[derive(Clone, Debug)]
pub struct Route {
    pub method: Method,
    /// As the router has it.
    pub pattern: &'static str,
    pub path: String,
    pub body: Option<Value>,
    /// Whether the call changes something.
    pub writes: bool,
}

fn route(method: Method, pattern: &'static str, body: Option<Value>, writes: bool) -> Route {
    // Pairs of braces are about bob, but for groups and roles.
    let id = if pattern.contains("/roles/") {
        "01900000-0000-7000-8000-000000000002"
    } else if pattern.contains("v3/groups/") {
        "TEAM"
    } else if pattern.contains("/Groups/") {
        "team"
    } else if pattern.contains("/ResourceTypes/") {
        "User"
    } else if pattern.contains("/Schemas/") {
        GROUP_SCHEMA
    } else {
        "bob"
    };
    let path = pattern.replace("{id}", id).replace("{group_id}", "TEAM");
    let path = path.replace("{*rest}", "read:user/-/orders");
    Route {
        method,
        pattern,
        path,
        body,
        writes,
    }
}

const GROUP_SCHEMA: &str = "urn:ietf:params:scim:schemas:core:2.0:Group";

/// Those of SCIM. `n` makes names that no earlier call has taken.
fn scim(n: usize) -> Vec<Route> {
    let read = |method: Method, pattern, body| route(method, pattern, body, false);
    let write = |method: Method, pattern, body| route(method, pattern, body, true);
    let message = |name: &str| json!([format!("urn:ietf:params:scim:api:messages:2.0:{name}")]);
    let search = json!({ "schemas": message("SearchRequest") });
    let renamed = json!({
        "schemas": message("PatchOp"),
        "Operations": [{ "op": "replace", "path": "displayName", "value": format!("D{n}") }],
    });
    let user = json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
        "userName": format!("s{n}@acme.example"),
    });
    let group = json!({ "schemas": [GROUP_SCHEMA], "displayName": format!("Scim {n}") });
    let operation = json!({ "method": "PATCH", "path": "/Users/bob", "data": renamed });
    let bulk = json!({ "schemas": message("BulkRequest"), "Operations": [operation] });
    vec![
        read(Method::GET, "/scim/v2/ServiceProviderConfig", None),
        read(Method::GET, "/scim/v2/ResourceTypes", None),
        read(Method::GET, "/scim/v2/ResourceTypes/{id}", None),
        read(Method::GET, "/scim/v2/Schemas", None),
        read(Method::GET, "/scim/v2/Schemas/{id}", None),
        read(Method::GET, "/scim/v2", None),
        read(Method::POST, "/scim/v2/.search", Some(search.clone())),
        read(Method::GET, "/scim/v2/Users", None),
        read(Method::POST, "/scim/v2/Users/.search", Some(search.clone())),
        write(Method::POST, "/scim/v2/Users", Some(user.clone())),
        read(Method::GET, "/scim/v2/Users/{id}", None),
        write(Method::PUT, "/scim/v2/Users/{id}", Some(user)),
        write(Method::PATCH, "/scim/v2/Users/{id}", Some(renamed.clone())),
        read(Method::GET, "/scim/v2/Groups", None),
        read(Method::POST, "/scim/v2/Groups/.search", Some(search)),
        write(Method::POST, "/scim/v2/Groups", Some(group.clone())),
        read(Method::GET, "/scim/v2/Groups/{id}", None),
        write(Method::PUT, "/scim/v2/Groups/{id}", Some(group)),
        write(Method::PATCH, "/scim/v2/Groups/{id}", Some(renamed.clone())),
        write(Method::DELETE, "/scim/v2/Groups/{id}", None),
        read(Method::GET, "/scim/v2/Me", None),
        write(Method::PATCH, "/scim/v2/Me", Some(renamed)),
        write(Method::POST, "/scim/v2/Bulk", Some(bulk)),
        write(Method::DELETE, "/scim/v2/Users/{id}", None),
    ]
}

/// All of them. `n` makes names that no earlier call has taken.
pub fn routes(n: usize) -> Vec<Route> {
    let mut all = of_other_products(n);
    all.extend(scim(n));
    all
}

/// Those of GraphQL, of other products and of gateways.
fn of_other_products(n: usize) -> Vec<Route> {
    let read = |method: Method, pattern, body| route(method, pattern, body, false);
    let write = |method: Method, pattern, body| route(method, pattern, body, true);
    let post = || Method::POST;
    let create = json!({ "query": format!("mutation {{ createUser(data: {{id: \"made-{n}\"}}) {{ id }} }}") });
    let edited = json!({
        "id": "bob", "email": "bob@acme.example", "first_name": format!("F{n}"), "last_name": "L", "enabled": true, "is_admin": false,
    });
    vec![
        write(post(), "/graphql", Some(create.clone())),
        write(post(), "/api/label/v2/graphql", Some(create)),
        read(post(), "/api/update-db-connect-info", Some(json!({}))),
        read(post(), "/api/get-user-info", Some(json!({}))),
        write(post(), "/api/update-config", Some(json!({ "updated": { "k": n } }))),
        write(
            post(),
            "/api/create-org",
            Some(json!({ "organization": { "id": format!("org-{n}"), "name": "X" } })),
        ),
        write(
            post(),
            "/api/update-org",
            Some(json!({ "organization": { "id": "acme", "name": format!("X{n}") } })),
        ),
        write(post(), "/api/delete-org", Some(json!({ "id": "empty" }))),
        read(post(), "/api/list-orgs", Some(json!({}))),
        write(
            post(),
            "/api/create-user",
            Some(json!({ "user": { "id": format!("waii-{n}"), "tenant_id": "acme-main" } })),
        ),
        write(
            post(),
            "/api/update-user",
            Some(json!({ "user": { "id": "bob", "name": format!("X{n}") } })),
        ),
        write(post(), "/api/delete-user", Some(json!({ "id": "bob" }))),
        read(post(), "/api/list-users", Some(json!({}))),
        read(post(), "/api/create-user-secret", Some(json!({}))),
        write(post(), "/api/create-key", Some(json!({ "name": format!("key-{n}") }))),
        read(post(), "/api/list-access-keys", Some(json!({}))),
        write(post(), "/api/delete-access-keys", Some(json!({ "names": ["spare"] }))),
        write(
            post(),
            "/api/create-tenant",
            Some(json!({ "tenant": { "id": format!("tenant-{n}"), "name": "X", "org_id": "acme" } })),
        ),
        write(
            post(),
            "/api/update-tenant",
            Some(json!({ "tenant": { "id": "acme-main", "name": format!("X{n}") } })),
        ),
        write(post(), "/api/delete-tenant", Some(json!({ "id": "acme-spare" }))),
        read(post(), "/api/list-tenants", Some(json!({}))),
        read(post(), "/v1/api/users/query", Some(json!({ "user_ids": [] }))),
        write(
            post(),
            "/v1/api/users/invite",
            Some(json!({ "email": format!("w{n}@acme.example"), "password": "Brass-kettle-27-hums" })),
        ),
        write(
            post(),
            "/v1/api/users/activate",
            Some(json!({ "email": "off@acme.example" })),
        ),
        write(
            post(),
            "/v1/api/users/deactivate",
            Some(json!({ "email": "bob@acme.example" })),
        ),
        write(post(), "/v1/api/user", Some(edited)),
        read(Method::GET, "/auth/admin/realms/master/users", None),
        read(Method::GET, "/auth/admin/realms/master/users/{id}", None),
        write(
            Method::PUT,
            "/auth/admin/realms/master/users/{id}",
            Some(json!({ "firstName": format!("F{n}") })),
        ),
        read(Method::GET, "/api/data/users", None),
        write(
            post(),
            "/api/data/users",
            Some(json!({ "email": format!("a{n}@acme.example"), "password": "Brass-kettle-27-hums" })),
        ),
        read(Method::GET, "/api/data/users/{id}", None),
        write(
            Method::PUT,
            "/api/data/users/{id}",
            Some(json!({ "email": "bob@acme.example", "first_name": format!("F{n}") })),
        ),
        write(
            Method::PATCH,
            "/api/data/users/{id}",
            Some(json!({ "first_name": format!("F{n}") })),
        ),
        write(
            Method::PUT,
            "/api/data/users/{id}/password",
            Some(json!({ "password": "Brass-kettle-28-hums" })),
        ),
        read(Method::GET, "/api/data/roles", None),
        read(Method::GET, "/api/data/roles/{id}", None),
        read(Method::GET, "/api/data/v3/groups", None),
        write(
            post(),
            "/api/data/v3/groups",
            Some(json!({ "name": format!("Group {n}") })),
        ),
        read(Method::GET, "/api/data/v3/groups/{id}", None),
        write(
            Method::PUT,
            "/api/data/v3/groups/{id}",
            Some(json!({ "name": format!("Team {n}") })),
        ),
        write(Method::DELETE, "/api/data/v3/groups/{id}", None),
        read(Method::GET, "/api/data/v3/users/{id}/groups", None),
        write(Method::PUT, "/api/data/v3/users/{id}/groups/{group_id}", None),
        write(Method::DELETE, "/api/data/v3/users/{id}/groups/{group_id}", None),
        read(Method::GET, "/forward-auth", None),
        read(Method::GET, "/forward-auth/-/{*rest}", None),
    ]
}

/// Routes of the faces that look at no credential, and those that take a form, which `oauth` and `oauth_tokens` test.
const OPEN: [&str; 8] = [
    "/v1/api/config",
    "/auth/realms/master/protocol/openid-connect/token",
    "/.well-known/oauth-authorization-server",
    "/.well-known/oauth-authorization-server/{*path}",
    "/.well-known/openid-configuration",
    "/oauth/token",
    "/oauth/introspect",
    "/oauth/revoke",
];

/// Every path that the faces' sources name is in [`routes`], or is one that looks at no credential.
#[test]
fn every_route_is_known() {
    let known: BTreeSet<&str> = routes(0).iter().map(|route| route.pattern).collect();
    let mut sources = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src/compat")];
    let mut unknown = BTreeSet::new();
    while let Some(path) = sources.pop() {
        if path.is_dir() {
            sources.extend(std::fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()));
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        let routes = text
            .split(".route(")
            .skip(1)
            .chain(text.split(" at(").skip(1).chain(text.split("(at(").skip(1)));
        for after in routes {
            let Some(literal) = after.trim_start().strip_prefix('"') else {
                continue;
            };
            let path = literal.split('"').next().unwrap();
            if !known.contains(path) && !OPEN.contains(&path) {
                unknown.insert(path.to_owned());
            }
        }
    }
    assert!(unknown.is_empty(), "routes that are in no table: {unknown:#?}");
}

impl App {
    /// What the calls are about: Acme, `ada` who administers it, `bob` without a role, `off` who is deactivated, a group,
    /// and things to delete. Gives ada.
    pub async fn acme(&self) -> Caller<'_> {
        self.organization("acme", &["acme-main", "acme-spare"]).await;
        self.organization("empty", &[]).await;
        let ada = self.user("acme", "ada", Some("organization-admin")).await;
        self.user("acme", "bob", None).await;
        self.user("acme", "off", None).await;
        self.admin()
            .ok("mutation { deactivateUser(where: {id: \"off\"}) { id } createGroup(data: {name: \"Team\", organizationId: \"acme\"}) { id } }", json!({}))
            .await;
        let change = self.services.db.begin().await.unwrap();
        let named = "UPDATE groups SET id = 'team' WHERE key = 'TEAM'";
        change.execute_unprepared(named).await.unwrap();
        change.commit().await.unwrap();
        ada
    }
}
