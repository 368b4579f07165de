//! Who issues tokens, and what the server says that it offers.

use axum::body::Body;
use axum::http::{Method, Request, header};
use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Validation};
use serde::Deserialize;
use serde_json::{Value, json};
use tenantry::authn::Issuer;
use tenantry::model::Clock;

use crate::on_both;
use crate::session_tokens::{header_of, key};
use crate::support::{App, Backend, PUBLIC_URL, Reply, secret};

const SERVER: &str = "/.well-known/oauth-authorization-server";
const OPENID: &str = "/.well-known/openid-configuration";

async fn get(app: &App, path: &str) -> Reply {
    let request = Request::get(path).header(header::ORIGIN, "https://app.example");
    app.send(request.body(Body::empty()).unwrap()).await
}

/// What a back end reads of a token.
#[derive(Debug, Deserialize)]
struct AccessToken {
    sub: String,
    org_id: String,
}

/// As a back end verifies a token.
fn verified(token: &str, keys: &JwkSet, issuer: &str) -> Option<AccessToken> {
    let header = jsonwebtoken::decode_header(token).ok()?;
    let key = DecodingKey::from_jwk(keys.find(header.kid.as_deref()?)?).ok()?;
    let mut validation = Validation::new(Algorithm::EdDSA);
    validation.set_issuer(&[issuer]);
    validation.set_audience(&[issuer]);
    let token = jsonwebtoken::decode::<AccessToken>(token, &key, &validation).ok()?;
    Some(token.claims)
}

on_both! {
    async fn a_back_end_verifies_tokens(app: App) {
        // The library has a clock of its own.
        let behind = app.services.clock.now().until(Clock::System.now());
        app.services.clock.advance(behind);
        app.organization("acme", &[]).await;
        app.user("acme", "ann", None).await;
        let token = app.sign_in("acme", "ann").await.access;
        let keys: JwkSet = serde_json::from_value(get(&app, "/.well-known/jwks.json").await.json()).unwrap();
        let claims = verified(&token, &keys, PUBLIC_URL).unwrap();
        assert_eq!((claims.sub.as_str(), claims.org_id.as_str()), ("ann", "acme"));
        assert!(verified(&token, &keys, "https://elsewhere.example").is_none());
        let (text, _) = token.rsplit_once('.').unwrap();
        assert!(verified(&format!("{text}.{}", "A".repeat(86)), &keys, PUBLIC_URL).is_none());
    }

    async fn what_is_offered_is_there(app: App) {
        let reply = get(&app, SERVER).await;
        assert_eq!(get(&app, OPENID).await.body, reply.body);
        assert_eq!(reply.headers[header::CACHE_CONTROL], "public, max-age=300");
        let offers = reply.json();
        assert_eq!(offers["issuer"], PUBLIC_URL);
        assert_eq!(offers["response_types_supported"], json!(["none"]));
        let names = offers.as_object().unwrap().keys();
        assert!(names.into_iter().all(|name| !name.contains("authorization_endpoint") && !name.contains("userinfo")), "{offers}");
        for (name, status) in [("token", 400), ("introspection", 401), ("revocation", 400)] {
            let address = offers[format!("{name}_endpoint")].as_str().unwrap().strip_prefix(PUBLIC_URL).unwrap().to_owned();
            let empty = Request::post(address).header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
            assert_eq!(app.send(empty.body(Body::empty()).unwrap()).await.status, status, "{name}");
        }
        let keys = offers["jwks_uri"].as_str().unwrap().strip_prefix(PUBLIC_URL).unwrap();
        app.organization("acme", &[]).await;
        app.user("acme", "ann", None).await;
        app.sign_in("acme", "ann").await;
        crate::resource_servers::create(&app, "https://api.example", json!({ "algorithm": "ES256" })).await;
        crate::oauth_tokens::exchanged(&app, &app.admin().key.unwrap(), &[("resource", "https://api.example")]).await;
        let keys = get(&app, keys).await.json()["keys"].as_array().unwrap().clone();
        let algorithms: Vec<&Value> = keys.iter().rev().map(|key| &key["alg"]).collect();
        assert_eq!(offers["id_token_signing_alg_values_supported"], json!(algorithms));
    }

    /// Pages of every origin may read it, and what is theirs to know does not depend on the origin.
    async fn everybody_may_read_it(app: App) {
        for path in [SERVER, OPENID, "/.well-known/jwks.json"] {
            let reply = get(&app, path).await;
            assert_eq!((reply.status.as_u16(), &reply.headers[header::ACCESS_CONTROL_ALLOW_ORIGIN]), (200, &"*".parse().unwrap()), "{path}");
            assert!(!reply.headers.contains_key(header::VARY) && !reply.headers.contains_key(header::ACCESS_CONTROL_ALLOW_CREDENTIALS), "{path}");
            let post = Request::builder().method(Method::POST).uri(path).body(Body::empty()).unwrap();
            assert_eq!(app.send(post).await.status, 405, "{path}");
        }
        for path in ["/.well-known/oauth-authorization-server/a", "/.well-known/oauth-authorization-server/", "/.well-known/nothing"] {
            assert_eq!(get(&app, path).await.status, 404, "{path}");
        }
    }

    /// The word that names this server among the clients of tokens.
    async fn one_id_is_nobodys(app: App) {
        app.organization("acme", &["berlin"]).await;
        let ada = app.user("acme", "ada", Some("organization-admin")).await;
        for document in [
            "mutation { createUser(data: {id: \"tenantry\"}) { id } }",
            "mutation { createUserWithPassword(data: {id: \"tenantry\"}) { password } }",
            "mutation { createUser(data: {id: \"tenantry\", kind: SERVICE}) { id } }",
        ] {
            assert_eq!(ada.refused(document, json!({})).await, "INVALID", "{document}");
        }
        let waii = json!({ "user": { "id": "tenantry", "tenant_id": "berlin" } });
        assert_eq!(ada.rest_refused(Method::POST, "/api/create-user", Some(&waii)).await.0, 400);
        ada.ok("mutation { createUser(data: {id: \"tenantry-2\"}) { id } }", json!({})).await;
    }
}

