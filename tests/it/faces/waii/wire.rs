//! Sections 1 to 3: requests, answers, refusals, and in which order things are refused.

use axum::body::Body;
use axum::http::{Method, Request, header};
use serde_json::json;

use super::{HEADER, calls, detail, impersonating, refusal_of, with_company, world};
use crate::on_both;
use crate::support::{App, Caller, Reply};

fn raw(caller: &Caller<'_>, name: &str, content_type: Option<&str>, body: impl Into<Body>) -> Request<Body> {
    let mut request = Request::builder().method(Method::POST).uri(format!("/api/{name}"));
    if let Some(content_type) = content_type {
        request = request.header(header::CONTENT_TYPE, content_type);
    }
    if let Some(key) = &caller.key {
        request = request.header(header::AUTHORIZATION, format!("Bearer {key}"));
    }
    request.body(body.into()).unwrap()
}

async fn sent(caller: &Caller<'_>, name: &str, body: impl Into<Body>) -> Reply {
    caller.app.send(raw(caller, name, Some("application/json"), body)).await
}

on_both! {
    async fn every_call_needs_a_key_in_force(app: App) {
        world(&app).await;
        let revoked = app.key_of("bob").await;
        let names = revoked.waii("list-access-keys", json!({})).await["access_keys"][0]["name"].clone();
        revoked.waii("delete-access-keys", json!({ "names": [names] })).await;
        let deactivated = app.user("acme", "deactivated", Some("super-admin")).await;
        app.admin().ok(r#"mutation { deactivateUser(where: {id: "deactivated"}) { id } }"#, json!({})).await;
        let deleted = app.user("acme", "deleted", Some("super-admin")).await;
        app.admin().waii("delete-user", json!({ "id": "deleted" })).await;
        let unknown = app.key("no-key-that-anybody-has-0123456789");
        let before = app.dump().await;
        let mut details = std::collections::BTreeSet::new();
        for (name, body) in calls() {
            for caller in [&app.anonymous(), &unknown, &revoked, &deactivated, &deleted] {
                let reply = app.send(caller.waii_request(name, &body)).await;
                let (status, detail) = refusal_of(&reply);
                assert_eq!(status, 401, "{name}");
                assert_eq!(reply.headers[header::WWW_AUTHENTICATE], "Bearer");
                details.insert((caller.key.is_some(), detail));
            }
        }
        // One text for no key, one for whatever is wrong with a key.
        assert_eq!(details.len(), 2, "{details:?}");
        // No scheme, another one, and a name without a key.
        for credential in ["", "Bearer", "Bearer ", "Basic YTpi", "nonsense", "\u{fe}"] {
            let mut request = app.anonymous().waii_request("get-user-info", &json!({}));
            let value = header::HeaderValue::from_bytes(credential.as_bytes()).unwrap();
            request.headers_mut().insert(header::AUTHORIZATION, value);
            assert_eq!(refusal_of(&app.send(request).await).0, 401, "{credential}");
        }
        assert_eq!(before, app.dump().await);
    }

    async fn a_body_is_one_json_object_whatever_is_said_of_it(app: App) {
        world(&app).await;
        let admin = app.admin();
        let before = app.dump().await;
        let deep = format!("{{\"updated\":{}1{}}}", "[".repeat(200), "]".repeat(200));
        let bad: [&[u8]; 14] = [
            b"", b" ", b"null", b"[]", b"1", b"\"text\"", b"{", b"{} {}", b"{\"a\":NaN}", b"{\"a\":-Infinity}",
            b"{\"a\":\"\\ud800\"}", b"{\"\\udfff\":1}", b"\xff\xfe{}", deep.as_bytes(),
        ];
        for (name, _) in calls() {
            for body in bad {
                let (status, _) = refusal_of(&sent(&admin, name, body.to_vec()).await);
                assert_eq!(status, 400, "{name} {}", String::from_utf8_lossy(body));
            }
            let large = format!("{{\"a\":\"{}\"}}", "x".repeat(1024 * 1024));
            assert_eq!(refusal_of(&sent(&admin, name, large).await).0, 413, "{name}");
            for method in [Method::GET, Method::PUT, Method::PATCH, Method::DELETE, Method::OPTIONS] {
                let reply = admin.rest(method.clone(), &format!("/api/{name}"), None).await;
                assert_eq!(refusal_of(&reply).0, 405, "{method} {name}");
            }
            // Never a redirect: the client would turn the POST into a GET and take it for done.
            for path in [format!("/api/{name}/"), format!("/api//{name}"), format!("/api{name}")] {
                let reply = admin.rest(Method::POST, &path, Some(&json!({}))).await;
                assert_eq!(reply.status.as_u16(), 404, "{path}");
                if path.starts_with("/api/") {
                    detail(&reply.json());
                }
            }
        }
        assert_eq!(before, app.dump().await);
        // JSON is JSON, whatever the content type says.
        for content_type in [None, Some("text/plain"), Some("application/json; charset=utf-8"), Some("multipart/form-data")] {
            let request = raw(&admin, "get-user-info", content_type, " {\"unknown\": [1, {\"a\": null}]} ");
            assert_eq!(app.send(request).await.json()["id"], "admin");
        }
    }

    async fn fields_of_a_wrong_type_or_form_are_refused(app: App) {
        world(&app).await;
        let admin = app.admin();
        let user = |more: serde_json::Value| {
            let mut user = json!({"id": "new", "name": null, "tenant_id": "berlin", "org_id": "acme", "variables": null, "roles": []});
            user.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            json!({ "user": user })
        };
        let wrong = [json!(1), json!(true), json!([]), json!({}), json!(["a"])];
        let mut cases = vec![
            ("create-key", json!({})), ("create-key", json!({"name": null})), ("create-key", json!({"name": ""})),
            ("create-key", json!({"name": " "})), ("create-key", json!({"name": "x".repeat(256)})), ("create-key", json!({"name": "a\u{0}"})),
            ("delete-access-keys", json!({})), ("delete-access-keys", json!({"names": null})), ("delete-access-keys", json!({"names": "k"})),
            ("delete-access-keys", json!({"names": [null]})), ("delete-access-keys", json!({"names": ["k", 1]})),
            ("update-config", json!({"updated": [1]})), ("update-config", json!({"updated": "x"})), ("update-config", json!({"deleted": {}})),
            ("update-config", json!({"updated": {"ok": 1}, "deleted": [1]})),
        ];
        for (name, thing) in [("create-org", "organization"), ("update-org", "organization"), ("create-tenant", "tenant"),
            ("update-tenant", "tenant"), ("create-user", "user"), ("update-user", "user")] {
            for value in [json!(null), json!(1), json!([]), json!("text"), json!({})] {
                cases.push((name, json!({ thing: value })));
            }
            cases.push((name, json!({})));
        }
        for (name, existing) in [("create-org", "o"), ("update-org", "globex"), ("delete-org", "globex")] {
            for id in bad_ids() {
                cases.push((name, json!({"id": id, "organization": {"id": id, "name": "N"}})));
            }
            for value in &wrong {
                cases.push((name, json!({"id": value, "organization": {"id": value, "name": "N"}})));
                if name != "delete-org" {
                    cases.push((name, json!({"organization": {"id": existing, "name": value}})));
                }
            }
            for variables in [json!([]), json!("x"), json!(1), json!({"a": "\u{0}"})] {
                if name != "delete-org" {
                    cases.push((name, json!({"organization": {"id": existing, "name": "N", "variables": variables}})));
                }
            }
        }
        for (name, existing) in [("create-tenant", "t"), ("update-tenant", "rome"), ("delete-tenant", "rome")] {
            for id in bad_ids() {
                cases.push((name, json!({"id": id, "tenant": {"id": id, "name": "N", "org_id": "globex"}})));
                if name != "delete-tenant" && !id.is_empty() {
                    cases.push((name, json!({"tenant": {"id": existing, "name": "N", "org_id": id}})));
                }
            }
            for value in &wrong {
                cases.push((name, json!({"id": value, "tenant": {"id": value, "name": "N"}})));
                if name != "delete-tenant" {
                    cases.push((name, json!({"tenant": {"id": existing, "name": value}})));
                    cases.push((name, json!({"tenant": {"id": existing, "name": "N", "org_id": value}})));
                }
            }
        }
        for name in ["create-user", "update-user"] {
            let existing = if name == "create-user" { "new" } else { "bob" };
            for id in bad_ids() {
                cases.push((name, user(json!({"id": id}))));
                if !id.is_empty() {
                    cases.push((name, user(json!({"id": existing, "tenant_id": id}))));
                    cases.push((name, user(json!({"id": existing, "org_id": id}))));
                }
            }
            for value in &wrong {
                for field in ["id", "name", "tenant_id", "org_id"] {
                    cases.push((name, user(json!({"id": existing}).as_object().map(|it| {
                        let mut it = it.clone();
                        it.insert(field.to_owned(), value.clone());
                        it.into()
                    }).unwrap())));
                }
            }
            for roles in [json!("waii-user"), json!({}), json!([1]), json!([null]), json!(["waii-user", "no such role"]), json!(["a\u{0}"]),
                json!(["WAII-USER"]), json!([""]), json!(["super-admin"]), json!(["api-user"])] {
                cases.push((name, user(json!({"id": existing, "roles": roles}))));
            }
            for field in [json!({"name": "x".repeat(256)}), json!({"name": "a\u{0}"}), json!({"variables": []}), json!({"variables": {"\u{0}": 1}})] {
                let mut field = field;
                field["id"] = existing.into();
                cases.push((name, user(field)));
            }
        }
        // The product knows no user outside a tenant.
        for tenant in [json!(null), json!("")] {
            cases.push(("create-user", user(json!({"tenant_id": tenant}))));
        }
        for id in bad_ids() {
            cases.push(("delete-user", json!({"id": id})));
            if !id.is_empty() {
                for lookup in ["lookup_org_id", "lookup_tenant_id", "lookup_user_id"] {
                    cases.push(("list-users", json!({ lookup: id })));
                }
                cases.push(("list-tenants", json!({"lookup_org_id": id})));
            }
        }
        for value in &wrong {
            cases.push(("delete-user", json!({"id": value})));
            for lookup in ["lookup_org_id", "lookup_tenant_id", "lookup_user_id"] {
                cases.push(("list-users", json!({ lookup: value })));
            }
            cases.push(("list-tenants", json!({"lookup_org_id": value})));
        }
        for name in ["delete-org", "delete-tenant", "delete-user"] {
            cases.push((name, json!({})));
            cases.push((name, json!({"id": null})));
        }
        let before = app.dump().await;
        for (name, body) in cases {
            // The client's own fields, of wrong types too, are never looked at.
            let mut body = with_company(body);
            body["org_id"] = json!(5);
            let reply = app.send(admin.request(&format!("/api/{name}"), &body)).await;
            assert_eq!(refusal_of(&reply).0, 400, "{name} {body}: {reply:?}");
        }
        assert_eq!(before, app.dump().await);
    }

    /// The key, the body, whom it is for, the role, the fields.
    async fn refusals_have_an_order(app: App) {
        let ada = world(&app).await;
        app.admin().create_user(json!({"id": "nil", "organizationId": "acme"})).await;
        let nil = app.key_of("nil").await;
        let unknown = app.key("no-key-that-anybody-has-0123456789");
        let guarded: Vec<&str> = calls().into_iter().map(|(name, _)| name).filter(|name| {
            !["update-db-connect-info", "get-user-info", "update-config", "list-access-keys", "delete-access-keys", "create-user-secret"].contains(name)
        }).collect();
        for (name, body) in calls() {
            // All wrong: the key is told first.
            let request = impersonating(raw(&unknown, name, None, "{"), "nobody");
            assert_eq!(refusal_of(&app.send(request).await).0, 401, "{name}");
            // Then the body, though nil may impersonate nobody and nobody is there.
            let request = impersonating(raw(&nil, name, None, "{"), "nobody");
            assert_eq!(refusal_of(&app.send(request).await).0, 400, "{name}");
            // Then whom it is for, though the fields are wrong.
            for (caller, status) in [(&nil, 403), (&ada, 403), (&app.admin(), 404)] {
                let request = impersonating(raw(caller, name, None, "{\"user\": 1, \"name\": 1, \"names\": 1}"), "nobody");
                assert_eq!(refusal_of(&app.send(request).await).0, status, "{name}");
            }
            // Then the role, though the fields are wrong or what they name is not there.
            if guarded.contains(&name) {
                for wrong in ["{}", "{\"user\": 1, \"tenant\": [], \"organization\": \"o\", \"id\": 7, \"name\": {}, \"lookup_org_id\": 1}"] {
                    assert_eq!(refusal_of(&sent(&nil, name, wrong).await).0, 403, "{name}");
                }
                assert_eq!(nil.waii_status(name, body).await, 403, "{name}");
            }
        }
    }

    async fn a_thousand_calls_and_wrong_keys_lock_nobody_out(app: App) {
        world(&app).await;
        let bob = app.key_of("bob").await;
        let wrong = app.key("no-key-that-anybody-has-0123456789");
        let requests = (0..1_000).map(|n| {
            let caller = if n % 50 == 7 { &wrong } else { &bob };
            caller.waii_request("get-user-info", &json!({}))
        });
        let answers = app.at_once(requests).await;
        let (refused, served): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer["detail"].is_string());
        assert_eq!((refused.len(), served.len()), (20, 980));
        assert!(served.iter().all(|answer| answer["id"] == "bob"));
        let reply = app.send(bob.waii_request("get-user-info", &json!({}))).await;
        assert_eq!(reply.status.as_u16(), 200);
        assert_eq!(refusal_of(&app.send(wrong.waii_request("get-user-info", &json!({}))).await).0, 401);
    }

    async fn a_refusal_names_what_it_is_about(app: App) {
        world(&app).await;
        let admin = app.admin();
        let long = "x".repeat(255);
        for (name, body, named) in [
            ("create-org", json!({"organization": {"id": "acme", "name": "N"}}), "acme"),
            ("update-org", json!({"organization": {"id": long, "name": "N"}}), long.as_str()),
            ("delete-org", json!({"id": "nowhere"}), "nowhere"),
            ("delete-org", json!({"id": "acme"}), "acme"),
            ("create-tenant", json!({"tenant": {"id": "rome", "name": "N"}}), "rome"),
            ("create-tenant", json!({"tenant": {"id": "t", "name": "N", "org_id": "nowhere"}}), "nowhere"),
            ("update-tenant", json!({"tenant": {"id": "nowhere", "name": "N"}}), "nowhere"),
            ("update-tenant", json!({"tenant": {"id": "rome", "name": "N", "org_id": "acme"}}), "acme"),
            ("delete-tenant", json!({"id": long}), long.as_str()),
            ("delete-tenant", json!({"id": "berlin"}), "berlin"),
            ("create-user", json!({"user": {"id": "bob", "tenant_id": "berlin"}}), "bob"),
            ("create-user", json!({"user": {"id": "u", "tenant_id": long}}), long.as_str()),
            ("create-user", json!({"user": {"id": "u", "tenant_id": "rome", "org_id": "acme"}}), "rome"),
            ("create-user", json!({"user": {"id": "u", "tenant_id": "rome", "org_id": "nowhere"}}), "nowhere"),
            ("create-user", json!({"user": {"id": "u", "tenant_id": "rome", "roles": ["no-such-role"]}}), "no-such-role"),
            ("update-user", json!({"user": {"id": "nobody"}}), "nobody"),
            ("update-user", json!({"user": {"id": "bob", "roles": ["no-such-role"]}}), "no-such-role"),
            ("update-user", json!({"user": {"id": "bob", "tenant_id": "nowhere"}}), "nowhere"),
            ("delete-user", json!({"id": "nobody"}), "nobody"),
        ] {
            let (status, detail) = admin.waii_refused(name, body.clone()).await;
            assert!([400, 404, 409].contains(&status), "{name} {body}: {status}");
            assert!(detail.contains(named), "{name} {body}: {detail}");
        }
        admin.waii("create-key", json!({"name": "mine"})).await;
        let (status, detail) = admin.waii_refused("create-key", json!({"name": "mine"})).await;
        assert_eq!(status, 409);
        assert!(detail.contains("mine") && !detail.contains("tnt_"), "{detail}");
    }

    async fn graphql_heeds_the_header_too(app: App) {
        world(&app).await;
        let send = async |id: &str| {
            let mut request = app.admin().request("/graphql", &json!({"query": "{ me { id } }"}));
            request.headers_mut().insert(HEADER, id.parse().unwrap());
            app.send(request).await.json()
        };
        assert_eq!(send("bob").await["data"]["me"]["id"], "bob");
        assert_eq!(send("nobody").await["errors"][0]["extensions"]["code"], "NOT_FOUND");
    }
}

fn bad_ids() -> Vec<String> {
    [
        "",
        " ",
        " a",
        "a ",
        "zoë",
        "a\tb",
        "a\n",
        "\u{0}",
        "a\u{7f}",
        "\u{1F600}",
    ]
    .iter()
    .map(|id| (*id).to_owned())
    .chain(["x".repeat(256)])
    .collect()
}
