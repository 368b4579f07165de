//! What a credential may do, and until when, limits everything that is made with it, however indirectly.

use axum::http::Method;
use serde_json::{Value, json};

use crate::on_both;
use crate::support::session::{Tokens, code_of};
use crate::support::{App, Caller};

/// Six seconds after [`crate::support::START`].
const SOON: &str = "2026-01-02T03:04:11.006Z";
const CREATE: &str =
    "mutation($data: CreateApiKeyData!) { createApiKey(data: $data) { secret apiKey { permissions expiryDate } } }";
const IMPERSONATE: &str =
    "mutation { impersonateUser(where: {id: \"bob\"}, reason: \"to help\", lifetimeSeconds: 3600) {
    accessToken expiresIn refreshToken refreshExpiresIn user { id } } }";

/// Acme, `ada` who administers it, and `bob`, whose own key never ends. Gives a key of ada's with these limits.
async fn limited<'a>(app: &'a App, limits: Value) -> Caller<'a> {
    app.organization("acme", &[]).await;
    let ada = app.user("acme", "ada", Some("organization-admin")).await;
    let bob = app.user("acme", "bob", Some("api-user")).await;
    bob.ok(CREATE, json!({ "data": { "name": "for ever" } })).await;
    let mut data = json!({ "name": "limited" });
    for (name, value) in limits.as_object().unwrap() {
        data[name.as_str()] = value.clone();
    }
    let made = ada.ok(CREATE, json!({ "data": data })).await;
    app.key(made["createApiKey"]["secret"].as_str().unwrap())
}

/// The ways from a key to acting as bob, and the key itself.
async fn ways<'a>(app: &'a App, key: &Caller<'a>) -> Vec<(&'static str, Caller<'a>)> {
    let session = Tokens::of(&key.ok(IMPERSONATE, json!({})).await["impersonateUser"]);
    let refreshed = app.refresh(&session.refresh).await;
    vec![
        ("itself", key.clone()),
        ("by the header", key.clone().acting_as("bob")),
        ("by a session", app.key(session.access)),
        ("by a session that was refreshed", app.key(refreshed.access)),
    ]
}

