//! Resource servers, and tokens for them. The threats, each with its test:
//!
//! | somebody | test |
//! |---|---|
//! | uses a token for one resource server at another, or here | `a_token_for_another_is_refused_everywhere` |
//! | makes a token for more resource servers, for longer or with more from one for a single one | `a_chain_between_resource_servers_never_widens` |
//! | signs with another algorithm than the key's | `the_key_says_how_it_signs` |
//! | puts a claim into tokens that others take for tenantry's | `what_tokens_are_to_contain_is_checked` |
//! | makes a token so long that a part of a list reads as all of it | `what_is_too_long_is_left_out_in_order` |
//! | goes on with a token for what was deleted | `a_resource_server_comes_and_goes` |

use axum::body::Body;
use axum::http::{Method, Request, header};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};
use tenantry::directory::permission::{self, Applying, PermissionsFile};
use tenantry::directory::signing_key;

use crate::oauth::{ask, at_the_gate, form, gate, secret, world};
use crate::oauth_tokens::{ask_for, bad, claims, exchange_of, exchanged, granted, of_key, refresh_of, refused};
use crate::on_both;
use crate::session_tokens::key;
use crate::support::{App, PUBLIC_URL};

const CREATE: &str = "mutation($data: CreateResourceServerData!) { createResourceServer(data: $data) { id } }";
const UPDATE: &str = "mutation($id: ID!, $data: UpdateResourceServerData!) { updateResourceServer(where: {id: $id}, data: $data) { id version } }";
const DELETE: &str = "mutation($id: ID!) { deleteResourceServer(where: {id: $id}) { id } }";
const ALL: &str = "id name audiences tokenLifetimeSeconds algorithm permissionsClaim builtInPermissions rolesClaim groupsClaim emailClaim claims version";
const A: &str = "https://a.example";
const B: &str = "https://b.example";

/// A resource server with these settings.
pub async fn create(app: &App, id: &str, settings: Value) {
    let mut data = settings;
    data["id"] = json!(id);
    data["name"] = json!("A product");
    app.admin().ok(CREATE, json!({ "data": data })).await;
}

async fn update(app: &App, id: &str, data: Value) {
    app.admin().ok(UPDATE, json!({ "id": id, "data": data })).await;
}

async fn declare(app: &App, name: &str, server: Option<&str>) {
    let data = json!({ "name": name, "lowestRole": "TRIAL_USER", "resourceServerId": server });
    let document = "mutation($data: CreatePermissionData!) { createPermission(data: $data) { id } }";
    app.admin().ok(document, json!({ "data": data })).await;
}

/// The algorithm and the key that a token names.
fn head(token: &str) -> (Algorithm, String) {
    let header = jsonwebtoken::decode_header(token).unwrap();
    (header.alg, header.kid.unwrap())
}

async fn published(app: &App) -> Vec<Value> {
    let request = Request::get("/.well-known/jwks.json").body(Body::empty()).unwrap();
    app.send(request).await.json()["keys"].as_array().unwrap().clone()
}

