//! The token endpoint. The threats, each with its test:
//!
//! | somebody | test |
//! |---|---|
//! | makes a token that permits more, lasts longer or is for more than what it was made from | `a_chain_of_exchanges_never_widens` |
//! | starts something with such a token that outlasts it | `a_derived_token_starts_nothing_that_lasts` |
//! | goes on with a token whose key, session or user has ended | `what_it_was_made_from_decides` |
//! | presents one thing and means another | `a_request_is_read_whole_or_refused` |
//! | signs in as a client with what is no key of that user's | `a_client_is_a_user_with_a_key` |

use std::time::Duration;

use axum::body::Body;
use axum::http::{Request, header};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use crate::oauth::{ENDS, FORM, ask, at_the_gate, form, gate, secret, world};
use crate::on_both;
use crate::support::session::Tokens;
use crate::support::{App, PUBLIC_URL, Reply};

const EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";
const IMPERSONATE: &str = "mutation($id: ID!) { impersonateUser(where: {id: $id}, reason: \"to help\") { accessToken refreshToken expiresIn refreshExpiresIn user { id } } }";

pub async fn ask_for(app: &App, authorization: Option<&str>, pairs: &[(&str, &str)]) -> Reply {
    form(app, "/oauth/token", authorization, pairs).await
}

/// The answer to a request that must succeed.
pub async fn granted(app: &App, pairs: &[(&str, &str)]) -> Value {
    let reply = ask_for(app, None, pairs).await;
    assert_eq!(reply.status, 200, "{pairs:?} {reply:?}");
    assert_eq!(reply.headers[header::CACHE_CONTROL], "no-store");
    let answer = reply.json();
    assert_eq!(answer["token_type"], "Bearer");
    let claims = claims(answer["access_token"].as_str().unwrap());
    let lifetime = claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap();
    assert_eq!(answer["expires_in"], lifetime);
    answer
}

pub fn claims(token: &str) -> Value {
    let claims = token.split('.').nth(1).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).unwrap()).unwrap()
}

fn token_of(answer: &Value) -> String {
    answer["access_token"].as_str().unwrap().to_owned()
}

/// A token for the owner of a key.
pub async fn of_key(app: &App, id: &str, key: &str, more: &[(&str, &str)]) -> String {
    let own = [
        ("grant_type", "client_credentials"),
        ("client_id", id),
        ("client_secret", key),
    ];
    let pairs = [&own[..], more].concat();
    token_of(&granted(app, &pairs).await)
}

pub fn exchange_of<'a>(subject: &'a str, more: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let own = [
        ("grant_type", EXCHANGE),
        ("subject_token_type", ACCESS_TOKEN),
        ("subject_token", subject),
    ];
    [&own[..], more].concat()
}

pub fn refresh_of<'a>(token: &'a str, more: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    [&[("grant_type", "refresh_token"), ("refresh_token", token)][..], more].concat()
}

pub async fn exchanged(app: &App, subject: &str, more: &[(&str, &str)]) -> String {
    let answer = granted(app, &exchange_of(subject, more)).await;
    assert_eq!(answer["issued_token_type"], ACCESS_TOKEN);
    assert!(answer.get("refresh_token").is_none(), "{answer}");
    token_of(&answer)
}

/// The error of a request that is refused and changes nothing.
pub async fn refused(app: &App, authorization: Option<&str>, pairs: &[(&str, &str)]) -> (u16, String) {
    let before = app.dump().await;
    let reply = ask_for(app, authorization, pairs).await;
    assert_eq!(before, app.dump().await, "a refusal changed something: {pairs:?}");
    let error = reply.json();
    assert!(error["error_description"].is_string(), "{error}");
    (
        reply.status.as_u16(),
        error["error"].as_str().unwrap_or("none").to_owned(),
    )
}

pub fn bad(error: &str) -> (u16, String) {
    (400, error.to_owned())
}