on_both! {
    async fn a_key_that_ends_makes_nothing_that_lasts(app: App) {
        let key = limited(&app, json!({ "expiryDate": SOON })).await;
        for (n, (way, caller)) in ways(&app, &key).await.into_iter().enumerate() {
            let made = caller.ok(CREATE, json!({ "data": { "name": format!("key {n}") } })).await;
            assert_eq!(made["createApiKey"]["apiKey"]["expiryDate"], SOON, "{way}");
            let later = json!({ "data": { "name": "later", "expiryDate": "2027-01-01T00:00:00Z" } });
            assert_eq!(caller.refused(CREATE, later).await, "INVALID", "{way}");
        }
        for (way, caller) in ways(&app, &key).await.into_iter().skip(1) {
            let rotate = "mutation { rotateApiKey(where: {name: \"for ever\"}) { secret } }";
            assert_eq!(caller.refused(rotate, json!({})).await, "FORBIDDEN", "{way}");
        }
        // A session as somebody ends with it, and says so.
        let session = Tokens::of(&key.ok(IMPERSONATE, json!({})).await["impersonateUser"]);
        assert_eq!((session.expires_in, session.refresh_expires_in), (6, 6));
        // A password does not end at all.
        let (status, _) = key.rest_refused(Method::PUT, "/api/data/users/ada/password", Some(&json!({ "password": "Brass-kettle-27-hums" }))).await;
        assert_eq!(status, 401);
        let document = "mutation { updatePropertiesInUser(where: {id: \"ada\"}, data: {email: \"elsewhere@acme.example\"}) { id } }";
        assert_eq!(key.refused(document, json!({})).await, "FORBIDDEN");
        // Everybody else's is as it was.
        key.ok("mutation { updatePropertiesInUser(where: {id: \"bob\"}, data: {email: \"elsewhere@acme.example\"}) { id } }", json!({})).await;
    }

    async fn a_key_that_may_little_makes_nothing_that_may_more(app: App) {
        let only = ["usage:impersonation", "write:access_key", "usage:api", "write:user", "read:semantic-context", "read:liked-queries", "read:databases",
            "read:similarity-search-index", "write:semantic-context", "write:liked-queries", "write:databases"];
        let key = limited(&app, json!({ "permissions": only })).await;
        for (n, (way, caller)) in ways(&app, &key).await.into_iter().enumerate() {
            let made = caller.ok(CREATE, json!({ "data": { "name": format!("key {n}") } })).await;
            let permissions = &made["createApiKey"]["apiKey"]["permissions"];
            let mut have: Vec<&str> = permissions.as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect();
            have.retain(|name| !only.contains(name));
            assert!(have.is_empty() && permissions.as_array().unwrap().len() > 3, "{way}: {permissions}");
        }
        let document = "mutation { updatePropertiesInUser(where: {id: \"ada\"}, data: {email: \"elsewhere@acme.example\"}) { id } }";
        assert_eq!(key.refused(document, json!({})).await, "FORBIDDEN");
        let (status, _) = key.rest_refused(Method::PUT, "/api/data/users/ada/password", Some(&json!({ "password": "Brass-kettle-27-hums" }))).await;
        assert_eq!(status, 401);
    }

    /// Whoever signed in with a password can do so again: nothing that the session makes ends with it.
    async fn a_session_sets_no_limit(app: App) {
        app.organization("acme", &[]).await;
        app.user("acme", "ada", Some("organization-admin")).await;
        let session = app.key(app.sign_in("acme", "ada").await.access);
        let made = session.ok(CREATE, json!({ "data": { "name": "key" } })).await;
        assert_eq!(made["createApiKey"]["apiKey"], json!({ "permissions": null, "expiryDate": "9999-12-31T23:59:59.999Z" }));
    }

    async fn nobody_is_themselves_twice(app: App) {
        let key = limited(&app, json!({ "expiryDate": SOON })).await;
        key.ok(IMPERSONATE, json!({})).await;
        let document = "mutation { impersonateUser(where: {id: \"ada\"}, reason: \"to last\") { accessToken } }";
        assert_eq!(key.refused(document, json!({})).await, "FORBIDDEN");
        let by_header = key.clone().acting_as("ada").send("{ me { id } }", json!({})).await;
        assert_eq!(code_of(&by_header), "FORBIDDEN");
    }

    /// A password and an identity elsewhere outlive the key that set them.
    async fn a_key_that_ends_gives_its_owner_no_other_way_in(app: App) {
        let key = limited(&app, json!({ "expiryDate": SOON })).await;
        let password = "mutation { updatePassword(where: {id: \"ada\"}, data: {
            oldPassword: \"password-of-ada\", newPassword1: \"another password\", newPassword2: \"another password\"}) { id } }";
        let identity = "mutation { updatePropertiesInUser(where: {id: \"ada\"}, data: {
            federatedIdentities: [{identityProvider: \"idp\", userId: \"1\", userName: \"ada\"}]}) { id } }";
        let before = app.dump().await;
        for document in [password, identity] {
            let refusal = key.refusal(document, json!({})).await;
            assert!(refusal["message"].as_str().unwrap().contains("has limited permissions or an expiry date"), "{refusal}");
        }
        assert_eq!(before, app.dump().await);
        let whole = app.key_of("ada").await;
        for document in [identity, password] {
            whole.ok(document, json!({})).await;
        }
    }

    async fn the_credential_says_what_it_may_do(app: App) {
        let key = limited(&app, json!({ "permissions": ["read:user"] })).await;
        for (caller, permissions) in [(key, json!(["read:user"])), (app.anonymous(), json!([]))] {
            assert_eq!(caller.ok("{ viewerPermissions }", json!({})).await["viewerPermissions"], permissions);
        }
    }

    /// An impersonator takes over neither the mailbox nor the password of whom they act as.
    async fn nobody_moves_in(app: App) {
        app.organization("acme", &[]).await;
        let ada = app.user("acme", "ada", Some("organization-admin")).await;
        app.user("acme", "eve", Some("organization-admin")).await;
        let eve = ada.acting_as("eve");
        let document = "mutation { updatePropertiesInUser(where: {id: \"eve\"}, data: {email: \"ada2@acme.example\"}) { id } }";
        assert_eq!(eve.refused(document, json!({})).await, "FORBIDDEN");
    }
}