on_both! {
    async fn a_resource_server_comes_and_goes(app: App) {
        let (ada, asker) = world(&app).await;
        let admin = app.admin();
        let listed = format!("{{ resourceServers {{ {ALL} }} countResourceServers }}");
        let own = json!({
            "id": "default", "name": "default", "audiences": [], "tokenLifetimeSeconds": 600, "algorithm": "EDDSA", "permissionsClaim": "PERMISSIONS",
            "builtInPermissions": false, "rolesClaim": true, "groupsClaim": false, "emailClaim": true, "claims": {}, "version": 1,
        });
        assert_eq!(admin.ok(&listed, json!({})).await, json!({ "resourceServers": [own], "countResourceServers": 1 }));
        let settings = json!({
            "tokenLifetimeSeconds": 60, "algorithm": "ES256", "permissionsClaim": "SCOPE", "builtInPermissions": true, "rolesClaim": false,
            "groupsClaim": true, "emailClaim": false, "claims": {"role": {"value": "staff"}, "tier": {"value": [1, "two", true]}},
        });
        create(&app, A, settings.clone()).await;
        let read = format!("query($id: ID) {{ resourceServer(where: {{id: $id}}) {{ {ALL} nodeId }} }}");
        let made = admin.ok(&read, json!({ "id": A })).await["resourceServer"].clone();
        for (name, value) in settings.as_object().unwrap() {
            assert_eq!(&made[name], value, "{name}");
        }
        let node = "query($id: ID!) { node(nodeId: $id) { ... on ResourceServer { id claims } } }";
        assert_eq!(admin.ok(node, json!({ "id": made["nodeId"] })).await["node"], json!({ "id": A, "claims": settings["claims"] }));
        // What it is given changes, and nothing else.
        update(&app, A, json!({ "rolesClaim": true })).await;
        update(&app, A, json!({ "rolesClaim": true, "tokenLifetimeSeconds": 60 })).await;
        let now = admin.ok(&read, json!({ "id": A })).await["resourceServer"].clone();
        assert_eq!((&now["version"], &now["rolesClaim"], &now["claims"]), (&json!(2), &json!(true), &settings["claims"]));
        let found = "{ resourceServers(where: {nameContains: \"prod\"}, orderBy: NAME_DESC) { id } resourceServersConnection(first: 1) { totalCount nodes { id } } }";
        assert_eq!(admin.ok(found, json!({})).await, json!({ "resourceServers": [{"id": A}], "resourceServersConnection": {"totalCount": 2, "nodes": [{"id": "default"}]} }));
        // Only super admins, with their full power, and with nothing in between.
        let limited = secret(&admin, json!({ "name": "narrow", "permissions": ["write:role", "read:role"] })).await;
        let derived = exchanged(&app, &admin.key.clone().unwrap(), &[]).await;
        assert_eq!(ada.code("{ resourceServers { id } }", json!({})).await, "FORBIDDEN");
        for caller in [ada, app.key(limited), app.key(derived)] {
            for (document, variables) in [(CREATE, json!({ "data": {"id": B, "name": "B"} })), (UPDATE, json!({ "id": A, "data": {"rolesClaim": false} })), (DELETE, json!({ "id": A }))] {
                assert_eq!(caller.refused(document, variables).await, "FORBIDDEN", "{document}");
            }
        }
        // A permission belongs to one, and keeps it.
        declare(&app, "invoices:read", Some(A)).await;
        let owned = "{ permissions(where: {resourceServerId: \"https://a.example\"}) { id resourceServerId } countPermissions(where: {NOT: {resourceServerId: \"https://a.example\"}, builtIn: false}) }";
        assert_eq!(admin.ok(owned, json!({})).await, json!({ "permissions": [{"id": "invoices:read", "resourceServerId": A}], "countPermissions": 0 }));
        assert_eq!(admin.refusal(DELETE, json!({ "id": A })).await["extensions"]["reason"], "IN_USE");
        let of = "mutation($server: ID) { updatePermission(where: {id: \"invoices:read\"}, data: {resourceServerId: $server}) { resourceServerId } }";
        assert_eq!(admin.refusal(of, json!({ "server": "https://nobody.example" })).await["extensions"]["field"], "data.resourceServerId");
        // With it, its tokens go.
        let token = exchanged(&app, &admin.key.clone().unwrap(), &[("resource", A)]).await;
        assert_eq!(ask(&app, &asker, &token).await["active"], true);
        assert_eq!(admin.ok(of, json!({ "server": "" })).await["updatePermission"]["resourceServerId"], Value::Null);
        admin.ok(DELETE, json!({ "id": A })).await;
        assert_eq!(ask(&app, &asker, &token).await, json!({ "active": false }));
        assert_eq!(refused(&app, None, &exchange_of(&token, &[("resource", A)])).await, bad("invalid_grant"));
        assert_eq!(admin.refusal(DELETE, json!({ "id": "default" })).await["extensions"]["code"], "INVALID");
        assert_eq!(admin.code(DELETE, json!({ "id": A })).await, "NOT_FOUND");
        let events = "{ auditEvents(where: {actionStartsWith: \"resourceServer.\"}) { action fields } }";
        let events = admin.ok(events, json!({})).await["auditEvents"].clone();
        let mut told: Vec<(&str, &Value)> = events.as_array().unwrap().iter().map(|event| (event["action"].as_str().unwrap(), &event["fields"])).collect();
        told.sort_by_key(|(action, _)| *action);
        assert_eq!(told, [("resourceServer.create", &json!([])), ("resourceServer.delete", &json!([])), ("resourceServer.update", &json!(["rolesClaim"]))]);
    }

    async fn what_tokens_are_to_contain_is_checked(app: App) {
        world(&app).await;
        let many: serde_json::Map<String, Value> = (0..21).map(|n| (format!("c{n}"), json!({ "value": n }))).collect();
        for (field, data) in [
            ("id", json!({ "id": "" })), ("id", json!({ "id": " a" })), ("id", json!({ "id": "é" })), ("id", json!({ "id": PUBLIC_URL })), ("name", json!({ "name": " " })),
            ("audiences", json!({ "audiences": ["https://x.example"] })), ("tokenLifetimeSeconds", json!({ "tokenLifetimeSeconds": 59 })),
            ("tokenLifetimeSeconds", json!({ "tokenLifetimeSeconds": 901 })), ("claims", json!({ "claims": [] })), ("claims", json!({ "claims": many })),
            ("claims", json!({ "claims": {"": {"value": 1}} })), ("claims", json!({ "claims": {"a b": {"value": 1}} })), ("claims", json!({ "claims": {"x".repeat(65): {"value": 1}} })),
            ("claims", json!({ "claims": {"a": 1} })), ("claims", json!({ "claims": {"a": {"value": null}} })), ("claims", json!({ "claims": {"a": {"value": {}}} })),
            ("claims", json!({ "claims": {"a": {"value": [[1]]}} })), ("claims", json!({ "claims": {"a": {"value": 1, "from": "user.name"}} })),
            ("claims", json!({ "claims": {"a": {"from": "organization.variables.plan"}} })), ("claims", json!({ "claims": {"a": {"value": "x".repeat(1_023)}} })),
        ] {
            let mut whole = json!({ "id": A, "name": "A" });
            whole.as_object_mut().unwrap().extend(data.as_object().unwrap().clone());
            assert_eq!(app.admin().refusal(CREATE, json!({ "data": whole })).await["extensions"]["field"], format!("data.{field}"), "{data}");
        }
        // What a token of each kind has, and what others would take for something of ours.
        let mut names: Vec<String> = ["entitlements", "scope", "limited", "act", "name", "cnf", "azp", "groups", "omitted", "scp", "preferred_username"].map(str::to_owned).to_vec();
        for token in [app.sign_in("acme", "bob").await.access, exchanged(&app, &app.key_of("bob").await.key.unwrap(), &[("tenant", "berlin")]).await] {
            names.extend(claims(&token).as_object().unwrap().keys().cloned());
        }
        assert!(names.len() > 30, "{names:?}");
        let before = app.dump().await;
        for taken in names {
            let data = json!({ "id": A, "name": "A", "claims": {taken.clone(): {"value": "x"}} });
            assert_eq!(app.admin().refusal(CREATE, json!({ "data": data })).await["extensions"]["field"], "data.claims", "{taken}");
        }
        let eleven: Vec<String> = (0..11).map(|n| format!("https://{n}.example")).collect();
        for audiences in [json!(eleven), json!([""]), json!(["a\nb"])] {
            assert_eq!(app.admin().refusal(UPDATE, json!({ "id": "default", "data": {"audiences": audiences} })).await["extensions"]["field"], "data.audiences");
        }
        assert_eq!(app.dump().await, before);
        assert_eq!(app.admin().refusal(CREATE, json!({ "data": {"id": "default", "name": "x"} })).await["extensions"]["reason"], "TAKEN");
        for number in 0..50 {
            create(&app, &format!("https://{number}.example"), json!({})).await;
        }
        assert_eq!(app.admin().refusal(CREATE, json!({ "data": {"id": A, "name": "A"} })).await["extensions"]["code"], "LIMIT_EXCEEDED");
    }

    async fn a_token_says_what_its_resource_server_reads(app: App) {
        world(&app).await;
        let admin = app.admin();
        create(&app, A, json!({ "algorithm": "ES256", "tokenLifetimeSeconds": 90, "claims": {"role": {"value": "staff"}} })).await;
        create(&app, B, json!({})).await;
        for (name, server) in [("a:read", Some(A)), ("b:read", Some(B)), ("own:read", Some("default")), ("all:read", None)] {
            declare(&app, name, server).await;
        }
        let group = admin.ok("mutation { createGroup(data: {name: \"Night shift\", organizationId: \"acme\"}) { id key } }", json!({})).await["createGroup"].clone();
        admin.ok("mutation($id: ID) { addUserToGroup(where: {id: $id}, user: {id: \"bob\"}) { id } }", json!({ "id": group["id"] })).await;
        let bob = app.key_of("bob").await.key.unwrap();
        let said = async |resource: &str, more: &[(&str, &str)]| claims(&of_key(&app, "bob", &bob, &[&[("resource", resource)], more].concat()).await);
        let own = claims(&of_key(&app, "bob", &bob, &[]).await);
        assert_eq!((&own["aud"], &own["permissions"]), (&json!([PUBLIC_URL]), &json!(["a:read", "all:read", "b:read", "own:read"])));
        let a = said(A, &[]).await;
        assert_eq!((&a["iss"], &a["aud"], &a["permissions"], &a["role"], &a["roles"]), (&json!(PUBLIC_URL), &json!(A), &json!(["a:read", "all:read"]), &json!("staff"), &json!(["api-user"])));
        assert_eq!((a["exp"].as_i64().unwrap() - a["iat"].as_i64().unwrap(), &a["client_id"], a.get("groups")), (90, &json!("bob"), None));
        assert_eq!(head(&of_key(&app, "bob", &bob, &[("audience", A)]).await).0, Algorithm::ES256);
        assert_eq!(head(&of_key(&app, "bob", &bob, &[]).await).0, Algorithm::EdDSA);
        // Both names for this server.
        for resource in [PUBLIC_URL, "default"] {
            assert_eq!(said(resource, &[]).await["aud"], json!([PUBLIC_URL]));
        }
        for unknown in ["https://c.example", "https://a.example/", "HTTPS://a.example", "tenantry"] {
            let pairs = [("grant_type", "client_credentials"), ("client_id", "bob"), ("client_secret", bob.as_str()), ("resource", unknown)];
            assert_eq!(refused(&app, None, &pairs).await, bad("invalid_target"), "{unknown}");
        }
        // Each claim where it is read.
        update(&app, A, json!({ "permissionsClaim": "ENTITLEMENTS", "rolesClaim": false, "emailClaim": false, "groupsClaim": true, "claims": {} })).await;
        let a = said(A, &[]).await;
        assert_eq!((&a["entitlements"], &a["groups"]), (&json!(["a:read", "all:read"]), &json!([group["key"]])));
        for absent in ["permissions", "roles", "email", "email_verified", "role", "scope", "omitted"] {
            assert!(a.get(absent).is_none(), "{absent}");
        }
        update(&app, A, json!({ "permissionsClaim": "SCOPE", "builtInPermissions": true })).await;
        let a = said(A, &[]).await;
        assert!(a["scope"].as_str().unwrap().ends_with("usage:api write:access_key a:read all:read"), "{a}");
        assert_eq!((a.get("limited"), a.get("entitlements")), (None, None));
        // A limit stands in the same claim, and is one.
        let narrow = said(A, &[("scope", "a:read b:read")]).await;
        assert_eq!((&narrow["scope"], &narrow["limited"], &narrow["groups"]), (&json!("a:read"), &json!(true), &json!([])));
        update(&app, A, json!({ "permissionsClaim": "NONE", "builtInPermissions": false })).await;
        let a = said(A, &[]).await;
        assert!(["permissions", "entitlements", "scope"].iter().all(|claim| a.get(claim).is_none()), "{a}");
        for scope in ["b:read", "read:user", "usage:api"] {
            let pairs = [("grant_type", "client_credentials"), ("client_id", "bob"), ("client_secret", bob.as_str()), ("resource", A), ("scope", scope)];
            assert_eq!(refused(&app, None, &pairs).await, bad("invalid_scope"), "{scope}");
        }
        // This server's own tokens, at a start and later.
        update(&app, "default", json!({ "audiences": ["https://legacy.example", "https://legacy.example"], "tokenLifetimeSeconds": 120, "claims": {"role": {"value": 7}} })).await;
        let session = app.sign_in("acme", "bob").await;
        let own = session.claims();
        assert_eq!((&own["aud"], &own["role"]), (&json!([PUBLIC_URL, "https://legacy.example"]), &json!(7)));
        assert_eq!(own["exp"].as_i64().unwrap() - own["iat"].as_i64().unwrap(), 120);
        assert_eq!(app.who(&session.access).await.as_deref(), Some("bob"));
        let next = granted(&app, &refresh_of(&session.refresh, &[("resource", B)])).await;
        let token = next["access_token"].as_str().unwrap();
        assert_eq!((&claims(token)["aud"], &claims(token)["client_id"], &claims(token)["permissions"]), (&json!(B), &json!("tenantry"), &json!(["all:read", "b:read"])));
        assert_eq!(app.who(token).await, None);
        // GraphQL says it the same way, and refuses what is unknown before it looks at a password.
        let sign_in = "mutation($resource: String, $password: String!) { signIn(data: {email: \"bob@acme.example\", password: $password, resource: $resource}) { accessToken refreshToken user { id } } }";
        let signed_in = app.anonymous().ok(sign_in, json!({ "resource": A, "password": "password-of-bob" })).await["signIn"].clone();
        assert_eq!(claims(signed_in["accessToken"].as_str().unwrap())["aud"], json!(A));
        let refresh = "mutation($resource: String, $token: String!) { refreshSession(data: {refreshToken: $token, resource: $resource}) { accessToken } }";
        let refreshed = app.anonymous().ok(refresh, json!({ "resource": B, "token": signed_in["refreshToken"] })).await;
        assert_eq!(claims(refreshed["refreshSession"]["accessToken"].as_str().unwrap())["aud"], json!(B));
        for password in ["password-of-bob", "wrong"] {
            let error = app.anonymous().refusal(sign_in, json!({ "resource": "https://c.example", "password": password })).await;
            assert_eq!((&error["extensions"]["code"], &error["extensions"]["field"]), (&json!("INVALID"), &json!("data.resource")));
        }
        // A user without roles finds a new resource server too.
        app.user("acme", "eva", None).await;
        create(&app, "https://new.example", json!({})).await;
        let eva = app.sign_in("acme", "eva").await;
        let next = granted(&app, &refresh_of(&eva.refresh, &[("resource", "https://new.example")])).await;
        assert_eq!(claims(next["access_token"].as_str().unwrap())["permissions"], json!([]));
    }

    async fn a_token_for_another_is_refused_everywhere(app: App) {
        let (ada, asker) = world(&app).await;
        create(&app, A, json!({ "builtInPermissions": true })).await;
        create(&app, B, json!({})).await;
        declare(&app, "a:read", Some(A)).await;
        let session = app.sign_in("acme", "ada").await;
        let key = ada.key.clone().unwrap();
        let refreshed = granted(&app, &refresh_of(&session.refresh, &[("resource", A)])).await;
        let tokens = [
            refreshed["access_token"].as_str().unwrap().to_owned(), exchanged(&app, &session.access, &[("resource", A)]).await,
            exchanged(&app, &key, &[("resource", A)]).await, of_key(&app, "ada", &key, &[("resource", A)]).await,
        ];
        for token in &tokens {
            let before = app.dump().await;
            let caller = app.key(&**token);
            for path in ["/graphql", "/api/label/v2/graphql"] {
                let reply = app.send(caller.request(path, &json!({ "query": "{ me { id } }" }))).await;
                assert_eq!(reply.status, 401, "{path} {}", reply.body);
            }
            for (method, path) in [
                (Method::POST, "/api/get-user-info"), (Method::POST, "/api/list-users"), (Method::POST, "/v1/api/users/query"),
                (Method::GET, "/auth/admin/realms/master/users"), (Method::POST, "/v1/api/users/invite"),
                (Method::GET, "/api/data/users"),
            ] {
                assert_eq!(caller.rest(method, path, Some(&json!({}))).await.status, 401, "{path}");
            }
            let bearer = format!("Bearer {token}");
            let as_kili = Request::post("/graphql").header(header::AUTHORIZATION, format!("X-API-Key: {token}")).header(header::CONTENT_TYPE, "application/json");
            assert_eq!(app.send(as_kili.body(Body::from("{\"query\": \"{ me { id } }\"}")).unwrap()).await.status, 401);
            assert_eq!(form(&app, "/oauth/introspect", Some(&bearer), &[("token", token)]).await.status, 401);
            // At the gate: only where the proxy says that it is for this one, and then for nobody else.
            for (path, status) in [
                ("/forward-auth", 401), ("/forward-auth?optional=1", 401), ("/forward-auth?resource=https://b.example", 401), ("/forward-auth/-/a:read/-/", 401),
                ("/forward-auth?resource=https://a.example", 200), ("/forward-auth?resource=https://a.example&permission=a:read", 200),
                ("/forward-auth?resource=https://a.example&permission=b:read", 403),
            ] {
                assert_eq!(gate(&app, token, path).await, status, "{path}");
            }
            let acting = [("authorization", bearer.as_str()), ("x-tenantry-impersonate-user", "bob")];
            assert_eq!(app.send(at_the_gate("/forward-auth?resource=https://a.example", &acting)).await.status, 401);
            // Asked about, it is told; for another resource server, it is not active.
            let told = async |resource: &str| form(&app, "/oauth/introspect", Some(&format!("Bearer {asker}")), &[("token", token), ("resource", resource)]).await.json();
            assert_eq!(told(A).await["aud"], json!(A));
            for other in [B, PUBLIC_URL, "default"] {
                assert_eq!(told(other).await, json!({ "active": false }), "{other}");
            }
            // Exchanged for the same, and for nothing else.
            let again = exchanged(&app, token, &[("resource", A)]).await;
            assert_eq!(claims(&again)["aud"], json!(A));
            for more in [&[][..], &[("resource", B)], &[("resource", PUBLIC_URL)], &[("resource", "default")]] {
                assert_eq!(refused(&app, None, &exchange_of(token, more)).await, bad("invalid_target"), "{more:?}");
            }
            assert_eq!(app.dump().await, before);
        }
        // This server's own tokens, and API keys, pass where a resource server asks.
        for own in [&session.access, &key] {
            assert_eq!(gate(&app, own, "/forward-auth?resource=https://a.example").await, 200);
        }
        // Whoever holds one ends its session, as with any.
        assert_eq!(form(&app, "/oauth/revoke", None, &[("token", &tokens[0])]).await.status, 200);
        assert_eq!(app.who(&session.access).await, None);
        assert_eq!(ask(&app, &asker, &tokens[1]).await, json!({ "active": false }));
        assert_eq!(form(&app, "/oauth/revoke", None, &[("token", &tokens[3])]).await.json()["error"], "unsupported_token_type");
    }

    /// Random chains between resource servers: each token is made from the one before.
    async fn a_chain_between_resource_servers_never_widens(app: App) {
        let (ada, asker) = world(&app).await;
        create(&app, A, json!({ "tokenLifetimeSeconds": 900, "builtInPermissions": true, "algorithm": "ES256" })).await;
        create(&app, B, json!({ "tokenLifetimeSeconds": 60, "permissionsClaim": "SCOPE" })).await;
        for (name, server) in [("a:read", Some(A)), ("b:read", Some(B)), ("all:read", None)] {
            declare(&app, name, server).await;
        }
        let names = ["a:read", "b:read", "all:read", "read:user", "usage:api"];
        let targets = [None, Some(A), Some(B), Some(PUBLIC_URL)];
        let mut elsewhere = 0;
        for seed in 0..12 {
            let mut random = fastrand::Rng::with_seed(seed);
            let session = app.sign_in("acme", "ada").await.access;
            let mut subject = if seed % 2 == 0 { session } else { ada.key.clone().unwrap() };
            for step in 0..10 {
                let mut more = Vec::new();
                if let Some(target) = targets[random.usize(..targets.len())] {
                    more.push(("resource", target.to_owned()));
                }
                if random.u8(..3) == 0 {
                    let mut some = names;
                    random.shuffle(&mut some);
                    more.push(("scope", some[..random.usize(1..=names.len())].join(" ")));
                }
                let given: Vec<(&str, &str)> = more.iter().map(|(name, value)| (*name, value.as_str())).collect();
                let before = ask(&app, &asker, &subject).await;
                let reply = ask_for(&app, None, &exchange_of(&subject, &given)).await;
                let context = format!("seed {seed} step {step} {more:?}\n{before:#}\n{}", reply.body);
                if reply.status != 200 {
                    let error = reply.json()["error"].as_str().unwrap().to_owned();
                    assert!(["invalid_scope", "invalid_target"].contains(&error.as_str()), "{context}");
                    // A token for this server can always be made narrower; one for another only for that.
                    assert!(error == "invalid_scope" || before["aud"].is_string(), "{context}");
                    continue;
                }
                let token = reply.json()["access_token"].as_str().unwrap().to_owned();
                let after = ask(&app, &asker, &token).await;
                let names = |told: &Value| -> Vec<Value> { told["permissions"].as_array().unwrap().clone() };
                assert!(names(&after).iter().all(|name| names(&before).contains(name)), "{context}\n{after:#}");
                assert!(before["exp"].as_i64().is_none_or(|end| after["exp"].as_i64().unwrap() <= end), "{context}\n{after:#}");
                if before["aud"].is_string() {
                    elsewhere += 1;
                    assert_eq!(before["aud"], after["aud"], "{context}\n{after:#}");
                }
                for same in ["sub", "org_id", "sid", "key_id"] {
                    assert_eq!(before[same], after[same], "{context}");
                }
                subject = token;
            }
        }
        assert!(elsewhere > 10, "{elsewhere}");
    }

    async fn the_key_says_how_it_signs(app: App) {
        let (_, asker) = world(&app).await;
        create(&app, A, json!({ "algorithm": "ES256" })).await;
        let bob = app.key_of("bob").await.key.unwrap();
        let plain = of_key(&app, "bob", &bob, &[]).await;
        let (eddsa_id, eddsa) = key(&app).await;
        assert_eq!(published(&app).await.len(), 1, "made when first needed");
        let token = of_key(&app, "bob", &bob, &[("resource", A)]).await;
        let (es256_id, es256) = key(&app).await;
        let keys = published(&app).await;
        let told: Vec<(&str, &str)> = keys.iter().map(|key| (key["alg"].as_str().unwrap(), key["kid"].as_str().unwrap())).collect();
        assert_eq!(told, [("ES256", es256_id.as_str()), ("EdDSA", eddsa_id.as_str())]);
        let mut names: Vec<&String> = keys[0].as_object().unwrap().keys().collect();
        names.sort();
        assert_eq!(names, ["alg", "crv", "kid", "kty", "use", "x", "y"], "and nothing private");
        assert_eq!((&keys[0]["kty"], &keys[0]["crv"]), (&json!("EC"), &json!("P-256")));
        // The right key with the right algorithm passes, so that what follows fails for its reason.
        let sign = |alg: Algorithm, kid: &str, claims: &Value, private: &EncodingKey| {
            let header = Header { typ: Some("at+jwt".to_owned()), kid: Some(kid.to_owned()), ..Header::new(alg) };
            jsonwebtoken::encode(&header, claims, private).unwrap()
        };
        let (ed, ec) = (EncodingKey::from_ed_der(&eddsa), EncodingKey::from_ec_der(&es256));
        let mut own = claims(&plain);
        assert_eq!(app.who(&sign(Algorithm::EdDSA, &eddsa_id, &own, &ed)).await.as_deref(), Some("bob"));
        assert_eq!(app.who(&sign(Algorithm::ES256, &es256_id, &own, &ec)).await.as_deref(), Some("bob"));
        let point = [[4].as_slice(), &URL_SAFE_NO_PAD.decode(keys[0]["x"].as_str().unwrap()).unwrap(), &URL_SAFE_NO_PAD.decode(keys[0]["y"].as_str().unwrap()).unwrap()].concat();
        let public_as_secret = EncodingKey::from_secret(&point);
        for (alg, kid, private) in [
            (Algorithm::ES256, &eddsa_id, &ec), (Algorithm::EdDSA, &es256_id, &ed), (Algorithm::HS256, &es256_id, &public_as_secret), (Algorithm::HS256, &eddsa_id, &public_as_secret),
        ] {
            for claims in [&own, &claims(&token)] {
                let forged = sign(alg, kid, claims, private);
                assert_eq!(app.who(&forged).await, None, "{alg:?} {kid}");
                assert_eq!(ask(&app, &asker, &forged).await, json!({ "active": false }), "{alg:?} {kid}");
            }
        }
        // The header rewritten, the signature kept.
        for alg in ["EdDSA", "ES256", "HS256", "none", "ES384", "RS256"] {
            let header = URL_SAFE_NO_PAD.encode(json!({ "alg": alg, "typ": "at+jwt", "kid": es256_id }).to_string());
            let (_, rest) = token.split_once('.').unwrap();
            let active = ask(&app, &asker, &format!("{header}.{rest}")).await["active"].clone();
            assert_eq!(active, false, "{alg}");
        }
        // A list is for this server only with the issuer in it, and a text never is.
        for aud in [json!(PUBLIC_URL), json!(A), json!([A]), json!([]), json!({}), json!("")] {
            own["aud"] = aud.clone();
            assert_eq!(app.who(&sign(Algorithm::EdDSA, &eddsa_id, &own, &ed)).await, None, "{aud}");
        }
        // Each algorithm has its next key, and each old one verifies until its last token has expired.
        signing_key::rotate(&app.machine(), false).await.unwrap();
        assert_eq!(published(&app).await.len(), 4);
        assert_eq!(ask(&app, &asker, &token).await["active"], true);
        assert_eq!(head(&of_key(&app, "bob", &bob, &[("resource", A)]).await), (Algorithm::ES256, es256_id.clone()), "published first");
        app.services.clock.advance(std::time::Duration::from_secs(600));
        let next = of_key(&app, "bob", &bob, &[("resource", A)]).await;
        assert!(head(&next).0 == Algorithm::ES256 && head(&next).1 != es256_id);
        app.services.clock.advance(std::time::Duration::from_secs(1_000));
        assert_eq!(published(&app).await.len(), 2);
        signing_key::rotate(&app.machine(), true).await.unwrap();
        assert_eq!(ask(&app, &asker, &of_key(&app, "bob", &bob, &[("resource", A)]).await).await["active"], true);
        assert_eq!(ask(&app, &asker, &next).await, json!({ "active": false }));
        assert_eq!(published(&app).await.len(), 2);
    }

    async fn what_is_too_long_is_left_out_in_order(app: App) {
        world(&app).await;
        let constants: serde_json::Map<String, Value> = (0..3).map(|n| (format!("c{n}"), json!({ "value": "x".repeat(700) }))).collect();
        create(&app, A, json!({ "groupsClaim": true, "claims": constants })).await;
        let bob = app.key_of("bob").await.key.unwrap();
        let said = async |claim: &str| -> Value {
            update(&app, A, json!({ "permissionsClaim": claim })).await;
            let token = of_key(&app, "bob", &bob, &[("resource", A)]).await;
            assert!(token.len() <= tenantry::authn::TOKEN_BYTES_MAX, "{}", token.len());
            claims(&token)
        };
        // With a group, the constants no longer fit; without it they do.
        let fits = said("PERMISSIONS").await;
        assert_eq!((fits.get("omitted"), &fits["groups"]), (None, &json!([])));
        for number in 0..30 {
            let group = format!("A group with a long name, number {number}");
            let made = app.admin().ok("mutation($name: String!) { createGroup(data: {name: $name, organizationId: \"acme\"}) { id } }", json!({ "name": group })).await;
            app.admin().ok("mutation($id: ID) { addUserToGroup(where: {id: $id}, user: {id: \"bob\"}) { id } }", json!({ "id": made["createGroup"]["id"] })).await;
        }
        let first = said("PERMISSIONS").await;
        assert_eq!((&first["omitted"], &first["permissions"], first["c0"].is_string()), (&json!(["groups"]), &json!([]), true));
        for number in 0..40 {
            declare(&app, &format!("invoices:permission-{number:03}"), Some(A)).await;
        }
        let second = said("PERMISSIONS").await;
        assert_eq!((&second["omitted"], second["permissions"].as_array().unwrap().len()), (&json!(["groups", "c0", "c1", "c2"]), 40));
        for number in 40..200 {
            declare(&app, &format!("invoices:permission-{number:03}"), Some(A)).await;
        }
        for (claim, name) in [("PERMISSIONS", "permissions"), ("ENTITLEMENTS", "entitlements"), ("SCOPE", "scope")] {
            let third = said(claim).await;
            assert_eq!((&third["omitted"], &third["roles"], third.get(name)), (&json!(["groups", "c0", "c1", "c2", name]), &json!(["api-user"]), None));
        }
        for number in 0..60 {
            let role = format!("a role with a very long name that every organization has, {number:02}");
            app.admin().ok("mutation($name: String!) { createRole(data: {name: $name, scope: PRODUCT}) { id } assignRole(where: {id: \"bob\"}, role: $name) { id } }", json!({ "name": role })).await;
        }
        assert_eq!(said("SCOPE").await["omitted"], json!(["groups", "c0", "c1", "c2", "scope", "roles"]));
        assert_eq!(said("NONE").await["omitted"], json!(["groups", "c0", "c1", "c2", "roles"]));
        // A limit is never left out.
        let names: Vec<String> = (0..200).map(|number| format!("invoices:permission-{number:03}")).collect();
        let pairs = [("grant_type", "client_credentials"), ("client_id", "bob"), ("client_secret", bob.as_str()), ("resource", A), ("scope", &names.join(" "))];
        assert_eq!(refused(&app, None, &pairs).await, bad("invalid_scope"));
    }

    /// The proxy asks for a token for the back end, which verifies it and has to believe no header.
    async fn the_gate_gives_a_token(app: App) {
        let (ada, asker) = world(&app).await;
        create(&app, A, json!({ "tokenLifetimeSeconds": 60, "algorithm": "ES256" })).await;
        declare(&app, "a:read", Some(A)).await;
        let session = app.sign_in("acme", "bob").await;
        let bob = app.key_of("bob").await.key.unwrap();
        let passed = async |credential: &str, path: &str| {
            let reply = app.send(at_the_gate(path, &[("authorization", &format!("Bearer {credential}")), ("x-tenantry-token", "forged")])).await;
            assert_eq!(reply.status, 200, "{path}");
            reply.headers["x-tenantry-token"].to_str().unwrap().to_owned()
        };
        for credential in [&session.access, &bob] {
            for path in ["/forward-auth", "/forward-auth?token=0&resource=https://a.example", "/forward-auth/-/a:read/-/x?token=1"] {
                assert_eq!(passed(credential, path).await, "?0", "{path}");
            }
            let own = passed(credential, "/forward-auth?token=1").await;
            assert_eq!(app.who(&own).await.as_deref(), Some("bob"));
            let token = passed(credential, "/forward-auth?token=1&resource=https://a.example&permission=a:read").await;
            let said = claims(&token);
            assert_eq!((&said["aud"], &said["sub"], &said["permissions"]), (&json!(A), &json!("bob"), &json!(["a:read"])));
            assert_eq!(said["exp"].as_i64().unwrap() - said["iat"].as_i64().unwrap(), 60);
            assert_eq!(ask(&app, &asker, &token).await["sub"], "bob");
            // For the tenant that is demanded, as a request for a token says it.
            let there = claims(&passed(credential, "/forward-auth?token=1&tenant=berlin&permission=read:user").await);
            assert_eq!((&there["tenant_scope"], &there["tenant_id"], &there["roles"]), (&json!(true), &json!("berlin"), &json!(["api-user", "team-manager"])));
            // A gate behind the gate.
            assert_eq!(claims(&passed(&token, "/forward-auth?token=1&resource=https://a.example").await)["exp"], said["exp"]);
        }
        for (path, status) in [
            ("/forward-auth?token=1&resource=https://b.example", 400), ("/forward-auth?token=yes", 400), ("/forward-auth?token=1&token=1", 400),
            ("/forward-auth?token=1&permission=read:org", 403), ("/forward-auth?token=1&resource=", 400),
        ] {
            assert_eq!(gate(&app, &bob, path).await, status, "{path}");
        }
        let anonymous = app.send(at_the_gate("/forward-auth?token=1&optional=1", &[])).await;
        assert_eq!((anonymous.status.as_u16(), &anonymous.headers["x-tenantry-token"]), (200, &"?0".parse().unwrap()));
        // By a header nobody gets a token of somebody else; with a session as that user, the token says who acts.
        let authorization = format!("Bearer {}", ada.key.clone().unwrap());
        let acting = [("authorization", authorization.as_str()), ("x-tenantry-impersonate-user", "bob")];
        assert_eq!(app.send(at_the_gate("/forward-auth?token=1", &acting)).await.status, 403);
        let document = "mutation { impersonateUser(where: {id: \"bob\"}, reason: \"to help\") { accessToken } }";
        let acting = ada.ok(document, json!({})).await["impersonateUser"]["accessToken"].as_str().unwrap().to_owned();
        assert_eq!(claims(&passed(&acting, "/forward-auth?token=1&resource=https://a.example").await)["act"], json!({ "sub": "ada", "org_id": "acme" }));
    }

    async fn the_file_has_resource_servers(app: App) {
        let op = app.machine();
        let file = |content: &Value| PermissionsFile::parse(&content.to_string()).unwrap();
        let prune = Applying { prune: true, ..Applying::default() };
        let content = json!({
            "version": 1,
            "resourceServers": [
                {"id": A, "name": "Invoices", "permissionsClaim": "SCOPE", "algorithm": "ES256", "claims": {"role": {"value": "staff"}}},
                {"id": B}, {"id": "default", "audiences": ["https://legacy.example"], "tokenLifetimeSeconds": 300},
            ],
            "permissions": [{"name": "invoices:read", "resourceServerId": A}, {"name": "orders:read", "resourceServerId": B}, {"name": "all:read"}],
        });
        let applied = permission::apply(&op, &file(&content), Applying::default()).await.unwrap().unwrap();
        let kinds: Vec<Value> = applied.changes.iter().map(|change| serde_json::to_value(change).unwrap()["kind"].clone()).collect();
        assert_eq!(kinds, ["resourceServer", "resourceServer", "resourceServer", "permission", "permission", "permission"]);
        assert_eq!(applied.changes[2].details, ["audiences", "tokenLifetimeSeconds"]);
        assert_eq!(applied.changes[3].details, ["from ORGANIZATION_ADMIN, 1 user", "for https://a.example"]);
        // What is shown, applied, changes nothing: here, and on another database it makes the same.
        let shown = permission::show(&op).await.unwrap();
        let before = app.dump().await;
        let again = permission::apply(&op, &shown, prune).await.unwrap().unwrap();
        assert_eq!((again.changes.len(), again.unchanged), (0, 6));
        assert_eq!(app.dump().await, before);
        let other = App::new(app.backend).await;
        permission::apply(&other.machine(), &shown, prune).await.unwrap().unwrap();
        let there = permission::show(&other.machine()).await.unwrap();
        assert_eq!(serde_json::to_value(&there).unwrap(), serde_json::to_value(&shown).unwrap());
        // All faults together, and then nothing has changed.
        let wrong = json!({
            "version": 1,
            "resourceServers": [{"id": "https://c.example", "claims": {"sub": {"value": 1}}}, {"id": A, "tokenLifetimeSeconds": 1}, {"id": " "}, {"id": B, "audiences": ["x"]}],
            "permissions": [{"name": "c:read", "resourceServerId": "https://d.example"}, {"name": "BAD"}], "roles": [{"name": "user"}],
        });
        let faults = permission::apply(&op, &file(&wrong), Applying::default()).await.unwrap().unwrap_err();
        assert_eq!(faults.len(), 7, "{faults:#?}");
        assert!(faults[0].starts_with("resource server 'https://c.example': The name 'sub' is taken"), "{faults:#?}");
        let twice = json!({ "version": 1, "resourceServers": [{"id": A}, {"id": A}] });
        assert_eq!(permission::apply(&op, &file(&twice), Applying::default()).await.unwrap().unwrap_err(), ["A resource server is named twice."]);
        assert_eq!(app.dump().await, before);
        for unknown in [json!({"id": A, "jwks": 1}), json!({"id": A, "algorithm": "RS256"}), json!({"id": A, "permissionsClaim": "scope"}), json!({})] {
            let text = json!({ "version": 1, "resourceServers": [unknown] }).to_string();
            assert!(PermissionsFile::parse(&text).is_err(), "{text}");
        }
        // What is not in the file stays; pruned, it goes, but never this server, and none that permissions stay with.
        let less = json!({ "version": 1, "permissions": [{"name": "invoices:read", "resourceServerId": ""}, {"name": "orders:read"}, {"name": "all:read"}] });
        let kept = permission::apply(&op, &file(&less), Applying { dry_run: true, ..Applying::default() }).await.unwrap().unwrap();
        assert_eq!(kept.not_in_file, ["resource server https://a.example", "resource server https://b.example"]);
        assert_eq!(kept.changes[0].details, ["resourceServerId none"]);
        let faults = permission::apply(&op, &file(&less), prune).await.unwrap().unwrap_err();
        assert!(faults.len() == 1 && faults[0].starts_with("resource server 'https://b.example': The resource server"), "{faults:#?}");
        let none = permission::apply(&op, &file(&json!({ "version": 1 })), prune).await.unwrap().unwrap();
        assert_eq!((none.changes.len(), app.number("SELECT COUNT(*) FROM resource_servers").await), (5, 1));
        let own = "{ resourceServer(where: {id: \"default\"}) { audiences tokenLifetimeSeconds } }";
        assert_eq!(app.admin().ok(own, json!({})).await["resourceServer"], json!({ "audiences": ["https://legacy.example"], "tokenLifetimeSeconds": 300 }));
    }
}
