//! `users/query` and `config`, and what a user looks like in all answers.

use std::collections::BTreeSet;

use axum::http::Method;
use sea_orm::ConnectionTrait;
use serde_json::{Value, json};

use super::{ACTIVATE, DEACTIVATE, INVITE, NO_OBJECTS, QUERY, USERS, World, mlops_text, raw, user};
use crate::on_both;
use crate::support::{App, START};

/// [`START`] in milliseconds.
const START_MILLIS: i64 = 1_767_323_045_006;

fn keys(value: &Value) -> BTreeSet<&str> {
    value.as_object().unwrap().keys().map(String::as_str).collect()
}

on_both! {
    async fn a_user_is_shown_whole(app: App) {
        assert_eq!(START, "2026-01-02T03:04:05.006Z");
        let world = World::new(&app).await;
        let data = json!({"id": "bob", "email": "bob+x@acme.example", "firstname": "Bob", "lastname": "Doe", "roles": ["user"],
            "federatedIdentities": [{"identityProvider": "google", "userId": "g1", "userName": "bob@g"}]});
        world.ada.create_user(data).await;
        let mut bob = json!({
            "id": "bob", "username": "bob+x@acme.example", "email": "bob+x@acme.example",
            "firstName": "Bob", "lastName": "Doe", "enabled": true, "emailVerified": false,
            "createdTimestamp": START_MILLIS, "lastLogin": null, "notBefore": 0,
            "disableableCredentialTypes": [], "requiredActions": [],
            "access": {"manageGroupMembership": true, "view": true, "mapRoles": true, "impersonate": true, "manage": true},
        });
        assert_eq!(world.ada.everybody().await["bob"], bob);
        assert_eq!(world.ada.keycloak(USERS).await.as_array().unwrap().last().unwrap(), &bob);
        // Who is asked for one by one has its identities beside it.
        bob["federatedIdentities"] = json!([{"identityProvider": "google", "userId": "g1", "userName": "bob@g"}]);
        assert_eq!(world.ada.mlops(QUERY, json!({"user_ids": ["bob"]})).await, json!({"users": {"bob": bob}}));
        assert_eq!(world.ada.keycloak(&user("bob")).await, bob);
        let ann = world.ada.keycloak(&user("ann")).await;
        assert_eq!(ann["federatedIdentities"], json!([]));
    }

    async fn what_is_not_set_has_no_key(app: App) {
        let world = World::new(&app).await;
        world.ada.create_user(json!({"id": "robot", "roles": ["user"]})).await;
        let always: BTreeSet<&str> = ["id", "username", "enabled", "emailVerified", "createdTimestamp", "lastLogin", "notBefore",
            "disableableCredentialTypes", "requiredActions", "access"].into();
        let everybody = world.ada.everybody().await;
        assert_eq!(keys(&everybody["robot"]), always);
        assert_eq!(everybody["robot"]["username"], "robot", "of a user without an address it is the id");
        let with_email: BTreeSet<&str> = always.iter().copied().chain(["email"]).collect();
        assert_eq!(keys(&everybody["ann"]), with_email);
        let admin: BTreeSet<&str> = with_email.iter().copied().chain(["realmRoles"]).collect();
        assert_eq!(keys(&everybody["ada"]), admin);
        assert_eq!(everybody["ada"]["realmRoles"], json!(["admin"]));
        assert_eq!(keys(&everybody["ada"]["access"]), ["impersonate", "manage", "manageGroupMembership", "mapRoles", "view"].into());
        let text = Value::from(everybody).to_string();
        for secret in ["password-of", "argon2", "tnt_", "hash"] {
            assert!(!text.contains(secret), "{secret} in {text}");
        }
    }

    async fn access_is_what_the_caller_may_do(app: App) {
        let world = World::new(&app).await;
        let lead = app.user("acme", "lead", Some("team-manager")).await;
        let access = |groups, roles, impersonate, manage| json!({"manageGroupMembership": groups, "view": true,
            "mapRoles": roles, "impersonate": impersonate, "manage": manage});
        let seen_by_ada = world.ada.everybody().await;
        assert_eq!(seen_by_ada["ann"]["access"], access(true, true, true, true));
        assert_eq!(seen_by_ada["ada"]["access"], access(true, true, false, true), "oneself");
        let seen_by_lead = lead.everybody().await;
        assert_eq!(seen_by_lead["ann"]["access"], access(true, false, false, false));
        assert_eq!(world.ann.everybody().await["ann"]["access"], access(false, false, false, false));
        // The same as GraphQL says.
        let document = "{ users { id viewerCan { update manageGroups mapRoles impersonate } } }";
        for caller in [&world.ada, &lead, &world.ann] {
            let shown = caller.everybody().await;
            let users = caller.ok(document, json!({})).await["users"].clone();
            assert_eq!(users.as_array().unwrap().len(), shown.len());
            for one in users.as_array().unwrap() {
                let can = &one["viewerCan"];
                let expected = json!({"manageGroupMembership": can["manageGroups"], "view": true, "mapRoles": can["mapRoles"],
                    "impersonate": can["impersonate"], "manage": can["update"]});
                assert_eq!(shown[one["id"].as_str().unwrap()]["access"], expected);
            }
        }
    }

    async fn everybody_in_the_own_organization_is_listed(app: App) {
        let world = World::new(&app).await;
        world.ada.mlops(DEACTIVATE, json!({"email": "ann@acme.example"})).await;
        for body in [json!({}), json!({"user_ids": null}), json!({"unknown": [1]})] {
            let answer = world.ada.mlops(QUERY, body).await;
            assert_eq!(keys(&answer), ["users"].into());
            assert_eq!(keys(&answer["users"]), ["ada", "ann"].into());
            assert_eq!(answer["users"]["ann"]["enabled"], false);
            assert_eq!(answer["users"]["ada"]["enabled"], true);
        }
        assert_eq!(keys(&Value::from(app.admin().everybody().await)), ["admin"].into(), "a super admin's own organization");
        world.ada.mlops(ACTIVATE, json!({"email": "ann@acme.example"})).await;
        assert_eq!(world.ada.everybody().await["ann"]["enabled"], true);
    }

    async fn who_may_not_read_users_sees_oneself(app: App) {
        let world = World::new(&app).await;
        assert_eq!(keys(&Value::from(world.ann.everybody().await)), ["ann"].into());
        let asked = world.ann.mlops(QUERY, json!({"user_ids": ["ada", "ann", "nobody"]})).await;
        assert_eq!(asked["users"]["ada"], Value::Null);
        assert_eq!(asked["users"]["nobody"], Value::Null);
        assert_eq!(asked["users"]["ann"]["id"], "ann");
    }

    async fn users_by_id(app: App) {
        let world = World::new(&app).await;
        let made = world.ada.mlops(INVITE, json!({"email": "new@acme.example"})).await;
        let id = made["id"].as_str().unwrap();
        let simple = id.replace('-', "");
        let upper = id.to_uppercase();
        world.ada.create_user(json!({"id": "0190a1b2c3d47e5f8a9b0c1d2e3f4a5b"})).await;
        let own_form = "0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b";
        let asked = json!({"user_ids": ["ann", id, simple, upper, own_form, "eve", "no-body", "", "\u{0}", "ann", "a\"b",
            "00000000-0000-0000-0000-000000000000"]});
        let users = world.ada.mlops(QUERY, asked).await["users"].clone();
        assert_eq!(users["ann"]["id"], "ann");
        for form in [id, &simple, &upper] {
            assert_eq!(users[form]["id"], id, "{form}");
        }
        assert_eq!(users[own_form]["id"], own_form);
        for nobody in ["eve", "no-body", "", "\u{0}", "a\"b", "00000000-0000-0000-0000-000000000000"] {
            assert!(users.as_object().unwrap().contains_key(nobody), "{nobody}");
            assert_eq!(users[nobody], Value::Null, "{nobody}");
        }
        assert_eq!(users.as_object().unwrap().len(), 11);
        assert_eq!(world.ada.mlops(QUERY, json!({"user_ids": []})).await, json!({"users": {}}));
        // A list shows the same ids.
        assert_eq!(world.ada.everybody().await[own_form]["id"], own_form);
    }

    async fn an_id_is_found_in_any_spelling(app: App) {
        let world = World::new(&app).await;
        let (simple, hyphens) = ("0190a1b2c3d47e5f8a9b0c1d2e3f4a5b", "0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b");
        let upper = simple.to_uppercase();
        world.ada.create_user(json!({"id": upper, "firstname": "One"})).await;
        let users = world.ada.mlops(QUERY, json!({"user_ids": [hyphens, simple, upper, "ann"]})).await["users"].clone();
        for id in [simple, hyphens, &upper] {
            assert_eq!((&users[id]["id"], &users[id]["firstName"]), (&json!(hyphens), &json!("One")), "{id}");
            assert_eq!(world.ada.keycloak(&user(id)).await["id"], hyphens);
        }
        assert_eq!(users["ann"]["id"], "ann");
    }

    async fn a_wrong_type_is_refused(app: App) {
        let world = World::new(&app).await;
        for wrong in [json!("ann"), json!({"ann": 1}), json!(7), json!(true), json!([1]), json!(["ann", null]), json!([["ann"]])] {
            let (status, text) = world.ada.mlops_refused(QUERY, json!({"user_ids": wrong})).await;
            assert_eq!(status, 400, "{wrong}");
            assert!(text.contains("user_ids"), "{text}");
        }
    }

    async fn a_body_is_json_whatever_its_type_says(app: App) {
        let world = World::new(&app).await;
        let key = format!("Bearer {}", world.ada.key.clone().unwrap());
        let paths = [QUERY, INVITE, DEACTIVATE, ACTIVATE, super::EDIT];
        for kind in [None, Some("text/plain"), Some("application/x-www-form-urlencoded"), Some("application/json; charset=utf-8"), Some("?")] {
            let mut headers = vec![("authorization", key.as_str())];
            headers.extend(kind.map(|kind| ("content-type", kind)));
            let reply = raw(&app, Method::POST, QUERY, &headers, "{}").await;
            assert_eq!(reply.status, 200, "{kind:?}");
            for body in NO_OBJECTS {
                for path in paths {
                    let reply = raw(&app, Method::POST, path, &headers, *body).await;
                    assert_eq!(reply.status, 400, "{path} {body} {kind:?}");
                    mlops_text(400, &reply.json());
                }
            }
        }
        let headers = [("authorization", key.as_str())];
        for path in paths {
            let deep = format!("{{\"x\": {}1{}}}", "[".repeat(300), "]".repeat(300));
            for body in [deep.into_bytes(), b"{\"email\": \"\xff\"}".to_vec()] {
                assert_eq!(raw(&app, Method::POST, path, &headers, body).await.status, 400, "{path}");
            }
            let large = format!("{{\"email\": \"{}\"}}", "x".repeat(1_100_000));
            let reply = raw(&app, Method::POST, path, &headers, large).await;
            assert_eq!(reply.status, 400, "{path}");
            assert!(mlops_text(400, &reply.json()).contains("too large"));
            for method in [Method::GET, Method::PUT, Method::DELETE, Method::PATCH] {
                let reply = raw(&app, method, path, &headers, "{}").await;
                assert_eq!(reply.status, 405, "{path}");
                assert_eq!(reply.headers["allow"], "POST");
                mlops_text(405, &reply.json());
            }
        }
    }

    async fn a_list_of_more_than_a_stretch_is_whole(app: App) {
        let world = World::new(&app).await;
        many(&app, 1_234).await;
        let everybody = world.ada.everybody().await;
        assert_eq!(everybody.len(), 1_236);
        assert_eq!(everybody["many-1234"]["email"], "many-1234@acme.example");
        assert_eq!(world.ada.keycloak(USERS).await.as_array().unwrap().len(), 1_236);
        // Asked for one by one, those who are there and as many who are not.
        let ids: Vec<String> = (1..=12_000).map(|n| format!("many-{n}")).collect();
        let statements = tenantry::store::db::SENT.scope(Default::default(), async {
            let users = world.ada.mlops(QUERY, json!({"user_ids": ids})).await["users"].clone();
            assert_eq!(users.as_object().unwrap().len(), 12_000);
            for n in [1, 250, 251, 1_234] {
                assert_eq!(users[format!("many-{n}")]["username"], format!("many-{n}@acme.example"));
            }
            assert_eq!(users["many-1235"], Value::Null);
            assert_eq!(users.as_object().unwrap().values().filter(|user| !user.is_null()).count(), 1_234);
            tenantry::store::db::SENT.with(|sent| sent.lock().unwrap().len())
        }).await;
        // For each 250 ids one for the users and two for what stands beside them, and one for the credential, unless it is
        // remembered: for half a second, less than a stretch may take.
        assert!((48 * 3..=48 * 4).contains(&statements), "{statements} statements");
    }

    async fn a_list_costs_the_same_for_two_and_for_hundreds(app: App) {
        let world = World::new(&app).await;
        let count = async || tenantry::store::db::SENT.scope(Default::default(), async {
            world.ada.everybody().await;
            world.ada.keycloak(&format!("{USERS}?email=ann%40acme.example")).await;
            world.ada.keycloak(&user("ann")).await;
            tenantry::store::db::SENT.with(|sent| sent.lock().unwrap().iter().filter(|one| !one.sql.contains("k.digest") && !one.sql.starts_with("UPDATE")).count())
        }).await;
        let few = count().await;
        assert_eq!(few, 7, "a list and a search two, one user three");
        many(&app, 400).await;
        assert_eq!(count().await, few);
    }

    async fn the_configuration_needs_no_credential(app: App) {
        World::new(&app).await;
        for headers in [&[][..], &[("authorization", "Bearer nonsense")], &[("content-type", "application/json")]] {
            let reply = raw(&app, Method::GET, "/v1/api/config", headers, "").await;
            assert_eq!(reply.status, 200);
            assert_eq!(reply.json(), json!({"default_arch": "x86"}));
        }
        let reply = raw(&app, Method::POST, "/v1/api/config", &[], "{}").await;
        assert_eq!(reply.status, 405);
        mlops_text(405, &reply.json());
        for path in ["/v1/api", "/v1/api/", "/v1/api/users", "/v1/api/users/", "/v1/api/users/query/", "/v1/api/users/nothing", "/v1/api/configs"] {
            let reply = raw(&app, Method::POST, path, &[], "{}").await;
            assert_eq!(reply.status, 404, "{path}");
            mlops_text(404, &reply.json());
        }
    }
}

/// So many more users in `acme`, quickly: `many-1` and on.
pub async fn many(app: &App, number: usize) {
    let change = app.services.db.begin().await.unwrap();
    let rows: Vec<String> = (1..=number)
        .map(|n| {
            format!(
                "('many-{n}', (SELECT pk FROM organizations WHERE id = 'acme'), 'many-{n}@acme.example', TRUE, FALSE, 1, {n}, {n})"
            )
        })
        .collect();
    for rows in rows.chunks(200) {
        let sql = format!(
            "INSERT INTO users (id, organization_pk, email, activated, password_temporary, version, created_at, updated_at)
             VALUES {}",
            rows.join(", ")
        );
        change.execute_unprepared(&sql).await.unwrap();
    }
    change.commit().await.unwrap();
}
