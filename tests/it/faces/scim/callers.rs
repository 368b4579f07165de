//! Section 1 and 3: who may call what, and what everybody may read.

use axum::http::{Method, header};
use serde_json::{Value, json};

use super::{
    BASE, GROUPS, USERS, ask, asking, at, get, group_of, id_of, message, patch, patch_of, post, refused, user_of, world,
};
use crate::on_both;
use crate::support::{App, Caller, PUBLIC_URL};

/// Every call but those of discovery, with a body that would succeed.
fn calls(group: &str) -> Vec<(Method, String, Option<Value>)> {
    let search = || Some(json!({"schemas": message("SearchRequest")}));
    let user = || Some(user_of(json!({"userName": "new"})));
    let named = || Some(group_of(json!({"displayName": "New"})));
    let nothing = || Some(patch_of(json!([])));
    vec![
        (Method::GET, USERS.to_owned(), None),
        (Method::POST, format!("{USERS}/.search"), search()),
        (Method::POST, USERS.to_owned(), user()),
        (Method::GET, at(USERS, "ada"), None),
        (Method::PUT, at(USERS, "ada"), user()),
        (Method::PATCH, at(USERS, "ada"), nothing()),
        (Method::DELETE, at(USERS, "ada"), None),
        (Method::GET, GROUPS.to_owned(), None),
        (Method::POST, format!("{GROUPS}/.search"), search()),
        (Method::POST, GROUPS.to_owned(), named()),
        (Method::GET, at(GROUPS, group), None),
        (Method::PUT, at(GROUPS, group), named()),
        (Method::PATCH, at(GROUPS, group), nothing()),
        (Method::DELETE, at(GROUPS, group), None),
        (Method::GET, BASE.to_owned(), None),
        (Method::POST, format!("{BASE}/.search"), search()),
    ]
}

/// A key of ada's with these permissions alone.
async fn narrowed<'a>(ada: &Caller<'a>, name: &str, permissions: &[&str]) -> Caller<'a> {
    let made = ada
        .ok(
            "mutation($name: String!, $permissions: [String!]) { createApiKey(data: {name: $name, permissions: $permissions}) { secret } }",
            json!({"name": name, "permissions": permissions}),
        )
        .await;
    ada.app.key(made["createApiKey"]["secret"].as_str().unwrap())
}