async fn permissions(app: &App, token: &str) -> Vec<String> {
    let told = app.key(token).ok("{ viewerPermissions }", json!({})).await;
    let names = told["viewerPermissions"].as_array().unwrap().iter();
    names.map(|name| name.as_str().unwrap().to_owned()).collect()
}

async fn listed(app: &App, token: &str) -> Vec<String> {
    let listed = app.key(token).ok("{ users { id } }", json!({})).await;
    let users = listed["users"].as_array().unwrap().iter();
    users.map(|user| user["id"].as_str().unwrap().to_owned()).collect()
}

async fn in_metrics(app: &App, series: &str) -> u64 {
    let reply = app.send(at_the_gate("/metrics", &[])).await;
    let mut lines = reply.body.lines();
    lines
        .find_map(|line| line.strip_prefix(series)?.trim().parse().ok())
        .unwrap_or_else(|| panic!("no {series}"))
}

on_both! {
    async fn a_session_goes_on(app: App) {
        world(&app).await;
        let session = app.sign_in("acme", "bob").await;
        // A limit that is refused does not use the token up.
        for (more, error) in [
            (("scope", "no:such"), "invalid_scope"), (("scope", "read:org"), "invalid_scope"), (("scope", " "), "invalid_scope"),
            (("resource", "https://other.example"), "invalid_target"), (("audience", "other"), "invalid_target"),
            (("tenant", "globex-main"), "invalid_request"),
        ] {
            assert_eq!(refused(&app, None, &refresh_of(&session.refresh, &[more])).await, bad(error), "{more:?}");
        }
        let next = granted(&app, &refresh_of(&session.refresh, &[("client_id", "any"), ("resource", PUBLIC_URL)])).await;
        let said = claims(&token_of(&next));
        assert_eq!((&said["client_id"], &said["sid"]), (&json!("tenantry"), &json!(session.sid())));
        assert!(next.get("scope").is_none() && next["refresh_expires_in"].as_i64().unwrap() > 600_000, "{next}");
        // Only the access token is narrowed, not the session.
        let second = next["refresh_token"].as_str().unwrap().to_owned();
        let narrow = granted(&app, &refresh_of(&second, &[("scope", "usage:api read:org")])).await;
        assert_eq!(narrow["scope"], "usage:api");
        assert_eq!(permissions(&app, &token_of(&narrow)).await, ["usage:api"]);
        let said = claims(&token_of(&narrow));
        assert_eq!((&said["scope"], &said["limited"], &said["roles"]), (&json!("usage:api"), &json!(true), &json!([])));
        let third = granted(&app, &refresh_of(narrow["refresh_token"].as_str().unwrap(), &[])).await;
        assert_eq!(permissions(&app, &token_of(&third)).await.len(), 9);
        // An old one ends the session.
        app.services.clock.advance(Duration::from_secs(11));
        assert_eq!(ask_for(&app, None, &refresh_of(&session.refresh, &[])).await.json()["error"], "invalid_grant");
        assert_eq!(app.who(&token_of(&third)).await, None);
        assert_eq!(refused(&app, None, &refresh_of("tnr_x", &[])).await, bad("invalid_grant"));
        assert_eq!(in_metrics(&app, "tenantry_tokens_total{grant=\"refresh_token\"}").await, 3);
    }

    async fn a_client_is_a_user_with_a_key(app: App) {
        let (ada, asker) = world(&app).await;
        let bob = app.key_of("bob").await.key.unwrap();
        let token = of_key(&app, "bob", &bob, &[]).await;
        let said = claims(&token);
        let key_id = ask(&app, &asker, &bob).await["key_id"].clone();
        assert_eq!((&said["sub"], &said["client_id"], &said["key_id"]), (&json!("bob"), &json!("bob"), &key_id));
        assert_eq!((&said["roles"], &said["aud"], &said["tenant_id"]), (&json!(["api-user"]), &json!([PUBLIC_URL]), &json!("berlin")));
        for absent in ["sid", "auth_time", "scope", "limited", "act", "tenant_scope"] {
            assert!(said.get(absent).is_none(), "{absent}");
        }
        assert_eq!(app.who(&token).await.as_deref(), Some("bob"));
        let told = ask(&app, &asker, &token).await;
        assert_eq!((&told["credential"], &told["client_id"], &told["key_id"]), (&json!("token"), &json!("bob"), &key_id));
        assert_eq!(told["permissions"].as_array().unwrap().len(), 9);
        // In the header, both parts form-encoded; in the form; never twice.
        let basic = |id: &str, secret: &str| format!("Basic {}", STANDARD.encode(format!("{id}:{secret}")));
        let grant = [("grant_type", "client_credentials")];
        assert_eq!(ask_for(&app, Some(&basic("b%6fb", &bob)), &grant).await.status, 200);
        assert_eq!(ask_for(&app, Some(&basic("bob", &bob)), &[("grant_type", "client_credentials"), ("client_id", "bob")]).await.status, 200);
        let session = app.sign_in("acme", "bob").await;
        for (id, secret) in [
            ("ada", bob.as_str()), ("bob", ada.key.as_deref().unwrap()), ("bob", "tnt_unknown"), ("bob", &session.access), ("bob", &session.refresh), ("bob", &token), ("", &bob),
        ] {
            let reply = ask_for(&app, Some(&basic(id, secret)), &grant).await;
            assert_eq!((reply.status.as_u16(), &reply.json()["error"]), (401, &json!("invalid_client")), "{id} {secret}");
            assert_eq!(reply.headers[header::WWW_AUTHENTICATE], "Basic realm=\"tenantry\"");
            let pairs = [("grant_type", "client_credentials"), ("client_id", id), ("client_secret", secret)];
            assert_eq!(refused(&app, None, &pairs).await, (401, "invalid_client".to_owned()), "{id} {secret}");
        }
        // Introspection takes no token for a key either.
        let reply = form(&app, "/oauth/introspect", Some(&basic("bob", &token)), &[("token", &bob)]).await;
        assert_eq!(reply.status, 401);
        assert_eq!(in_metrics(&app, "tenantry_tokens_total{grant=\"client_credentials\"}").await, 3);
        assert_eq!(in_metrics(&app, "tenantry_introspections_total{active=\"true\"}").await, 2);
        assert_eq!(in_metrics(&app, "tenantry_introspections_total{active=\"false\"}").await, 0);
    }

    /// The limits of the key are the token's.
    async fn a_limited_key_gives_a_limited_token(app: App) {
        let (ada, asker) = world(&app).await;
        let limits = json!({ "name": "k", "permissions": ["read:user", "write:user"], "expiryDate": "2026-01-02T03:06:00Z" });
        let key = secret(&ada, limits).await;
        let token = of_key(&app, "ada", &key, &[]).await;
        assert_eq!(permissions(&app, &token).await, ["read:user", "write:user"]);
        let said = claims(&token);
        assert_eq!((said["exp"].as_i64().unwrap() - said["iat"].as_i64().unwrap(), &said["roles"]), (115, &json!([])));
        let narrow = of_key(&app, "ada", &key, &[("scope", "read:user read:org")]).await;
        assert_eq!(claims(&narrow)["scope"], "read:user");
        assert_eq!(ask(&app, &asker, &narrow).await["permissions"], json!(["read:user"]));
        assert_eq!(gate(&app, &narrow, "/forward-auth?permission=read:user").await, 200);
        assert_eq!(gate(&app, &narrow, "/forward-auth?permission=write:user").await, 403);
        let document = "mutation { deactivateUser(where: {id: \"bob\"}) { id } }";
        assert_eq!(app.key(&*narrow).refused(document, json!({})).await, "FORBIDDEN");
        app.services.clock.advance(Duration::from_secs(115));
        for gone in [&key, &token, &narrow] {
            assert_eq!(app.who(gone).await, None);
        }
    }

    async fn what_it_was_made_from_decides(app: App) {
        let (ada, asker) = world(&app).await;
        for (n, end) in ENDS.into_iter().enumerate() {
            let id = format!("u{n}");
            let key = app.user("acme", &id, Some("api-user")).await.key.unwrap();
            let session = app.sign_in("acme", &id).await;
            let of_key = of_key(&app, &id, &key, &[]).await;
            let (of_session, again) = (exchanged(&app, &session.access, &[]).await, exchanged(&app, &of_key, &[]).await);
            let tokens = [&of_key, &of_session, &again];
            for token in tokens {
                assert_eq!(app.who(token).await.as_deref(), Some(id.as_str()));
            }
            // A role counts when the token is used.
            let withdraw = format!("mutation {{ withdrawRole(where: {{id: \"{id}\"}}, role: \"api-user\") {{ id }} }}");
            ada.ok(&withdraw, json!({})).await;
            for token in tokens {
                assert_eq!(ask(&app, &asker, token).await["permissions"], json!([]));
            }
            ada.ok(&end.replace("USER", &id), json!({})).await;
            for token in tokens {
                assert_eq!(app.who(token).await, None, "{end}");
                assert_eq!(ask(&app, &asker, token).await, json!({ "active": false }), "{end}");
                assert_eq!(gate(&app, token, "/forward-auth?optional=1").await, 401, "{end}");
                assert_eq!(refused(&app, None, &exchange_of(token, &[])).await, bad("invalid_grant"), "{end}");
            }
            for subject in [&key, &session.access, &session.refresh] {
                assert_eq!(refused(&app, None, &exchange_of(subject, &[])).await, bad("invalid_grant"), "{end}");
            }
        }
        // A new user with the same id is another one.
        let id = "mallory";
        let key = app.user("acme", id, None).await.key.unwrap();
        let tokens = [of_key(&app, id, &key, &[]).await, exchanged(&app, &app.sign_in("acme", id).await.access, &[]).await];
        ada.ok("mutation { deleteUser(where: {id: \"mallory\"}) { id } }", json!({})).await;
        app.user("acme", id, None).await;
        for token in &tokens {
            assert_eq!(app.who(token).await, None);
        }
    }

    /// Another process's key, and a signing key that leaked.
    async fn a_token_ends_with_the_key_that_signs(app: App) {
        world(&app).await;
        let bob = app.key_of("bob").await.key.unwrap();
        let token = of_key(&app, "bob", &bob, &[]).await;
        tenantry::directory::signing_key::rotate(&app.machine(), true).await.unwrap();
        assert_eq!(app.who(&token).await, None);
        assert_eq!(app.who(&of_key(&app, "bob", &bob, &[]).await).await.as_deref(), Some("bob"));
    }

    async fn a_derived_token_starts_nothing_that_lasts(app: App) {
        let (ada, _) = world(&app).await;
        let key = ada.key.clone().unwrap();
        let session = app.sign_in("acme", "ada").await;
        let create = json!({ "data": { "name": "lasting" } });
        ada.ok("mutation { createApiKey(data: {name: \"spare\"}) { secret } createUser(data: {id: \"job\", kind: SERVICE}) { id } }", json!({})).await;
        for token in [
            of_key(&app, "ada", &key, &[]).await, exchanged(&app, &session.access, &[]).await,
            exchanged(&app, &session.access, &[("scope", "write:access_key usage:impersonation write:user read:user")]).await,
            exchanged(&app, &key, &[("tenant", "berlin")]).await,
        ] {
            let caller = app.key(&*token);
            assert_eq!(caller.refused("mutation($data: CreateApiKeyData!) { createApiKey(data: $data) { secret } }", create.clone()).await, "FORBIDDEN");
            for document in [
                "mutation { createApiKey(data: {name: \"k\"}, user: {id: \"job\"}) { secret } }",
                "mutation { rotateApiKey(where: {name: \"spare\"}) { secret } }",
                "mutation { impersonateUser(where: {id: \"bob\"}, reason: \"to stay\") { accessToken } }",
                "mutation { updatePassword(where: {id: \"ada\"}, data: {oldPassword: \"password-of-ada\", newPassword1: \"another password\", newPassword2: \"another password\"}) { id } }",
                "mutation { updatePropertiesInUser(where: {id: \"ada\"}, data: {email: \"elsewhere@acme.example\"}) { id } }",
                "mutation { switchAccount(userId: \"bob\") { accessToken } }",
            ] {
                // With a token for a tenant, who is not in it is not there.
                let code = caller.refused(document, json!({})).await;
                assert!(["FORBIDDEN", "NOT_FOUND"].contains(&code.as_str()), "{document} {code}");
            }
            assert_eq!(caller.ok("{ me { accounts { userId } } }", json!({})).await["me"]["accounts"], Value::Null);
            // What a request does, it may do, as somebody else too.
            assert_eq!(caller.ok("{ me { id } }", json!({})).await["me"]["id"], "ada");
        }
        let acting = app.key(of_key(&app, "ada", &key, &[]).await).acting_as("bob");
        assert_eq!(acting.ok("{ me { id } }", json!({})).await["me"]["id"], "bob");
        assert_eq!(acting.refused("mutation { createApiKey(data: {name: \"lasting\"}) { secret } }", json!({})).await, "FORBIDDEN");
    }

    async fn an_impersonation_stays_one(app: App) {
        let (ada, asker) = world(&app).await;
        let acting = Tokens::of(&ada.ok(IMPERSONATE, json!({ "id": "bob" })).await["impersonateUser"]);
        assert!(acting.claims().get("auth_time").is_none());
        let token = exchanged(&app, &acting.access, &[("scope", "usage:api")]).await;
        let said = claims(&token);
        assert_eq!((&said["sub"], &said["act"]["sub"], &said["scope"]), (&json!("bob"), &json!("ada"), &json!("usage:api")));
        assert_eq!(ask(&app, &asker, &token).await["act"], json!({ "sub": "ada", "org_id": "acme" }));
        // It changes what it may, and is the impersonator's in the trail.
        app.key(&*token).ok("mutation { updateSettings(updated: {k: 1}) }", json!({})).await;
        app.admin().ok("mutation { withdrawRole(where: {id: \"ada\"}, role: \"organization-admin\") { id } }", json!({})).await;
        assert_eq!(app.who(&token).await, None);
        // Nobody becomes somebody else here.
        let eve = app.key_of("eve").await.key.unwrap();
        for header in ["x-tenantry-impersonate-user", "x-waii-impersonate-user"] {
            let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(exchange_of(&eve, &[])).finish();
            let request = Request::post("/oauth/token").header("content-type", FORM).header(header, "bob");
            assert_eq!(app.send(request.body(Body::from(body)).unwrap()).await.status, 401);
        }
        for other in ["actor_token", "requested_subject", "actor_token_type"] {
            assert_eq!(refused(&app, None, &exchange_of(&eve, &[(other, "bob")])).await, bad("invalid_request"));
        }
    }

    /// `bob` of Berlin is a team manager there, and an API user everywhere.
    async fn a_token_for_a_tenant_permits_what_holds_there(app: App) {
        let (ada, asker) = world(&app).await;
        let bob = app.key_of("bob").await.key.unwrap();
        let (berlin, paris) = (exchanged(&app, &bob, &[("tenant", "berlin")]).await, exchanged(&app, &bob, &[("tenant", "paris")]).await);
        let said = claims(&paris);
        assert_eq!((&said["tenant_id"], &said["tenant_scope"], &said["roles"]), (&json!("paris"), &json!(true), &json!(["api-user"])));
        assert_eq!(claims(&berlin)["roles"], json!(["api-user", "team-manager"]));
        assert_eq!((permissions(&app, &berlin).await.len(), permissions(&app, &paris).await.len()), (13, 9));
        let told = ask(&app, &asker, &paris).await;
        assert_eq!((&told["tenant_id"], &told["tenant_scope"], told["permissions"].as_array().unwrap().len()), (&json!("paris"), &json!(true), 9));
        let asker = format!("Bearer {asker}");
        for (token, tenant, count) in [(&berlin, "berlin", 13), (&berlin, "paris", 0), (&paris, "berlin", 0)] {
            let told = form(&app, "/oauth/introspect", Some(&asker), &[("token", token), ("tenant", tenant)]).await.json();
            assert_eq!(told["permissions"].as_array().unwrap().len(), count, "{tenant}");
        }
        for (token, path, status) in [
            (&berlin, "/forward-auth?permission=read:user", 200), (&berlin, "/forward-auth?permission=read:user&tenant=berlin", 200),
            (&berlin, "/forward-auth?permission=read:user&tenant=paris", 403), (&paris, "/forward-auth?permission=read:user", 403),
            (&paris, "/forward-auth?permission=usage:api&tenant=berlin", 403), (&paris, "/forward-auth?permission=usage:api", 200),
        ] {
            assert_eq!(gate(&app, token, path).await, status, "{path}");
        }
        let authorization = format!("Bearer {paris}");
        let reply = app.send(at_the_gate("/forward-auth", &[("authorization", &authorization)])).await;
        assert_eq!((&reply.headers["x-tenantry-tenant"], &reply.headers["x-tenantry-roles"]), (&"paris".parse().unwrap(), &"api-user".parse().unwrap()));
        let can = "{ can(permissions: [\"read:user\"]) { allowed } }";
        assert_eq!(app.key(&*berlin).ok(can, json!({})).await["can"][0]["allowed"], true);
        assert_eq!(app.key(&*paris).ok(can, json!({})).await["can"][0]["allowed"], false);
        // It lists the users of the tenant.
        app.admin().ok("mutation { createUser(data: {id: \"pia\", organizationId: \"acme\", tenantId: \"paris\"}) { id } }", json!({})).await;
        let whole = exchanged(&app, ada.key.as_deref().unwrap(), &[]).await;
        let part = exchanged(&app, &whole, &[("tenant", "paris")]).await;
        assert_eq!(listed(&app, &whole).await, ["ada", "bob", "pia"]);
        assert_eq!(listed(&app, &part).await, ["pia"]);
        let admin = exchanged(&app, app.admin().key.as_deref().unwrap(), &[("tenant", "platform")]).await;
        assert_eq!(listed(&app, &admin).await, ["admin"]);
        assert_eq!(app.key(&*admin).refused("mutation { createOrganization(data: {name: \"X\"}) { id } }", json!({})).await, "FORBIDDEN");
        // No way back, and none elsewhere.
        for other in ["berlin", "nowhere", "globex-main", "platform"] {
            assert_eq!(refused(&app, None, &exchange_of(&part, &[("tenant", other)])).await, bad("invalid_request"), "{other}");
        }
        assert_eq!(claims(&exchanged(&app, &part, &[]).await)["tenant_scope"], true);
        app.admin().ok("mutation { deleteUser(where: {id: \"pia\"}) { id } deleteTenant(where: {id: \"paris\"}) { id } }", json!({})).await;
        assert_eq!((app.who(&part).await, app.who(&paris).await), (None, None));
    }

    async fn a_token_of_a_key_is_not_revoked_alone(app: App) {
        let (_, asker) = world(&app).await;
        let bob = app.key_of("bob").await.key.unwrap();
        let session = app.sign_in("acme", "bob").await;
        let (of_key, of_session) = (of_key(&app, "bob", &bob, &[]).await, exchanged(&app, &session.access, &[]).await);
        let before = app.dump().await;
        let reply = form(&app, "/oauth/revoke", None, &[("token", &of_key)]).await;
        assert_eq!((reply.status.as_u16(), &reply.json()["error"]), (400, &json!("unsupported_token_type")));
        assert_eq!(before, app.dump().await);
        // Whoever finds one of a session can end it.
        assert_eq!(form(&app, "/oauth/revoke", None, &[("token", &of_session)]).await.status, 200);
        assert_eq!(app.who(&session.access).await, None);
        assert_eq!(form(&app, "/oauth/revoke", None, &[("token", &bob)]).await.status, 200);
        assert_eq!(ask(&app, &asker, &of_key).await, json!({ "active": false }));
    }

    async fn who_a_token_is_for(app: App) {
        let (_, asker) = world(&app).await;
        let bob = app.key_of("bob").await.key.unwrap();
        let session = app.sign_in("acme", "bob").await;
        let token = of_key(&app, "bob", &bob, &[("audience", PUBLIC_URL)]).await;
        let asker = format!("Bearer {asker}");
        for (token, resource, active) in [
            (&token, PUBLIC_URL, true), (&token, "https://other.example", false), (&session.access, PUBLIC_URL, true), (&session.access, "x", false), (&bob, "x", true),
        ] {
            let told = form(&app, "/oauth/introspect", Some(&asker), &[("token", token), ("resource", resource)]).await.json();
            assert_eq!(told["active"], active, "{resource}");
        }
    }

    async fn a_request_is_read_whole_or_refused(app: App) {
        world(&app).await;
        let bob = app.key_of("bob").await.key.unwrap();
        let basic = format!("Basic {}", STANDARD.encode(format!("bob:{bob}")));
        let bearer = format!("Bearer {bob}");
        let client: [(&str, &str); 3] = [("grant_type", "client_credentials"), ("client_id", "bob"), ("client_secret", &bob)];
        let subject = exchange_of(&bob, &[]);
        let no_type: Vec<(&str, &str)> = subject.iter().copied().filter(|(name, _)| *name != "subject_token_type").collect();
        let id_token = "urn:ietf:params:oauth:token-type:id_token";
        for (authorization, pairs, error) in [
            (None, vec![], bad("invalid_request")),
            (None, vec![("grant_type", "password"), ("username", "bob"), ("password", "password-of-bob")], bad("unsupported_grant_type")),
            (None, vec![("grant_type", "authorization_code")], bad("unsupported_grant_type")),
            (None, vec![("grant_type", "refresh_token")], bad("invalid_request")),
            (None, vec![("grant_type", "client_credentials")], (401, "invalid_client".to_owned())),
            (None, vec![("grant_type", "client_credentials"), ("client_id", "bob")], (401, "invalid_client".to_owned())),
            (None, no_type, bad("invalid_request")),
            (None, exchange_of(&bob, &[("requested_token_type", id_token)]), bad("invalid_request")),
            (None, exchange_of(&bob, &[("resource", PUBLIC_URL), ("audience", "x")]), bad("invalid_request")),
            (None, exchange_of(&bob, &[("scope", "usage:api"), ("scope", "usage:api")]), bad("invalid_request")),
            (None, exchange_of(&bob, &[("client_id", "bob"), ("client_secret", &bob)]), bad("invalid_request")),
            (None, exchange_of("", &[]), bad("invalid_request")),
            (None, exchange_of("eyJ.a.b", &[]), bad("invalid_grant")),
            (None, exchange_of("a b", &[]), bad("invalid_grant")),
            (Some(&basic), subject.clone(), bad("invalid_request")),
            (Some(&basic), client.to_vec(), bad("invalid_request")),
            (Some(&basic), vec![("grant_type", "client_credentials"), ("client_id", "ada")], bad("invalid_request")),
            (Some(&bearer), client.to_vec(), bad("invalid_request")),
            (None, [&client[..], &[("scope", "no:such")]].concat(), bad("invalid_scope")),
            (None, [&client[..], &[("scope", "read:org")]].concat(), bad("invalid_scope")),
            (None, [&client[..], &[("resource", "https://other.example")]].concat(), bad("invalid_target")),
        ] {
            assert_eq!(refused(&app, authorization.map(String::as_str), &pairs).await, error, "{pairs:?}");
        }
        let send = async |kind: &str, body: String| {
            let request = Request::post("/oauth/token").header(header::CONTENT_TYPE, kind);
            let reply = app.send(request.body(Body::from(body)).unwrap()).await;
            (reply.status.as_u16(), reply.json()["error"].as_str().unwrap().to_owned())
        };
        assert_eq!(send("application/json", json!({ "grant_type": "client_credentials" }).to_string()).await, bad("invalid_request"));
        assert_eq!(send(FORM, format!("grant_type={}", "x".repeat(65_536))).await, (413, "invalid_request".to_owned()));
        // Never from the address.
        let reply = form(&app, &format!("/oauth/token?client_id=bob&client_secret={bob}"), None, &[("grant_type", "client_credentials")]).await;
        assert_eq!(reply.status, 401);
        assert_eq!(app.send(at_the_gate("/oauth/token", &[])).await.status, 405);
    }

    /// Random chains: each token is made from the one before, at a later time, with limits that may be wider.
    async fn a_chain_of_exchanges_never_widens(app: App) {
        let (ada, asker) = world(&app).await;
        let names = ["read:user", "write:user", "read:org", "usage:api", "read:tenant", "write:access_key", "read:databases"];
        let limited = json!({ "name": "k", "permissions": ["read:user", "usage:api", "read:tenant"], "expiryDate": "2026-01-02T03:30:00Z" });
        let limited = secret(&ada, limited).await;
        let bob = app.key_of("bob").await.key.unwrap();
        for seed in 0..12 {
            let mut random = fastrand::Rng::with_seed(seed);
            let session = app.sign_in("acme", "ada").await.access;
            let mut subject = [ada.key.clone().unwrap(), session, limited.clone(), bob.clone()][usize::try_from(seed % 4).unwrap()].clone();
            for step in 0..10 {
                let mut more = Vec::new();
                if random.u8(..3) == 0 {
                    let count = random.usize(1..=names.len());
                    let mut some = names;
                    random.shuffle(&mut some);
                    more.push(("scope".to_owned(), some[..count].join(" ")));
                }
                if random.u8(..4) == 0 {
                    more.push(("tenant".to_owned(), ["berlin", "paris"][random.usize(..2)].to_owned()));
                }
                let given: Vec<(&str, &str)> = more.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
                let before = ask(&app, &asker, &subject).await;
                let reply = ask_for(&app, None, &exchange_of(&subject, &given)).await;
                if reply.status != 200 {
                    let error = reply.json()["error"].as_str().unwrap().to_owned();
                    assert!(["invalid_scope", "invalid_request"].contains(&error.as_str()) && !more.is_empty(), "{reply:?}");
                    continue;
                }
                let token = token_of(&reply.json());
                let after = ask(&app, &asker, &token).await;
                let of = |told: &Value, name: &str| -> Vec<Value> { told[name].as_array().cloned().unwrap_or_default() };
                // For a tenant may hold what does not hold for the whole organization, and counts as it does there.
                let mut may = of(&before, "permissions");
                if let (Some(tenant), true) = (after["tenant_id"].as_str(), after["tenant_scope"] == true) {
                    let pairs = [("token", subject.as_str()), ("tenant", tenant)];
                    let told = form(&app, "/oauth/introspect", Some(&format!("Bearer {asker}")), &pairs).await.json();
                    may = of(&told, "permissions");
                }
                let context = format!("seed {seed} step {step} {more:?}\n{before:#}\n{after:#}");
                assert!(of(&after, "permissions").iter().all(|name| may.contains(name)), "{context}");
                assert!(!of(&after, "permissions").is_empty(), "{context}");
                let has_aud = !of(&before, "aud").is_empty();
                assert!(!has_aud || of(&after, "aud").iter().all(|aud| of(&before, "aud").contains(aud)), "{context}");
                assert!(before["exp"].as_i64().is_none_or(|end| after["exp"].as_i64().unwrap() <= end), "{context}");
                assert!(before["tenant_scope"] != true || (after["tenant_scope"] == true && before["tenant_id"] == after["tenant_id"]), "{context}");
                for same in ["sub", "org_id", "email"] {
                    assert_eq!(before[same], after[same], "{context}");
                }
                for origin in ["sid", "key_id"] {
                    assert_eq!(before[origin], after[origin], "{context}");
                }
                subject = token;
                app.services.clock.advance(Duration::from_millis(random.u64(..9_000)));
            }
        }
    }
}
