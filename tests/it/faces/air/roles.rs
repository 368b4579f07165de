//! Section 3: roles.

use axum::http::Method;
use serde_json::{Value, json};
use strum::VariantArray;
use tenantry::model::BuiltIn;

use super::{ROLES, get, hex, is_hex, many, refused, role_id, world};
use crate::on_both;
use crate::support::{App, Caller};

const MAKE: &str = "mutation($name: String!, $organization: ID) { createRole(data: {
    name: $name, description: \"Of our own.\", permissions: [\"read:user\", \"usage:api\"], organizationId: $organization}) { id } }";

async fn names(caller: &Caller<'_>) -> Vec<String> {
    let roles = get(caller, ROLES).await;
    assert_eq!(roles.as_object().unwrap().len(), 1, "{roles}");
    let roles = roles["roles"].as_array().unwrap().iter();
    let mut names: Vec<String> = roles.map(|role| role["name"].as_str().unwrap().to_owned()).collect();
    names.sort();
    names
}

fn built_in() -> Vec<&'static str> {
    // A role for tenants is none that a user of this product can have.
    let assignable = BuiltIn::VARIANTS.iter().filter(|role| role.is_for_organizations());
    let mut names: Vec<&str> = assignable.map(|role| role.name()).collect();
    names.sort_unstable();
    names
}

on_both! {
    async fn the_list_holds_the_built_in_roles_and_the_own(app: App) {
        let (ada, _) = world(&app).await;
        assert_eq!(names(&ada).await, built_in());
        let own = ada.ok(MAKE, json!({ "name": "zebra" })).await["createRole"]["id"].as_str().unwrap().to_owned();
        app.key_of("gus").await.ok(MAKE, json!({ "name": "theirs" })).await;
        assert_eq!(names(&ada).await, [built_in(), vec!["zebra"]].concat());
        // Also a super admin sees those of the own organization.
        assert_eq!(names(&app.admin()).await, built_in());
        let listed = get(&ada, ROLES).await;
        let zebra = listed["roles"].as_array().unwrap().iter().find(|role| role["name"] == "zebra").unwrap();
        assert_eq!(*zebra, json!({ "id": hex(&own), "name": "zebra", "description": "Of our own." }));
        for role in listed["roles"].as_array().unwrap() {
            assert!(is_hex(&role["id"]), "{role}");
            let keys: Vec<&String> = role.as_object().unwrap().keys().collect();
            assert_eq!(keys, ["id", "name", "description"]);
            assert!(role.as_object().unwrap().values().all(Value::is_string), "{role}");
        }
        let columns = "id, organization_pk, name, permissions, version, created_at, updated_at";
        let values = "'role-' || {i}, (SELECT pk FROM organizations WHERE id = 'acme'), 'r ' || {i}, '', 1, 5, 5";
        many(&app, 600, "roles", columns, values).await;
        assert_eq!(names(&ada).await.len(), 611);
    }

    async fn one_role_tells_what_it_permits(app: App) {
        let (ada, _) = world(&app).await;
        let own = ada.ok(MAKE, json!({ "name": "own" })).await["createRole"]["id"].as_str().unwrap().to_owned();
        for form in [own.clone(), hex(&own), own.to_uppercase(), hex(&own).to_uppercase()] {
            let seen = get(&ada, &format!("{ROLES}/{form}")).await;
            assert_eq!(seen, json!({
                "id": hex(&own), "name": "own", "description": "Of our own.", "scopes": ["usage:api", "read:user"],
            }));
        }
        for role in BuiltIn::VARIANTS.iter().copied().filter(|role| role.is_for_organizations()) {
            let seen = get(&ada, &format!("{ROLES}/{}", role_id(role))).await;
            assert_eq!(seen, json!({
                "id": role_id(role), "name": role.name(), "description": role.description(), "scopes": role.permissions().built_in_names().collect::<Vec<_>>(),
            }));
        }
        // GraphQL tells the same.
        let same = ada.ok("query($id: ID) { roles(where: {id: $id}) { name permissions } }", json!({ "id": BuiltIn::Admin.id() })).await;
        let seen = get(&ada, &format!("{ROLES}/{}", role_id(BuiltIn::Admin))).await;
        assert_eq!(same["roles"], json!([{ "name": seen["name"], "permissions": seen["scopes"] }]));
    }

    async fn who_may_not_read_roles_is_told_so_and_what_is_not_there_is_not(app: App) {
        let (ada, ann) = world(&app).await;
        let foreign = app.key_of("gus").await.ok(MAKE, json!({ "name": "theirs" })).await["createRole"]["id"].as_str().unwrap().to_owned();
        let unknown = refused(&ada, 404, Method::GET, &format!("{ROLES}/unknown"), None).await;
        for id in [&foreign, &hex(&foreign)] {
            assert_eq!(refused(&ada, 404, Method::GET, &format!("{ROLES}/{id}"), None).await, unknown.replace("unknown", id));
            refused(&app.admin(), 404, Method::GET, &format!("{ROLES}/{id}"), None).await;
        }
        for id in ["user", "%00", "%FF", "%20", &"x".repeat(300)] {
            refused(&ada, 404, Method::GET, &format!("{ROLES}/{id}"), None).await;
        }
        for path in [ROLES.to_owned(), format!("{ROLES}/{}", role_id(BuiltIn::User)), format!("{ROLES}/unknown")] {
            refused(&ann, 401, Method::GET, &path, None).await;
        }
        // Changing roles is optional in the contract, and GraphQL's.
        let body = json!({ "name": "x", "scopes": [] });
        refused(&ada, 405, Method::POST, ROLES, Some(&body)).await;
        refused(&ada, 405, Method::PUT, &format!("{ROLES}/{}", role_id(BuiltIn::User)), Some(&body)).await;
        refused(&ada, 405, Method::DELETE, &format!("{ROLES}/{}", role_id(BuiltIn::User)), None).await;
    }
}