on_both! {
    async fn without_a_credential_or_a_permission_nothing_is_said(app: App) {
        let (ada, _) = world(&app).await;
        let group = post(&ada, GROUPS, group_of(json!({"displayName": "Team"}))).await;
        let nobody = app.user("acme", "bob", None).await;
        let lost = app.user("acme", "lost", Some("organization-admin")).await;
        ada.ok("mutation { deactivateUser(where: {id: \"lost\"}) { id } }", json!({})).await;
        for (method, path, body) in calls(id_of(&group)) {
            for stranger in [app.anonymous(), app.key("no-such-key-0123456789abcdefghij"), lost.clone()] {
                let reply = ask(&stranger, method.clone(), &path, &[], body.as_ref()).await;
                assert_eq!((reply.status.as_u16(), reply.headers["www-authenticate"].to_str().unwrap()), (401, "Bearer"), "{method} {path}");
                assert_eq!(reply.json()["status"], "401");
            }
            refused(&nobody, (403, ""), method.clone(), &path, body.as_ref()).await;
            // Before anything is looked up, and before the values.
            if path.contains("s/") && !path.contains('.') {
                let unknown = format!("{}/nothing", path.rsplit_once('/').unwrap().0);
                let bad = body.as_ref().map(|_| json!({"schemas": 1}));
                refused(&nobody, (403, ""), method, &unknown, bad.as_ref()).await;
            }
        }
        get(&nobody, "/scim/v2/Me").await;
        get(&nobody, &at(USERS, "bob")).await;
    }

    async fn each_permission_opens_its_own(app: App) {
        let (ada, _) = world(&app).await;
        post(&ada, GROUPS, group_of(json!({"displayName": "Team", "members": [{"value": "ann"}]}))).await;
        let users = narrowed(&ada, "users", &["read:user"]).await;
        let groups = narrowed(&ada, "groups", &["read:group"]).await;
        refused(&users, (403, ""), Method::GET, GROUPS, None).await;
        refused(&groups, (403, ""), Method::GET, USERS, None).await;
        // At the base there is what the caller may read.
        let kinds = async |caller: &Caller<'_>| {
            let list = get(caller, BASE).await;
            let all = list["Resources"].as_array().unwrap().clone();
            (list["totalResults"].as_i64().unwrap(), all.iter().map(|one| one["meta"]["resourceType"].as_str().unwrap().to_owned()).collect::<Vec<_>>())
        };
        assert_eq!(kinds(&users).await, (2, vec!["User".to_owned(), "User".to_owned()]));
        assert_eq!(kinds(&groups).await, (1, vec!["Group".to_owned()]));
        assert_eq!(kinds(&ada).await.0, 3);
        // What stands beside them is left out without its permission.
        assert_eq!(get(&users, &at(USERS, "ann")).await.get("groups"), None);
        ada.ok("mutation { updatePropertiesInUser(where: {id: \"ann\"}, data: {name: \"Ann\"}) { id } }", json!({})).await;
        let of = |list: &Value| list["Resources"][0]["members"][0].clone();
        assert_eq!(of(&get(&groups, GROUPS).await).get("display"), None);
        assert_eq!(of(&get(&groups, GROUPS).await)["value"], "ann");
        assert_eq!(of(&get(&ada, GROUPS).await)["display"], "Ann");
        // Who may only write is shown what it wrote, without what it may not read.
        let writer = narrowed(&ada, "writer", &["write:group"]).await;
        let made = post(&writer, GROUPS, group_of(json!({"displayName": "Mine", "members": [{"value": "ann"}]}))).await;
        assert_eq!((made.get("members"), &made["displayName"]), (None, &json!("Mine")));
        patch(&writer, 204, &at(GROUPS, id_of(&made)), json!([{"op": "remove", "path": "members"}])).await;
    }

    /// Who may not call at all is told so before anything is looked up, and an unknown id before wrong values.
    async fn checks_have_an_order(app: App) {
        let (ada, _) = world(&app).await;
        let team = post(&ada, GROUPS, group_of(json!({"displayName": "Team"}))).await;
        let wrong = "?attributes=id&excludedAttributes=meta";
        let few = narrowed(&ada, "few", &["read:tenant"]).await;
        for (method, body) in [(Method::GET, None), (Method::PUT, Some(json!({}))), (Method::PATCH, Some(json!({})))] {
            for (endpoint, id) in [(USERS, "ann"), (GROUPS, id_of(&team))] {
                let path = format!("{}{wrong}", at(endpoint, id));
                refused(&few, (403, ""), method.clone(), &path, body.as_ref()).await;
                refused(&ada, (400, "invalidValue"), method.clone(), &path, body.as_ref()).await;
                refused(&ada, (404, ""), method.clone(), &format!("{}{wrong}", at(endpoint, "nobody")), body.as_ref()).await;
            }
        }
        for endpoint in [USERS, GROUPS, BASE] {
            let path = format!("{endpoint}/.search");
            refused(&few, (403, ""), Method::POST, &path, Some(&json!({}))).await;
            refused(&ada, (400, "invalidSyntax"), Method::POST, &path, Some(&json!({}))).await;
        }
    }

    /// A full organization is a 403, and stands in the trail like any other.
    async fn full_organizations_are_noted(app: App) {
        let (ada, _) = world(&app).await;
        app.admin().ok("mutation { updateOrganization(where: {id: \"acme\"}, data: {seatLimit: 2}) { id } }", json!({})).await;
        refused(&ada, (403, ""), Method::POST, USERS, Some(&user_of(json!({"userName": "one more"})))).await;
        app.services.refusals.flush(&app.services.db, app.services.clock.now(), true).await.unwrap();
        let noted = app.admin().ok("{ auditEvents(where: {refused: true, actorId: \"ada\"}) { action } }", json!({})).await;
        assert_eq!(noted["auditEvents"], json!([{ "action": "user.create" }]));
    }

    async fn what_is_offered_is_told_to_everybody(app: App) {
        let (ada, _) = world(&app).await;
        for path in ["ServiceProviderConfig", "ResourceTypes", "ResourceTypes/User", "Schemas", "Schemas/urn:ietf:params:scim:schemas:core:2.0:Group"] {
            let path = format!("{BASE}/{path}");
            let told = get(&app.anonymous(), &path).await;
            assert_eq!(told, get(&ada, &format!("{path}/?x=1")).await);
            assert!(!told.to_string().contains("null"), "{told}");
            if told["Resources"].is_array() {
                assert_eq!(told["totalResults"], told["Resources"].as_array().unwrap().len());
            } else {
                assert_eq!(told["meta"]["location"], format!("{PUBLIC_URL}{path}"));
            }
            refused(&app.key("no-such-key-0123456789abcdefghij"), (401, ""), Method::GET, &path, None).await;
            refused(&app.anonymous(), (403, ""), Method::GET, &asking(&path, &[("filter", "id pr")]), None).await;
            let reply = ask(&ada, Method::POST, &path, &[], Some(&json!({}))).await;
            assert_eq!((reply.status.as_u16(), reply.headers["allow"].to_str().unwrap()), (405, "GET,HEAD"), "{path}");
        }
        refused(&app.anonymous(), (404, ""), Method::GET, "/scim/v2/Schemas/urn:x", None).await;
    }

    async fn everything_answers_in_this_form(app: App) {
        let (ada, _) = world(&app).await;
        for path in ["/scim", "/scim/", "/scim/v1/Users", "/scim/v2/users", "/scim/v2/Users/a/b"] {
            refused(&ada, (404, ""), Method::GET, path, None).await;
        }
        for (method, path) in [(Method::DELETE, USERS), (Method::GET, "/scim/v2/Bulk"), (Method::GET, "/scim/v2/.search"), (Method::PATCH, BASE)] {
            let reply = ask(&ada, method, path, &[], None).await;
            assert!(reply.status == 405 && reply.headers.contains_key("allow"), "{path}: {reply:?}");
            assert_eq!(reply.json()["status"], "405");
        }
        let reply = ask(&ada, Method::GET, USERS, &[(header::COOKIE, &"x".repeat(70_000))], None).await;
        assert_eq!((reply.status.as_u16(), &reply.json()["status"]), (431, &json!("431")));
        assert_eq!(get(&ada, "/scim/v2/").await, get(&ada, BASE).await);
        // Bodies are read whatever they say they are.
        let body = user_of(json!({"userName": "typed"}));
        let reply = ask(&ada, Method::POST, USERS, &[(header::CONTENT_TYPE, "text/plain")], Some(&body)).await;
        assert_eq!(reply.status, 201, "{reply:?}");
        for (accept, media) in [("application/json", "application/json"), ("application/json, */*", "application/scim+json"), ("text/html", "application/scim+json")] {
            for path in [USERS, "/scim/v2/nothing"] {
                let reply = ask(&ada, Method::GET, path, &[(header::ACCEPT, accept)], None).await;
                assert_eq!(reply.headers["content-type"], media, "{path} {accept}");
            }
        }
        for body in ["", "[]", "{", "{\"schemas\": [], \"schemas\": []}", "\u{0}"] {
            let mut request = ada.request(USERS, &Value::Null);
            *request.body_mut() = body.to_owned().into();
            let reply = app.send(request).await;
            assert_eq!((reply.status.as_u16(), &reply.json()["scimType"]), (400, &json!("invalidSyntax")), "{body}: {reply:?}");
        }
        let large = user_of(json!({"userName": "x", "title": "x".repeat(1024 * 1024)}));
        refused(&ada, (413, ""), Method::POST, USERS, Some(&large)).await;
        let group = group_of(json!({"displayName": "x", "x": "x".repeat(2 * 1024 * 1024)}));
        post(&ada, GROUPS, group).await;
    }
}
