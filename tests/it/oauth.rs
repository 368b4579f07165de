//! What back ends and gateways ask about a credential. The threats, each with its test:
//!
//! | somebody | test |
//! |---|---|
//! | asks without the permission, and compares the answers | `who_may_not_ask_learns_nothing` |
//! | asks about others' organizations | `an_organization_asks_about_its_own` |
//! | goes on with what was taken away | `what_is_taken_away_is_not_active` |
//! | reads more power from the roles than a limited key has | `a_limited_key_shows_no_roles` |
//! | sends a form that two programs read differently | `forms_are_read_whole_or_refused` |
//! | sends the proxy's own headers or parameters | `nothing_of_the_client_decides` |

use axum::body::Body;
use axum::http::{Method, Request, header};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::on_both;
use crate::support::session::Tokens;
use crate::support::{App, Caller, Reply};

pub const FORM: &str = "application/x-www-form-urlencoded";
pub const CREATE_KEY: &str = "mutation($data: CreateApiKeyData!, $user: UserWhere) { createApiKey(data: $data, user: $user) { secret apiKey { id } } }";

/// A form, with this `Authorization`.
pub async fn form(app: &App, path: &str, authorization: Option<&str>, pairs: &[(&str, &str)]) -> Reply {
    let body = form_urlencoded::Serializer::new(String::new())
        .extend_pairs(pairs)
        .finish();
    let mut request = Request::post(path).header(header::CONTENT_TYPE, FORM);
    if let Some(value) = authorization {
        request = request.header(header::AUTHORIZATION, value);
    }
    app.send(request.body(Body::from(body)).unwrap()).await
}

pub async fn ask(app: &App, asker: &str, token: &str) -> Value {
    let reply = form(
        app,
        "/oauth/introspect",
        Some(&format!("Bearer {asker}")),
        &[("token", token)],
    )
    .await;
    assert_eq!(reply.status, 200, "{reply:?}");
    assert_eq!(reply.headers[header::CACHE_CONTROL], "no-store");
    reply.json()
}

pub async fn secret(caller: &Caller<'_>, data: Value) -> String {
    let made = caller.ok(CREATE_KEY, json!({ "data": data })).await;
    made["createApiKey"]["secret"].as_str().unwrap().to_owned()
}

/// Acme with Berlin; `ada` administers it, `bob` is in Berlin and reviews there, `eve` is elsewhere. Gives ada and a key
/// that may do nothing but ask, for all organizations.
pub async fn world(app: &App) -> (Caller<'_>, String) {
    app.organization("acme", &["berlin", "paris"]).await;
    app.organization("globex", &[]).await;
    let ada = app.user("acme", "ada", Some("organization-admin")).await;
    app.user("globex", "eve", Some("organization-admin")).await;
    let data = json!({
        "id": "bob", "email": "bob@acme.example", "organizationId": "acme", "tenantId": "berlin", "password": "password-of-bob",
        "roles": ["api-user"], "tenantRoles": [{ "role": "team-manager", "tenant": "berlin" }],
    });
    app.admin()
        .ok(
            "mutation($data: CreateUserData!) { createUser(data: $data) { id } }",
            json!({ "data": data }),
        )
        .await;
    let asker = secret(
        &app.admin(),
        json!({ "name": "gateway", "permissions": ["tenantry:introspect"] }),
    )
    .await;
    (ada, asker)
}

pub fn at_the_gate(path: &str, headers: &[(&str, &str)]) -> Request<Body> {
    let request = Request::builder().method(Method::GET).uri(path);
    let with = |request: axum::http::request::Builder, (name, value): &(&str, &str)| request.header(*name, *value);
    headers.iter().fold(request, with).body(Body::empty()).unwrap()
}

pub async fn gate(app: &App, key: &str, path: &str) -> u16 {
    let authorization = format!("Bearer {key}");
    let reply = app.send(at_the_gate(path, &[("authorization", &authorization)])).await;
    assert!(reply.body.is_empty(), "{reply:?}");
    reply.status.as_u16()
}

/// What ends the credentials of USER.
pub const ENDS: [&str; 3] = [
    "mutation { revokeUserApiKeys(where: {id: \"USER\"}) { id } revokeSessions(where: {user: {id: \"USER\"}}) }",
    "mutation { deactivateUser(where: {id: \"USER\"}) { id } }",
    "mutation { deleteUser(where: {id: \"USER\"}) { id } }",
];

