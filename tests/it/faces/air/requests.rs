//! Section 1: credentials, bodies, paths and methods; who acts for whom; what the trail tells.

use axum::body::Body;
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, header};
use serde_json::{Value, json};
use tenantry::store::db::SENT;

use super::{GROUPS, ROLES, USERS, get, post, refused, world};
use crate::on_both;
use crate::support::{App, Backend, Caller, Reply, assert_leaks_nothing};

const PASSWORD: &str = "Brass-kettle-27-hums";

/// Every call, with a body that is fine where one is needed.
fn every_call() -> Vec<(Method, String, Option<Value>)> {
    let user = json!({ "email": "new@acme.example", "password": PASSWORD });
    vec![
        (Method::GET, USERS.to_owned(), None),
        (Method::GET, format!("{USERS}?email=ann@acme.example"), None),
        (Method::POST, USERS.to_owned(), Some(user.clone())),
        (Method::GET, format!("{USERS}/ann"), None),
        (Method::PUT, format!("{USERS}/ann"), Some(user)),
        (Method::PATCH, format!("{USERS}/ann"), Some(json!({ "last_name": "X" }))),
        (
            Method::PUT,
            format!("{USERS}/ann/password"),
            Some(json!({ "password": PASSWORD })),
        ),
        (Method::GET, ROLES.to_owned(), None),
        (
            Method::GET,
            format!("{ROLES}/{}", super::role_id(tenantry::model::BuiltIn::User)),
            None,
        ),
        (Method::GET, GROUPS.to_owned(), None),
        (Method::POST, GROUPS.to_owned(), Some(json!({ "name": "Writers" }))),
        (Method::GET, format!("{GROUPS}/EDITORS"), None),
        (Method::PUT, format!("{GROUPS}/EDITORS"), Some(json!({ "name": "X" }))),
        (Method::DELETE, format!("{GROUPS}/EDITORS"), None),
        (Method::GET, "/api/data/v3/users/ann/groups".to_owned(), None),
        (Method::PUT, "/api/data/v3/users/ann/groups/EDITORS".to_owned(), None),
        (Method::DELETE, "/api/data/v3/users/ann/groups/EDITORS".to_owned(), None),
    ]
}

/// A request with this very body, and more or other headers.
async fn raw(
    caller: &Caller<'_>,
    method: &Method,
    path: &str,
    body: impl Into<Body>,
    headers: &[(HeaderName, &str)],
) -> Reply {
    let mut request = caller.request(path, &Value::Null);
    *request.method_mut() = method.clone();
    *request.body_mut() = body.into();
    for (name, value) in headers {
        request.headers_mut().remove(name);
        if !value.is_empty() {
            request
                .headers_mut()
                .insert(name, HeaderValue::from_str(value).unwrap());
        }
    }
    caller.app.send(request).await
}

/// Whether a refusal has this status and the product's form.
fn assert_refused(reply: &Reply, status: u16, what: &str) {
    assert_eq!(reply.status.as_u16(), status, "{what}: {}", reply.body);
    let text = reply.json()["error"].as_str().unwrap_or_default().to_owned();
    assert!(!text.is_empty(), "{what}: {}", reply.body);
    assert_eq!(reply.json(), json!({ "error": text }), "{what}");
    assert_leaks_nothing(&reply.body);
}

