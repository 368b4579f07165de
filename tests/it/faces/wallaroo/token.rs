//! The token endpoint, and what its tokens open.

use std::net::IpAddr;
use std::time::Duration;

use axum::body::Body;
use axum::http::{Method, Request, header};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use tenantry::http::Peer;

use super::{INVITE, QUERY, TOKEN, USERS, World, raw};
use crate::on_both;
use crate::support::session::code_of;
use crate::support::{App, Backend, Reply, assert_leaks_nothing};

const SDK: &str = "client_id=sdk-client";

fn password(email: &str, password: &str) -> String {
    format!("{SDK}&grant_type=password&username={email}&password={password}")
}

fn refresh(token: &str) -> String {
    format!("{SDK}&grant_type=refresh_token&refresh_token={token}")
}

async fn ask(app: &App, body: impl Into<Body>) -> Reply {
    let form = [("content-type", "application/x-www-form-urlencoded")];
    raw(app, Method::POST, TOKEN, &form, body).await
}

/// The tokens of an answer that must have all that belongs to it, and nothing else.
fn tokens(reply: &Reply) -> Value {
    assert_eq!(reply.status, 200, "{reply:?}");
    assert_eq!(reply.headers[header::CONTENT_TYPE], "application/json");
    assert_eq!(reply.headers[header::CACHE_CONTROL], "no-store");
    let answer = reply.json();
    let expected = json!({
        "access_token": answer["access_token"], "expires_in": 600, "refresh_token": answer["refresh_token"], "refresh_expires_in": 7 * 24 * 3600,
        "token_type": "Bearer", "scope": "profile email", "not-before-policy": 0,
    });
    assert_eq!(answer, expected);
    assert!(answer["access_token"].is_string() && answer["refresh_token"].is_string());
    answer
}

/// Status, error and description of a refusal, which must be in the endpoint's form.
fn refusal(reply: &Reply) -> (u16, String, String) {
    assert_leaks_nothing(&reply.body);
    assert_eq!(reply.headers[header::CONTENT_TYPE], "application/json");
    let answer = reply.json();
    let text = |key: &str| answer[key].as_str().unwrap_or_else(|| panic!("{reply:?}")).to_owned();
    let (error, description) = (text("error"), text("error_description"));
    assert_eq!(answer, json!({ "error": error, "error_description": description }));
    (reply.status.as_u16(), error, description)
}

async fn refused(app: &App, body: &str) -> (u16, String, String) {
    let before = app.dump().await;
    let refusal = refusal(&ask(app, body.to_owned()).await);
    assert_eq!(app.dump().await, before, "a refusal changed something: {body}");
    refusal
}

fn said(status: u16, error: &str, description: &str) -> (u16, String, String) {
    (status, error.to_owned(), description.to_owned())
}

fn claims(token: &str) -> Value {
    let parts: Vec<&str> = token.split('.').collect();
    assert_eq!(parts.len(), 3, "{token}");
    for part in &parts {
        assert!(URL_SAFE_NO_PAD.decode(part).is_ok(), "{part}");
    }
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(parts[1]).unwrap()).unwrap()
}

