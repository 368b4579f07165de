//! Keycloak's admin users.

use axum::http::Method;
use serde_json::{Value, json};

use super::{NO_OBJECTS, USERS, World, keycloak_text, raw, seats, user};
use crate::on_both;
use crate::support::App;
use crate::support::session::code_of;

fn ids(users: &Value) -> Vec<&str> {
    users
        .as_array()
        .unwrap()
        .iter()
        .map(|user| user["id"].as_str().unwrap())
        .collect()
}

on_both! {
    async fn an_address_is_searched_whole(app: App) {
        let world = World::new(&app).await;
        app.user("acme", "joann", Some("user")).await;
        world.ada.create_user(json!({"id": "plus", "email": "a+b@acme.example"})).await;
        let search = async |email: &str| world.ada.keycloak(&format!("{USERS}?email={email}")).await;
        for (email, found) in [
            ("ann%40acme.example", vec!["ann"]), ("ann@acme.example", vec!["ann"]), ("ANN%40Acme.Example", vec!["ann"]),
            ("a%2Bb%40acme.example", vec!["plus"]), ("a+b%40acme.example", vec![]),
            ("nn%40acme.example", vec![]), ("ann", vec![]), ("acme.example", vec![]), ("%25", vec![]), ("", vec![]), ("%00", vec![]), ("%ff", vec![]),
            ("eve%40evil.example", vec![]), ("nobody%40acme.example", vec![]),
        ] {
            let answer = search(email).await;
            assert_eq!(ids(&answer), found, "{email}");
        }
        assert_eq!(ids(&world.ada.keycloak(USERS).await), ["ada", "ann", "joann", "plus"]);
        assert_eq!(ids(&app.admin().keycloak(USERS).await), ["admin"]);
        assert_eq!(app.admin().keycloak(&format!("{USERS}?email=ann%40acme.example")).await, json!([]), "another organization");
        assert_eq!(ids(&world.ann.keycloak(USERS).await), ["ann"], "who may not read users sees oneself");
        assert_eq!(world.ann.keycloak(&format!("{USERS}?email=ada%40acme.example")).await, json!([]));
        assert!(search("ann%40acme.example").await[0].get("federatedIdentities").is_none());
    }

    async fn one_user_is_read(app: App) {
        let world = World::new(&app).await;
        let ann = world.ada.keycloak(&user("ann")).await;
        assert_eq!((&ann["id"], &ann["federatedIdentities"]), (&json!("ann"), &json!([])));
        let made = world.ada.mlops(super::INVITE, json!({"email": "new@acme.example"})).await["id"].as_str().unwrap().to_owned();
        for form in [made.clone(), made.replace('-', ""), made.to_uppercase()] {
            assert_eq!(world.ada.keycloak(&user(&form)).await["id"], made, "{form}");
        }
        world.ada.create_user(json!({"id": "a b/c"})).await;
        assert_eq!(world.ada.keycloak(&user("a%20b%2Fc")).await["id"], "a b/c");
        for unknown in ["nobody", "eve", "00000000-0000-0000-0000-000000000000", "%00", "%ff", "%20"] {
            for caller in [&world.ada, &app.admin()] {
                let refused = caller.keycloak_refused(Method::GET, &user(unknown), None).await;
                assert_eq!(refused, (404, "User not found".to_owned()), "{unknown}");
            }
        }
        // Without the permission to read users: oneself, and nobody else, whether or not there is one.
        assert_eq!(world.ann.keycloak(&user("ann")).await["id"], "ann");
        let texts: Vec<_> = [
            world.ann.keycloak_refused(Method::GET, &user("ada"), None).await,
            world.ann.keycloak_refused(Method::GET, &user("nobody"), None).await,
            world.ann.keycloak_refused(Method::GET, &user("eve"), None).await,
        ].into();
        assert!(texts.iter().all(|refused| refused.0 == 403 && *refused == texts[0]), "{texts:?}");
    }

    async fn what_was_read_can_be_written_back(app: App) {
        let world = World::new(&app).await;
        world.ada.update_user("ann", json!({"firstname": "Ann", "lastname": "Lee",
            "federatedIdentities": [{"identityProvider": "google", "userId": "g", "userName": "u"}], "variables": {"a": 1}})).await;
        let tokens = app.sign_in("acme", "ann").await;
        let read = world.ada.keycloak(&user("ann")).await;
        let before = app.admin().read_user("ann").await;
        world.ada.put("ann", read.clone()).await;
        assert_eq!(app.admin().read_user("ann").await, before, "written back as it was, nothing changes");
        let mut off = read.clone();
        off["enabled"] = json!(false);
        world.ada.put("ann", off).await;
        let after = world.ada.keycloak(&user("ann")).await;
        let mut expected = read.clone();
        expected["enabled"] = json!(false);
        expected["access"]["impersonate"] = json!(false);
        assert_eq!(without_login(after), without_login(expected));
        for gone in [&world.ann, &app.key(&tokens.access)] {
            assert_eq!(gone.keycloak_refused(Method::GET, USERS, None).await, (401, "HTTP 401 Unauthorized".to_owned()));
        }
        assert_eq!(code_of(&app.try_refresh(&tokens.refresh).await), "UNAUTHENTICATED");
        world.ada.put("ann", read).await;
        assert_eq!(app.admin().read_user("ann").await["variables"], json!({"a": 1}));
        assert_eq!(ids(&world.ann.keycloak(USERS).await), ["ann"]);
    }

    async fn only_what_is_named_changes(app: App) {
        let world = World::new(&app).await;
        world.ada.update_user("ann", json!({"firstname": "Ann", "lastname": "Lee"})).await;
        let names = async || {
            let user = app.admin().read_user("ann").await;
            [user["firstname"].clone(), user["lastname"].clone(), user["email"].clone(), user["activated"].clone()]
        };
        world.ada.put("ann", json!({})).await;
        assert_eq!(names().await, ["Ann".into(), "Lee".into(), "ann@acme.example".into(), json!(true)]);
        world.ada.put("ann", json!({"firstName": "Anna", "lastName": null, "email": null, "enabled": null})).await;
        assert_eq!(names().await, ["Anna".into(), "Lee".into(), "ann@acme.example".into(), json!(true)]);
        world.ada.put("ann", json!({"lastName": "", "email": "Anna@Acme.Example"})).await;
        assert_eq!(names().await, ["Anna".into(), Value::Null, "anna@acme.example".into(), json!(true)]);
        let shown = world.ada.keycloak(&user("ann")).await;
        assert_eq!((&shown["username"], shown.get("lastName")), (&json!("anna@acme.example"), None));
        // What only the server writes is not looked at, whatever its type.
        let before = app.dump().await;
        world.ada.put("ann", json!({"id": "other", "username": 7, "createdTimestamp": "x", "access": null, "notBefore": [], "federatedIdentities": 1,
            "requiredActions": ["VERIFY_EMAIL"], "realmRoles": ["admin"], "emailVerified": "yes", "attributes": {"a": ["b"]}, "credentials": [{"value": "p"}]})).await;
        assert_eq!(app.dump().await, before);
    }

    async fn a_change_that_cannot_be(app: App) {
        let world = World::new(&app).await;
        let put = async |id: &str, body: Value| world.ada.keycloak_refused(Method::PUT, &user(id), Some(&body)).await;
        for (field, wrong) in [("enabled", json!("false")), ("enabled", json!(0)), ("enabled", json!([])), ("firstName", json!(7)), ("firstName", json!({})),
            ("lastName", json!(true)), ("lastName", json!(["x"])), ("email", json!(7)), ("email", json!(["x@acme.example"])),
            ("email", json!("x")), ("email", json!("")), ("firstName", json!("x\u{0}")), ("lastName", json!("x".repeat(256)))] {
            assert_eq!(put("ann", json!({field: wrong})).await.0, 400, "{field} {wrong}");
        }
        for taken in ["ada@acme.example", "ADA@acme.example"] {
            assert_eq!(put("ann", json!({"email": taken, "enabled": false})).await, (409, "User exists with same email".to_owned()), "{taken}");
        }
        for unknown in ["nobody", "eve", "00000000-0000-0000-0000-000000000000", "%00", "%ff"] {
            assert_eq!(put(unknown, json!({"enabled": false})).await, (404, "User not found".to_owned()), "{unknown}");
        }
        assert_eq!(put("ada", json!({"enabled": false})).await.0, 400, "oneself");
        for id in ["ann", "ada", "nobody"] {
            let refused = world.ann.keycloak_refused(Method::PUT, &user(id), Some(&json!({"firstName": "x"}))).await;
            assert_eq!(refused.0, 403, "an ordinary user may at most read: {id}");
        }
        let super_admin = app.admin().keycloak_refused(Method::PUT, &user("ann"), Some(&json!({"enabled": false}))).await;
        assert_eq!(super_admin.0, 404, "inside the own organization only");
        app.admin().create_user(json!({"id": "boss", "organizationId": "acme", "roles": ["super-admin"]})).await;
        assert_eq!(put("boss", json!({"enabled": false})).await.0, 403, "beyond one's own permissions");
        seats(&app, "acme", 1).await;
        world.ada.put("ann", json!({"enabled": false})).await;
        let (status, text) = put("ann", json!({"enabled": true})).await;
        assert_eq!(status, 403);
        assert!(text.contains("seats"), "{text}");
    }

    async fn bodies_methods_and_paths(app: App) {
        let world = World::new(&app).await;
        let key = format!("Bearer {}", world.ada.key.clone().unwrap());
        let headers = [("authorization", key.as_str()), ("content-type", "application/json")];
        for path in [USERS.to_owned(), user("ann")] {
            for body in ["", "{", "null"] {
                assert_eq!(raw(&app, Method::GET, &path, &headers, body).await.status, 200, "a body of a GET is not looked at");
            }
        }
        for body in NO_OBJECTS {
            let reply = raw(&app, Method::PUT, &user("ann"), &headers[..1], *body).await;
            assert_eq!(reply.status, 400, "{body}");
            keycloak_text(400, &reply.json());
        }
        assert_eq!(raw(&app, Method::PUT, &user("ann"), &headers[..1], "{}").await.status, 204, "without a type");
        let large = format!("{{\"firstName\": \"{}\"}}", "x".repeat(1_100_000));
        let reply = raw(&app, Method::PUT, &user("ann"), &headers, large).await;
        assert_eq!(reply.status, 413);
        keycloak_text(413, &reply.json());
        for (method, path, allowed) in [(Method::POST, USERS.to_owned(), "GET,HEAD"), (Method::DELETE, user("ann"), "GET,HEAD,PUT"), (Method::POST, user("ann"), "GET,HEAD,PUT")] {
            let reply = raw(&app, method, &path, &headers, "{}").await;
            assert_eq!(reply.status, 405);
            assert_eq!(reply.headers["allow"], allowed);
            keycloak_text(405, &reply.json());
        }
        for path in ["/auth", "/auth/admin", "/auth/admin/realms/other/users", "/auth/admin/realms/other/users/ann", "/auth/admin/realms/master/users/", "/auth/admin/realms/master/users/ann/groups"] {
            let reply = raw(&app, Method::GET, path, &headers, "").await;
            assert_eq!(reply.status, 404, "{path}");
            keycloak_text(404, &reply.json());
        }
    }
}

/// When somebody was last seen moves on by itself.
fn without_login(mut user: Value) -> Value {
    user.as_object_mut().unwrap().remove("lastLogin");
    user
}