on_both! {
    async fn no_call_is_answered_without_a_credential_in_force(app: App) {
        let (ada, ann) = world(&app).await;
        post(&ada, GROUPS, json!({ "name": "Editors" })).await;
        let ended = app.key_of("ada").await;
        app.user("acme", "off", Some("organization-admin")).await;
        let disabled = app.key_of("off").await;
        ada.ok("mutation { deactivateUser(where: {id: \"off\"}) { id } }", json!({})).await;
        ended.ok("{ me { id } }", json!({})).await;
        let revoke = "mutation($name: String!) { revokeApiKeys(names: [$name]) { id } }";
        let names = ended.ok("{ apiKeys(orderBy: CREATED_AT_DESC) { name } }", json!({})).await;
        for key in names["apiKeys"].as_array().unwrap() {
            ended.send(revoke, json!({ "name": key["name"] })).await;
        }
        let before = app.dump().await;
        for (method, path, body) in every_call() {
            let body = body.map(|body| body.to_string()).unwrap_or_default();
            let what = format!("{method} {path}");
            for caller in [&app.anonymous(), &app.key("tnt_nonsense"), &app.key("x"), &app.key("eyJx.y.z"), &ended, &disabled] {
                let reply = raw(caller, &method, &path, body.clone(), &[]).await;
                assert_refused(&reply, 401, &what);
                assert_eq!(reply.headers[header::WWW_AUTHENTICATE], "Bearer", "{what}");
                // Before the body is looked at.
                assert_refused(&raw(caller, &method, &path, "{", &[]).await, 401, &what);
            }
            for value in ["Basic eDp5", "Bearer", "Bearer ", "nonsense"] {
                assert_refused(&raw(&app.anonymous(), &method, &path, body.clone(), &[(header::AUTHORIZATION, value)]).await, 401, &what);
            }
        }
        assert_eq!(before, app.dump().await);
        assert_eq!(get(&ann, &format!("{USERS}/ann")).await["id"], "ann");
    }

    async fn every_credential_of_the_server_opens_every_call(app: App) {
        let (ada, _) = world(&app).await;
        let session = app.sign_in("acme", "ada").await;
        let seen = get(&ada, USERS).await;
        assert_eq!(get(&app.key(&session.access), USERS).await, seen);
        let key = format!("X-API-Key: {}", ada.key.as_deref().unwrap());
        let reply = raw(&ada, &Method::GET, USERS, "", &[(header::AUTHORIZATION, &key)]).await;
        assert_eq!((reply.status, reply.json()), (StatusCode::OK, seen));
    }

    async fn a_body_is_an_object_whatever_its_content_type(app: App) {
        let (ada, ann) = world(&app).await;
        post(&ada, GROUPS, json!({ "name": "Editors" })).await;
        let before = app.dump().await;
        let deep = format!("{{\"x\":{}{}}}", "[".repeat(5_000), "]".repeat(5_000));
        for (method, path, body) in every_call() {
            let Some(fine) = body else { continue };
            let caller = if path.ends_with("password") { &ann } else { &ada };
            let what = format!("{method} {path}");
            for wrong in [
                "", " ", "{", "}", "null", "[]", "[{}]", "7", "\"x\"", "true", "{\"email\": NaN}", "{\"email\": \"\\ud800\"}", "{'name': 'x'}",
                "{\"name\": \"x\",}", "{\"name\": \"x\"} {}", "\u{feff}{}", "email=x", "<x/>", &deep,
            ] {
                assert_refused(&raw(caller, &method, &path, wrong.to_owned(), &[]).await, 400, &format!("{what} {wrong:.40}"));
            }
            assert_refused(&raw(caller, &method, &path, vec![b'{', 0xFF, b'}'], &[]).await, 400, &what);
            let large = json!({ "x": "x".repeat(1024 * 1024), "email": "new@acme.example" }).to_string();
            assert_refused(&raw(caller, &method, &path, large, &[]).await, 413, &what);
            assert_eq!(before, app.dump().await, "{what}");
            drop(fine);
        }
        for (number, content_type) in ["", "application/x-www-form-urlencoded", "text/plain", "multipart/form-data", "nonsense"].into_iter().enumerate() {
            let body = json!({ "name": format!("Group {number}") }).to_string();
            let reply = raw(&ada, &Method::POST, GROUPS, body, &[(header::CONTENT_TYPE, content_type), (header::ACCEPT, "text/html")]).await;
            assert_eq!(reply.status, StatusCode::CREATED, "{content_type}: {}", reply.body);
            assert_eq!(reply.json()["id"], format!("GROUP_{number}"));
        }
        // Of a key that stands twice the last counts, and escapes are read.
        let reply = raw(&ada, &Method::POST, GROUPS, "{\"name\": 1, \"na\\u006de\": \"\\u00e9\\ud83c\\udf89\"}", &[]).await;
        assert_eq!(reply.json()["id"], "É");
    }

    async fn unknown_paths_and_methods_are_refused(app: App) {
        let (ada, _) = world(&app).await;
        for path in [
            "/api/data", "/api/data/", "/api/data/v3", "/api/data/user", "/api/data/users/", "/api/data/users/ann/",
            "/api/data/users/ann/groups", "/api/data/v3/users", "/api/data/v3/users/ann", "/api/data/groups", "/api/data/v3/roles",
            "/api/data/v3/groups/", "/api/data/v3/groups/X/users", "/api/data/api-keys", "/api/data/v3/users/ann/groups/", "/api/data/%FF", "/api/data/v2/groups",
        ] {
            for method in [Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE] {
                refused(&ada, 404, method, path, None).await;
            }
        }
        let known: &[(&str, &[&str])] = &[
            ("/api/data/users", &["GET", "HEAD", "POST"]),
            ("/api/data/users/ann", &["GET", "HEAD", "PUT", "PATCH"]),
            ("/api/data/users/ann/password", &["PUT"]),
            ("/api/data/roles", &["GET", "HEAD"]),
            ("/api/data/roles/x", &["GET", "HEAD"]),
            ("/api/data/v3/groups", &["GET", "HEAD", "POST"]),
            ("/api/data/v3/groups/X", &["GET", "HEAD", "PUT", "DELETE"]),
            ("/api/data/v3/users/ann/groups", &["GET", "HEAD"]),
            ("/api/data/v3/users/ann/groups/X", &["PUT", "DELETE"]),
        ];
        for (path, methods) in known {
            for method in ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PURGE"] {
                if methods.contains(&method) {
                    continue;
                }
                let method = Method::from_bytes(method.as_bytes()).unwrap();
                let reply = ada.rest(method.clone(), path, None).await;
                assert_eq!(reply.status, StatusCode::METHOD_NOT_ALLOWED, "{method} {path}");
                let mut allowed: Vec<&str> = reply.headers[header::ALLOW].to_str().unwrap().split(',').map(str::trim).collect();
                let mut expected = methods.to_vec();
                allowed.sort_unstable();
                expected.sort_unstable();
                assert_eq!(allowed, expected, "{method} {path}");
                if method != Method::HEAD {
                    assert_refused(&reply, 405, path);
                }
            }
        }
        let head = ada.rest(Method::HEAD, USERS, None).await;
        assert_eq!((head.status, head.body.as_str()), (StatusCode::OK, ""));
    }

    async fn whoever_acts_for_another_has_the_others_rights(app: App) {
        let (ada, ann) = world(&app).await;
        let header = HeaderName::from_static("x-tenantry-impersonate-user");
        let as_ann = [(header.clone(), "ann")];
        let own = raw(&ada, &Method::GET, &format!("{USERS}/ann"), "", &as_ann).await;
        assert_eq!((own.status, own.json()), (StatusCode::OK, get(&ann, &format!("{USERS}/ann")).await));
        let before = app.dump().await;
        let body = json!({ "email": "new@acme.example", "password": PASSWORD }).to_string();
        assert_refused(&raw(&ada, &Method::POST, USERS, body, &as_ann).await, 401, "as ann");
        // No password changes inside.
        let body = json!({ "password": PASSWORD }).to_string();
        assert_refused(&raw(&ada, &Method::PUT, &format!("{USERS}/ann/password"), body, &as_ann).await, 401, "as ann");
        // A header that cannot be honoured fails the call.
        for (caller, id, status) in [(&ada, "gil", 404), (&ada, "unknown", 404), (&ada, "admin", 404), (&ann, "ada", 401)] {
            let reply = raw(caller, &Method::GET, USERS, "", &[(header.clone(), id)]).await;
            assert_refused(&reply, status, id);
        }
        assert_eq!(before, app.dump().await);
    }

    async fn refusals_are_noted_under_the_name_of_the_verb(app: App) {
        let (ada, ann) = world(&app).await;
        refused(&ann, 401, Method::GET, ROLES, None).await;
        refused(&ann, 401, Method::GET, ROLES, None).await;
        refused(&ann, 401, Method::PUT, "/api/data/v3/users/ann/groups/EDITORS", None).await;
        refused(&ada, 404, Method::GET, &format!("{USERS}/unknown"), None).await;
        // A refused impersonation is noted once, by its own name.
        let as_ada = [(HeaderName::from_static("x-tenantry-impersonate-user"), "ada")];
        assert_refused(&raw(&ann, &Method::GET, USERS, "", &as_ada).await, 401, "as ada");
        app.services.refusals.flush(&app.services.db, app.services.clock.now(), true).await.unwrap();
        let told: Vec<String> = app.column("SELECT action || ' ' || actor_id || ' ' || count FROM audit_events WHERE refused ORDER BY action").await;
        assert_eq!(told, ["group.addUser ann 1", "role.read ann 2", "user.impersonate ann 1"]);
    }

    async fn each_call_costs_so_many_statements(app: App) {
        let (ada, _) = world(&app).await;
        post(&ada, GROUPS, json!({ "name": "Editors" })).await;
        let cases: &[(&str, usize)] = &[
            (USERS, 2), ("/api/data/users?email=ann@acme.example", 2), ("/api/data/users/ann", 2), (ROLES, 1), (GROUPS, 1),
            ("/api/data/v3/groups/EDITORS", 1), ("/api/data/v3/users/ann/groups", 2),
        ];
        for (path, expected) in cases {
            let sent = SENT.scope(Default::default(), async {
                get(&ada, path).await;
                SENT.with(|sent| sent.lock().unwrap().clone())
            }).await;
            let sent: Vec<&str> = sent.iter().map(|one| one.sql.as_str()).filter(|sql| !sql.contains("k.digest") && !sql.starts_with("UPDATE")).collect();
            assert_eq!(sent.len(), *expected, "{path}: {sent:#?}");
        }
    }
}

#[tokio::test]
async fn a_database_that_does_not_answer_is_no_answer_of_ours() {
    let app = App::new(Backend::Sqlite).await;
    let (ada, _) = world(&app).await;
    get(&ada, USERS).await;
    app.services.db.clone().close().await;
    for path in [USERS, ROLES, GROUPS, "/api/data/users/ann"] {
        let reply = raw(&ada, &Method::GET, path, "", &[]).await;
        assert!([500, 503].contains(&reply.status.as_u16()), "{reply:?}");
        assert_refused(&reply, reply.status.as_u16(), path);
    }
}