on_both! {
    async fn a_key_and_a_session_are_told(app: App) {
        let (_, asker) = world(&app).await;
        let key = app.key_of("bob").await.key.unwrap();
        let told = ask(&app, &asker, &key).await;
        assert_eq!(told["permissions"], json!([
            "read:semantic-context", "read:liked-queries", "read:databases", "read:similarity-search-index", "write:semantic-context",
            "write:liked-queries", "write:databases", "usage:api", "write:access_key",
        ]));
        let expected = json!({
            "active": true, "token_type": "Bearer", "credential": "api_key", "client_id": "bob", "sub": "bob", "username": "bob",
            "org_id": "acme", "tenant_id": "berlin", "email": "bob@acme.example", "email_verified": false, "roles": ["api-user"],
        });
        for (name, value) in expected.as_object().unwrap() {
            assert_eq!(&told[name], value, "{name}");
        }
        assert!(told["key_id"].is_string() && told.get("exp").is_none() && told.get("sid").is_none(), "{told}");
        // There, and where bob has nothing more, and where nobody is.
        let there = async |tenant: &str| {
            let reply = form(&app, "/oauth/introspect", Some(&format!("Bearer {asker}")), &[("token", &key), ("tenant", tenant)]).await;
            (reply.json()["permissions"].as_array().unwrap().len(), reply.json()["roles"].clone())
        };
        assert_eq!(there("berlin").await, (13, json!(["api-user", "team-manager"])));
        assert_eq!(there("paris").await, (9, json!(["api-user"])));
        assert_eq!(there("globex-main").await, (0, json!([])));
        // A session, with the claims of its token.
        let session = app.sign_in("acme", "bob").await;
        let (told, claims) = (ask(&app, &asker, &session.access).await, session.claims());
        for name in ["sub", "sid", "iat", "exp", "jti", "aud", "iss", "org_id", "tenant_id", "client_id", "email_verified", "roles"] {
            assert_eq!(told[name], claims[name], "{name}");
        }
        assert_eq!((&told["credential"], &told["client_id"]), (&json!("session"), &json!("tenantry")));
        // Acting as bob: who really acts.
        let acting = "mutation { impersonateUser(where: {id: \"bob\"}, reason: \"to help\") { accessToken refreshToken expiresIn refreshExpiresIn user { id } } }";
        let acting = Tokens::of(&app.admin().ok(acting, json!({})).await["impersonateUser"]);
        assert_eq!(ask(&app, &asker, &acting.access).await["act"], json!({ "sub": "admin", "org_id": "platform" }));
        assert_eq!(acting.claims()["act"], json!({ "sub": "admin", "org_id": "platform" }));
    }

    async fn a_limited_key_shows_no_roles(app: App) {
        let (ada, asker) = world(&app).await;
        let key = secret(&ada, json!({ "name": "k", "permissions": ["read:user"], "expiryDate": "2026-02-01T00:00:00Z" })).await;
        let told = ask(&app, &asker, &key).await;
        assert_eq!((&told["roles"], &told["permissions"], &told["exp"]), (&json!([]), &json!(["read:user"]), &json!(1_769_904_000)));
        app.user("acme", "eva", None).await;
        app.admin().ok("mutation { assignRole(where: {id: \"eva\"}, role: \"trial-user\") { id } }", json!({})).await;
        let acting = "mutation { impersonateUser(where: {id: \"eva\"}, reason: \"to help\") { accessToken refreshToken expiresIn refreshExpiresIn user { id } } }";
        let all = ["usage:impersonation", "read:semantic-context", "read:liked-queries", "read:databases", "read:similarity-search-index"];
        let helper = secret(&app.admin(), json!({ "name": "h", "permissions": all })).await;
        let acting = Tokens::of(&app.key(&*helper).ok(acting, json!({})).await["impersonateUser"]);
        assert_eq!(acting.claims()["roles"], json!([]));
        let authorization = format!("Bearer {key}");
        let reply = app.send(at_the_gate("/forward-auth", &[("authorization", &authorization)])).await;
        assert_eq!((reply.status.as_u16(), &reply.headers["x-tenantry-roles"]), (200, &"?0".parse().unwrap()));
    }

    /// Valid or not, known or not: without the permission the answers are the same.
    async fn who_may_not_ask_learns_nothing(app: App) {
        let (ada, _) = world(&app).await;
        let bob = app.key_of("bob").await.key.unwrap();
        let session = app.sign_in("acme", "bob").await;
        let ada = format!("Bearer {}", ada.key.unwrap());
        for (authorization, status) in [(Some(ada.as_str()), 403), (None, 401), (Some("Bearer tnt_unknown"), 401), (Some("Basic ?"), 401)] {
            let mut answers = Vec::new();
            for token in [bob.as_str(), &session.access, &session.refresh, "tnt_unknown", "nonsense"] {
                let reply = form(&app, "/oauth/introspect", authorization, &[("token", token)]).await;
                assert_eq!(reply.status, status, "{reply:?}");
                answers.push(reply.body);
            }
            answers.dedup();
            assert_eq!(answers.len(), 1);
        }
        app.settle().await;
        let used = app.admin().ok("{ apiKeys(where: {user: {id: \"bob\"}}) { lastUsedAt } }", json!({})).await;
        assert_eq!(used["apiKeys"][0]["lastUsedAt"], Value::Null, "a refused question is no use of the key");
        app.services.refusals.flush(&app.services.db, app.services.clock.now(), true).await.unwrap();
        let refused = "{ auditEvents(where: {refused: true}) { action actorId } }";
        let trail = app.admin().ok(refused, json!({})).await;
        assert_eq!(trail["auditEvents"], json!([{ "action": "credential.read", "actorId": "ada" }]));
    }

    /// What is not active is not active in the same bytes.
    async fn an_organization_asks_about_its_own(app: App) {
        let (ada, everywhere) = world(&app).await;
        // No role of an organization has the permission; the operator gives one.
        let role = "mutation { createRole(data: {name: \"gateway\", permissions: [\"tenantry:introspect\"], organizationId: \"acme\"}) { id } }";
        assert_eq!(ada.refused(role, json!({})).await, "FORBIDDEN");
        app.admin().ok(role, json!({})).await;
        let gateway = app.user("acme", "gateway", Some("gateway")).await.key.unwrap();
        let (bob, eve) = (app.key_of("bob").await.key.unwrap(), app.key_of("eve").await.key.unwrap());
        assert_eq!(ask(&app, &gateway, &bob).await["active"], true);
        assert_eq!(ask(&app, &everywhere, &eve).await["active"], true);
        let session = app.sign_in("globex", "eve").await;
        for token in [eve.as_str(), &session.access, &session.refresh, "tnt_unknown", "a b", "eyJ.a.b", &"x".repeat(10_000)] {
            assert_eq!(ask(&app, &gateway, token).await, json!({ "active": false }), "{token}");
        }
        // For one tenant it opens nothing.
        let assign = "mutation { assignRole(where: {id: \"bob\"}, role: \"gateway\", tenant: \"berlin\") { id } }";
        app.admin().ok(assign, json!({})).await;
        let reply = form(&app, "/oauth/introspect", Some(&format!("Bearer {bob}")), &[("token", &bob)]).await;
        assert_eq!(reply.status, 403);
    }

    async fn what_is_taken_away_is_not_active(app: App) {
        let (ada, asker) = world(&app).await;
        for (n, end) in ENDS.into_iter().enumerate() {
            let id = format!("u{n}");
            let key = app.user("acme", &id, Some("api-user")).await.key.unwrap();
            let session = app.sign_in("acme", &id).await;
            for token in [&key, &session.access] {
                assert_eq!(ask(&app, &asker, token).await["active"], true);
            }
            assert_eq!(gate(&app, &key, "/forward-auth?permission=usage:api").await, 200);
            let withdraw = format!("mutation {{ withdrawRole(where: {{id: \"{id}\"}}, role: \"api-user\") {{ id }} }}");
            ada.ok(&withdraw, json!({})).await;
            assert_eq!(ask(&app, &asker, &key).await["permissions"], json!([]));
            assert_eq!(gate(&app, &key, "/forward-auth?permission=usage:api").await, 403);
            assert_eq!(gate(&app, &session.access, "/forward-auth").await, 200);
            ada.ok(&end.replace("USER", &id), json!({})).await;
            for token in [&key, &session.access] {
                assert_eq!(ask(&app, &asker, token).await, json!({ "active": false }), "{end}");
                assert_eq!(gate(&app, token, "/forward-auth?optional=1").await, 401, "{end}");
            }
        }
    }

    /// A key with its owner's id, as OAuth clients send them.
    async fn a_client_authenticates_with_a_key(app: App) {
        world(&app).await;
        let asker = secret(&app.admin(), json!({ "name": "client" })).await;
        let bob = app.key_of("bob").await.key.unwrap();
        let session = app.sign_in("acme", "bob").await;
        let basic = |id: &str, secret: &str| format!("Basic {}", STANDARD.encode(format!("{id}:{secret}")));
        for (authorization, status) in [
            (basic("admin", &asker), 200), (basic("adm%69n", &asker), 200), (basic("ada", &asker), 401), (basic("", &asker), 401),
            (basic("admin", &bob), 401), (basic("bob", &session.access), 401), (basic("admin", ""), 401), (basic("bob", &bob), 403),
        ] {
            let reply = form(&app, "/oauth/introspect", Some(&authorization), &[("token", &bob)]).await;
            assert_eq!(reply.status, status, "{reply:?}");
            if status == 401 {
                assert_eq!(reply.headers[header::WWW_AUTHENTICATE], "Basic realm=\"tenantry\"");
                assert_eq!(reply.json()["error"], "invalid_client");
            }
        }
    }

    async fn everybody_who_holds_a_credential_ends_it(app: App) {
        let (_, asker) = world(&app).await;
        let key = app.key_of("bob").await.key.unwrap();
        let (one, two) = (app.sign_in("acme", "bob").await, app.sign_in("acme", "bob").await);
        let kept = app.sign_in("acme", "bob").await;
        for (token, ended) in [(&key, &key), (&one.access, &one.access), (&two.refresh, &two.access)] {
            // A credential of somebody else changes nothing.
            let reply = form(&app, "/oauth/revoke", Some("Bearer tnt_unknown"), &[("token", token), ("token_type_hint", "x")]).await;
            assert_eq!((reply.status.as_u16(), reply.body.len()), (200, 0));
            assert_eq!(ask(&app, &asker, ended).await, json!({ "active": false }));
        }
        assert_eq!(ask(&app, &asker, &kept.access).await["active"], true);
        let before = app.dump().await;
        for token in [&key, &one.access, &one.refresh, "tnt_unknown", "nonsense", "a b", "eyJ.a.b"] {
            assert_eq!(form(&app, "/oauth/revoke", None, &[("token", token)]).await.status, 200, "{token}");
        }
        assert_eq!(before, app.dump().await);
        let trail = app.column::<String>("SELECT action || ' ' || COALESCE(actor_id, '-') FROM audit_events WHERE action LIKE '%.revoke' ORDER BY pk").await;
        assert_eq!(trail, ["apiKey.revoke -", "session.revoke -", "session.revoke -"]);
    }

    async fn forms_are_read_whole_or_refused(app: App) {
        let (_, asker) = world(&app).await;
        let key = app.key_of("bob").await.key.unwrap();
        let before = app.dump().await;
        for path in ["/oauth/introspect", "/oauth/revoke"] {
            let send = async |kind: &str, body: String| {
                let request = Request::post(path).header(header::CONTENT_TYPE, kind).header(header::AUTHORIZATION, format!("Bearer {asker}"));
                let reply = app.send(request.body(Body::from(body)).unwrap()).await;
                (reply.status.as_u16(), reply.json()["error"].clone())
            };
            let refused = |status: u16| (status, json!("invalid_request"));
            assert_eq!(send(FORM, format!("token={key}&token=x")).await, refused(400));
            assert_eq!(send(FORM, "token=".to_owned()).await, refused(400));
            assert_eq!(send("application/json", json!({ "token": key }).to_string()).await, refused(400));
            assert_eq!(send(FORM, format!("token={}", "x".repeat(65_536))).await, refused(413));
            // Never from the address.
            let reply = form(&app, &format!("{path}?token={key}"), Some(&format!("Bearer {asker}")), &[]).await;
            assert_eq!(reply.status, 400);
            let reply = app.send(at_the_gate(path, &[])).await;
            assert_eq!((reply.status.as_u16(), &reply.headers[header::ALLOW]), (405, &"POST".parse().unwrap()));
        }
        assert_eq!(before, app.dump().await);
        assert_eq!(ask(&app, &asker, &key).await["active"], true);
    }

    async fn a_proxy_is_told_who_it_is(app: App) {
        let (ada, _) = world(&app).await;
        let bob = app.key_of("bob").await.key.unwrap();
        for (path, status) in [
            ("/forward-auth", 200), ("/forward-auth?permission=usage:api", 200), ("/forward-auth?permission=usage:api&permission=read:user", 403),
            ("/forward-auth?permission=read:user&tenant=berlin", 200), ("/forward-auth?permission=read:user&tenant=paris", 403),
            ("/forward-auth?tenant=nowhere", 403), ("/forward-auth?tenant=paris", 200), ("/forward-auth?organization=acme", 200),
            ("/forward-auth?organization=globex", 403), ("/forward-auth?permission=unknown:thing", 403), ("/forward-auth?permission=", 403),
            ("/forward-auth?permision=usage:api", 400), ("/forward-auth?optional=1&permission=read:user", 403),
            ("/forward-auth/-/usage:api/-/orders", 200), ("/forward-auth/-/usage:api,read:user/-/orders", 403), ("/forward-auth/-/usage:api", 400),
        ] {
            assert_eq!(gate(&app, &bob, path).await, status, "{path}");
        }
        assert_eq!(app.send(at_the_gate("/forward-auth", &[])).await.status, 401);
        assert_eq!(app.send(at_the_gate("/forward-auth?optional=1", &[])).await.headers["x-tenantry-user"], "?0");
        // All that is known, encoded; acting as another user, who really acts.
        let odd = json!({ "id": "o d, ~", "email": "odd@acme.example", "organizationId": "acme" });
        app.admin().ok("mutation($data: CreateUserData!) { createUser(data: $data) { id } }", json!({ "data": odd })).await;
        let authorization = format!("Bearer {}", ada.key.unwrap());
        let as_odd = [("authorization", authorization.as_str()), ("x-tenantry-impersonate-user", "o d, ~")];
        let reply = app.send(at_the_gate("/forward-auth", &as_odd)).await;
        let headers = |name: &str| reply.headers[format!("x-tenantry-{name}")].to_str().unwrap().to_owned();
        assert_eq!(headers("user"), "o%20d%2C%20~");
        assert_eq!((headers("organization"), headers("tenant"), headers("actor")), ("acme".to_owned(), "?0".to_owned(), "ada".to_owned()));
        assert_eq!((headers("email"), headers("roles")), ("?0".to_owned(), "?0".to_owned()), "an unverified address is nobody's");
    }

    /// Proxies pass the client's headers, body and address on.
    async fn nothing_of_the_client_decides(app: App) {
        world(&app).await;
        let bob = format!("Bearer {}", app.key_of("bob").await.key.unwrap());
        let forged: Vec<(&str, &str)> = vec![
            ("authorization", &bob), ("x-tenantry-user", "admin"), ("x-tenantry-roles", "super-admin"), ("x-tenantry-organization", "globex"),
            ("content-encoding", "gzip"), ("content-length", "0"), ("x-forwarded-uri", "/forward-auth?optional=1"),
        ];
        let reply = app.send(at_the_gate("/forward-auth?permission=usage:api", &forged)).await;
        assert_eq!((reply.status.as_u16(), &reply.headers["x-tenantry-user"]), (200, &"bob".parse().unwrap()));
        assert_eq!(reply.headers["x-tenantry-roles"], "api-user");
        // Envoy's prefix demands `read:user`; what follows is the client's.
        for rest in ["x?permission=usage:api", "?optional=1", "-/usage:api/-/", "/-/usage:api/-/x?optional=1", "../../-/usage:api/-/", "%2F..%2F"] {
            let reply = app.send(at_the_gate(&format!("/forward-auth/-/read:user/-/{rest}"), &[("authorization", &bob)])).await;
            assert_eq!(reply.status, 403, "{rest}");
        }
        // Two credentials are none, and a bad one never passes as no one.
        let twice = [("authorization", bob.as_str()), ("authorization", "Bearer x")];
        assert_eq!(app.send(at_the_gate("/forward-auth?optional=1", &twice)).await.status, 400);
        assert_eq!(app.send(at_the_gate("/forward-auth?optional=1", &[("authorization", "Bearer tnt_x")])).await.status, 401);
        // Whatever the method.
        for method in [Method::POST, Method::OPTIONS, Method::DELETE, Method::HEAD] {
            let request = Request::builder().method(method.clone()).uri("/forward-auth").header("authorization", &bob);
            assert_eq!(app.send(request.body(Body::from("ignored")).unwrap()).await.status, 200, "{method}");
        }
    }
}