/// A server with this issuer, and a session's token of it with other claims.
async fn issued_by(backend: Backend, issuer: Issuer) {
    let (url, is_public) = (
        issuer.url().to_owned(),
        issuer.url() == "https://directory.example/path",
    );
    let app = App::with_issuer(backend, secret(), issuer).await;
    app.organization("acme", &[]).await;
    app.user("acme", "ann", None).await;
    let tokens = app.sign_in("acme", "ann").await;
    assert_eq!(
        (&tokens.claims()["iss"], &tokens.claims()["aud"]),
        (&json!(url), &json!([url]))
    );
    assert_eq!(app.who(&tokens.access).await.as_deref(), Some("ann"));
    assert_eq!(get(&app, OPENID).await.json()["issuer"], json!(url));
    let path = format!("{SERVER}/path");
    assert_eq!(get(&app, &path).await.status == 200, is_public);
    let (kid, private) = key(&app).await;
    for (iss, aud, elsewhere) in [
        ("http://localhost:9", json!(["http://localhost:9"]), true),
        ("http://127.0.0.1:9", json!(["http://127.0.0.1:9", "other"]), true),
        ("http://localhost:9", json!(["http://localhost:8"]), false),
        ("https://elsewhere.example", json!(["https://elsewhere.example"]), false),
        ("tenantry", json!(["tenantry"]), false),
    ] {
        let mut claims = tokens.claims();
        claims["iss"] = json!(iss);
        claims["aud"] = aud;
        let forged = jsonwebtoken::encode(&header_of(&kid), &claims, &EncodingKey::from_ed_der(&private)).unwrap();
        assert_eq!(app.who(&forged).await.is_some(), elsewhere && !is_public, "{iss}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_the_public_url_issues_tokens() {
    for backend in [Backend::Sqlite, Backend::Postgres] {
        issued_by(backend, Issuer::public("https://directory.example/path")).await;
    }
}

/// The processes of one database listen on different ports.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_public_url_this_machine_does() {
    for backend in [Backend::Sqlite, Backend::Postgres] {
        issued_by(backend, Issuer::local(8000)).await;
    }
}