on_both! {
    async fn a_password_gives_a_token(app: App) {
        World::new(&app).await;
        for email in ["ann%40acme.example", "ANN@Acme.example"] {
            let given = tokens(&ask(&app, password(email, "password-of-ann")).await);
            let access = given["access_token"].as_str().unwrap();
            let claims = claims(access);
            assert_eq!((&claims["sub"], &claims["email"]), (&json!("ann"), &json!("ann@acme.example")));
            let ann = app.key(access);
            assert_eq!(ann.everybody().await.len(), 1);
            assert_eq!(ann.keycloak(USERS).await[0]["id"], "ann");
            assert_eq!(app.who(access).await.as_deref(), Some("ann"), "GraphQL takes it too");
            // The scheme's case does not matter.
            let reply = raw(&app, Method::POST, QUERY, &[("authorization", &format!("bEARER {access}"))], "{}").await;
            assert_eq!(reply.status, 200);
        }
        // A session that GraphQL began opens the same.
        assert_eq!(app.key(app.sign_in("acme", "ada").await.access).everybody().await.len(), 2);
        app.user("acme", "blank", Some("user")).await;
        app.admin().update_user("blank", json!({"email": "b+l&k=%@acme.example"})).await;
        let given = tokens(&ask(&app, password("b%2Bl%26k%3D%25%40acme.example", "password-of-blank")).await);
        assert_eq!(claims(given["access_token"].as_str().unwrap())["sub"], "blank");
    }

    async fn the_client_is_named_one_way_or_the_other(app: App) {
        World::new(&app).await;
        let bare = "grant_type=password&username=ann%40acme.example&password=password-of-ann";
        let basic = |text: &str| format!("Basic {}", STANDARD.encode(text));
        for header in [basic("api-client:the secret"), basic("api-client:"), basic("api-client:a:b").replace("Basic", "bASIC")] {
            tokens(&raw(&app, Method::POST, TOKEN, &[("authorization", &header)], bare).await);
        }
        for header in ["Bearer nonsense".to_owned(), basic("api-client"), basic(":secret"), "Basic %%%".to_owned(), "Basic".to_owned(), "Basic /w==".to_owned()] {
            let reply = raw(&app, Method::POST, TOKEN, &[("authorization", &header)], bare).await;
            assert_eq!(refusal(&reply), said(400, "invalid_request", "Missing parameter: client_id"), "{header}");
            // And a credential is not needed, nor looked at, when the client is named in the body.
            tokens(&raw(&app, Method::POST, TOKEN, &[("authorization", &header)], password("ann@acme.example", "password-of-ann")).await);
        }
        for kind in ["application/json", "text/plain", "?"] {
            tokens(&raw(&app, Method::POST, TOKEN, &[("content-type", kind)], password("ann@acme.example", "password-of-ann")).await);
        }
        tokens(&raw(&app, Method::POST, TOKEN, &[], format!("{}&scope=openid&x=%ff", password("ann@acme.example", "password-of-ann"))).await);
    }

    async fn wrong_and_unknown_are_alike(app: App) {
        World::new(&app).await;
        app.sign_in("acme", "ada").await; // The first one makes the key that signs.
        let wrong = said(401, "invalid_grant", "Invalid user credentials");
        for (email, typed) in [("ann@acme.example", "wrong"), ("nobody@acme.example", "password-of-ann"), ("ann", "password-of-ann"), ("%00", "x"),
            ("%ff", "x"), ("ann@acme.example", "%00"), ("ann@acme.example", &"x".repeat(5_000)), ("eve@evil.example", "password-of-ann")] {
            assert_eq!(refused(&app, &password(email, typed)).await, wrong, "{email}");
        }
    }

    async fn only_the_right_password_learns_why_not(app: App) {
        let world = World::new(&app).await;
        let made = world.ada.mlops(INVITE, json!({"email": "new@acme.example"})).await;
        let temporary = made["password"].as_str().unwrap();
        app.sign_in("acme", "ada").await;
        let encoded = form_urlencoded(temporary);
        assert_eq!(refused(&app, &password("new@acme.example", &encoded)).await, said(400, "invalid_grant", "Account is not fully set up"));
        assert_eq!(refused(&app, &password("new@acme.example", "wrong")).await, said(401, "invalid_grant", "Invalid user credentials"));
        let change = "mutation($old: String!) { updatePassword(where: {email: \"new@acme.example\"}, data: {oldPassword: $old, newPassword1: \"Tin-whistle-84\", newPassword2: \"Tin-whistle-84\"}) { id } }";
        app.anonymous().ok(change, json!({"old": temporary})).await;
        tokens(&ask(&app, password("new@acme.example", "Tin-whistle-84")).await);
        assert_eq!(world.ada.everybody().await[made["id"].as_str().unwrap()]["requiredActions"], json!([]));
        world.ada.mlops(super::DEACTIVATE, json!({"email": "ann@acme.example"})).await;
        assert_eq!(refused(&app, &password("ann@acme.example", "password-of-ann")).await, said(400, "invalid_grant", "Account disabled"));
        assert_eq!(refused(&app, &password("ann@acme.example", "wrong")).await, said(401, "invalid_grant", "Invalid user credentials"));
    }

    async fn a_field_that_is_missing_or_there_twice(app: App) {
        World::new(&app).await;
        let whole = [("client_id", "sdk-client"), ("grant_type", "password"), ("username", "ann@acme.example"), ("password", "password-of-ann")];
        let write = |fields: &[(&str, &str)]| fields.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("&");
        tokens(&ask(&app, write(&whole)).await);
        for (name, _) in whole {
            let without: Vec<_> = whole.into_iter().filter(|(known, _)| *known != name).collect();
            let empty: Vec<_> = whole.into_iter().map(|(known, value)| if known == name { (known, "") } else { (known, value) }).collect();
            for body in [write(&without), write(&empty)] {
                assert_eq!(refused(&app, &body).await, said(400, "invalid_request", &format!("Missing parameter: {name}")));
            }
            let twice = format!("{}&{name}=x", write(&whole));
            assert_eq!(refused(&app, &twice).await, said(400, "invalid_request", &format!("Repeated parameter: {name}")));
        }
        assert_eq!(refused(&app, &format!("{SDK}&grant_type=refresh_token")).await, said(400, "invalid_request", "Missing parameter: refresh_token"));
        for other in ["client_credentials", "urn:ietf:params:oauth:grant-type:device_code", "PASSWORD", "%00"] {
            assert_eq!(refused(&app, &format!("{SDK}&grant_type={other}")).await, said(400, "unsupported_grant_type", "Unsupported grant_type"), "{other}");
        }
        for body in ["", "&&&", "=", "%", "{\"grant_type\": \"password\"}"] {
            assert_eq!(refused(&app, body).await, said(400, "invalid_request", "Missing parameter: grant_type"), "{body}");
        }
        let large = format!("{}&x={}", write(&whole), "x".repeat(1_100_000));
        let (status, error, _) = refusal(&ask(&app, large).await);
        assert_eq!((status, error.as_str()), (413, "invalid_request"));
    }

    async fn paths_and_methods(app: App) {
        World::new(&app).await;
        for method in [Method::GET, Method::PUT, Method::DELETE] {
            let reply = raw(&app, method, TOKEN, &[], "").await;
            assert_eq!(reply.headers["allow"], "POST");
            assert_eq!(refusal(&reply).0, 405);
        }
        let right = password("ann@acme.example", "password-of-ann");
        for path in ["/auth/realms", "/auth/realms/", "/auth/realms/master", "/auth/realms/acme/protocol/openid-connect/token", "/auth/realms/Master/protocol/openid-connect/token",
            "/auth/realms/master/protocol/openid-connect/auth/device", "/auth/realms/master/protocol/openid-connect/token/"] {
            let reply = raw(&app, Method::POST, path, &[], right.clone()).await;
            assert_eq!(refusal(&reply).0, 404, "{path}");
        }
        // Nobody speaks for another without a credential.
        let reply = raw(&app, Method::POST, TOKEN, &[("x-tenantry-impersonate-user", "ann")], right).await;
        assert_eq!(refusal(&reply).0, 401);
    }

    async fn refresh_tokens_rotate(app: App) {
        World::new(&app).await;
        let first = tokens(&ask(&app, password("ann@acme.example", "password-of-ann")).await);
        app.services.clock.advance(Duration::from_secs(60));
        let second = tokens(&ask(&app, refresh(first["refresh_token"].as_str().unwrap())).await);
        assert_ne!(first["refresh_token"], second["refresh_token"]);
        assert_ne!(first["access_token"], second["access_token"]);
        let access = second["access_token"].as_str().unwrap();
        assert_eq!(claims(access)["email"], "ann@acme.example");
        assert_eq!(app.key(access).everybody().await.len(), 1);
        // The first one again, after its grace: it ends the session for both.
        app.services.clock.advance(Duration::from_secs(60));
        let invalid = said(400, "invalid_grant", "Invalid refresh token");
        assert_eq!(refusal(&ask(&app, refresh(first["refresh_token"].as_str().unwrap())).await), invalid);
        assert_eq!(refused(&app, &refresh(second["refresh_token"].as_str().unwrap())).await, invalid);
        assert_eq!(app.key(access).mlops_refused(QUERY, json!({})).await.0, 401);
    }

    async fn an_access_token_and_a_refresh_token_are_not_each_other(app: App) {
        let world = World::new(&app).await;
        let given = tokens(&ask(&app, password("ann@acme.example", "password-of-ann")).await);
        let (access, refreshing) = (given["access_token"].as_str().unwrap(), given["refresh_token"].as_str().unwrap());
        for (method, path) in [(Method::POST, QUERY), (Method::GET, USERS)] {
            let reply = app.key(refreshing).rest(method, path, Some(&json!({}))).await;
            assert_eq!(reply.status, 401, "{path}");
            assert_eq!(reply.headers[header::WWW_AUTHENTICATE], "Bearer");
        }
        let invalid = said(400, "invalid_grant", "Invalid refresh token");
        let key = world.ann.key.clone().unwrap();
        for other in [access, key.as_str(), "nonsense", "%00", "tnr_"] {
            assert_eq!(refused(&app, &refresh(other)).await, invalid, "{other}");
        }
        // None of these ended the session.
        tokens(&ask(&app, refresh(refreshing)).await);
    }

    async fn a_deactivated_user_is_out_at_once(app: App) {
        let world = World::new(&app).await;
        let given = tokens(&ask(&app, password("ann@acme.example", "password-of-ann")).await);
        let (access, refreshing) = (given["access_token"].as_str().unwrap(), given["refresh_token"].as_str().unwrap());
        assert_eq!(app.key(access).everybody().await.len(), 1);
        world.ada.put("ann", json!({"enabled": false})).await;
        assert_eq!(app.key(access).mlops_refused(QUERY, json!({})).await.0, 401);
        assert_eq!(app.key(access).keycloak_refused(Method::GET, USERS, None).await.0, 401);
        assert_eq!(app.who(access).await, None);
        assert_eq!(refused(&app, &refresh(refreshing)).await, said(400, "invalid_grant", "Invalid refresh token"));
        // Activated again, one signs in again: the old session is over.
        world.ada.put("ann", json!({"enabled": true})).await;
        assert_eq!(refused(&app, &refresh(refreshing)).await.1, "invalid_grant");
        assert_eq!(app.key(access).mlops_refused(QUERY, json!({})).await.0, 401);
        tokens(&ask(&app, password("ann@acme.example", "password-of-ann")).await);
    }

    async fn tokens_run_out(app: App) {
        World::new(&app).await;
        let given = tokens(&ask(&app, password("ann@acme.example", "password-of-ann")).await);
        app.services.clock.advance(Duration::from_secs(599));
        assert_eq!(app.key(given["access_token"].as_str().unwrap()).everybody().await.len(), 1);
        app.services.clock.advance(Duration::from_secs(40));
        assert_eq!(app.key(given["access_token"].as_str().unwrap()).mlops_refused(QUERY, json!({})).await.0, 401);
        app.services.clock.advance(Duration::from_secs(8 * 24 * 3600));
        assert_eq!(refused(&app, &refresh(given["refresh_token"].as_str().unwrap())).await, said(400, "invalid_grant", "Invalid refresh token"));
    }

    async fn too_many_failures_wait(app: App) {
        World::new(&app).await;
        for n in 0..20 {
            // Half of them by the other door: it is one count.
            if n % 2 == 0 {
                assert_eq!(refusal(&ask(&app, password("ann@acme.example", "wrong")).await).0, 401, "{n}");
            } else {
                assert_eq!(code_of(&app.try_sign_in(None, "ann@acme.example", "wrong").await), "UNAUTHENTICATED", "{n}");
            }
        }
        let reply = ask(&app, password("ann@acme.example", "password-of-ann")).await;
        let (status, error, description) = refusal(&reply);
        assert_eq!((status, error.as_str()), (429, "temporarily_unavailable"));
        let seconds: u64 = reply.headers[header::RETRY_AFTER].to_str().unwrap().parse().unwrap();
        assert!((1..=30).contains(&seconds), "{seconds}");
        assert!(description.contains(&seconds.to_string()), "{description}");
        assert_eq!(code_of(&app.try_sign_in(None, "ann@acme.example", "password-of-ann").await), "RATE_LIMITED");
        app.services.clock.advance(Duration::from_secs(seconds));
        tokens(&ask(&app, password("ann@acme.example", "password-of-ann")).await);
    }

    async fn a_client_waits_too(app: App) {
        World::new(&app).await;
        let from = |address: &str, body: String| {
            let mut request = Request::post(TOKEN).body(Body::from(body)).unwrap();
            request.extensions_mut().insert(Peer(address.parse::<IpAddr>().unwrap()));
            request
        };
        for n in 0..100 {
            let reply = app.send(from("192.0.2.7", password(&format!("nobody{n}@acme.example"), "x"))).await;
            assert_eq!(refusal(&reply).0, 401, "{n}");
        }
        let right = password("ann@acme.example", "password-of-ann");
        assert_eq!(refusal(&app.send(from("192.0.2.7", right.clone())).await).0, 429);
        tokens(&app.send(from("192.0.2.8", right)).await);
    }
}

#[tokio::test]
async fn a_server_that_keeps_no_sessions_says_so_on_postgresql() {
    let app = App::without_secret(Backend::Postgres).await;
    app.organization("acme", &[]).await;
    app.user("acme", "ann", None).await;
    for typed in ["password-of-ann", "wrong"] {
        let (status, error, description) = refusal(&ask(&app, password("ann@acme.example", typed)).await);
        assert_eq!((status, error.as_str()), (503, "temporarily_unavailable"));
        assert!(description.contains("TENANTRY_SECRET_KEY"), "{description}");
    }
}

fn form_urlencoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}
