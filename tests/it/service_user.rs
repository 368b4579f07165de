//! Services: users that are programs, and who may make, rotate and revoke their keys.

use std::time::Duration;

use futures::future::join_all;
use serde_json::{Value, json};

use crate::on_both;
use crate::support::session::code_of;
use crate::support::{App, Caller};

const CREATE: &str = "mutation($data: CreateUserData!) { createUser(data: $data) { id kind takesSeat } }";
const UPDATE: &str =
    "mutation($id: ID, $data: UserData!) { updatePropertiesInUser(where: {id: $id}, data: $data) { id takesSeat } }";
const KEY: &str = "mutation($data: CreateApiKeyData!, $id: ID!) { createApiKey(data: $data, user: {id: $id}) {
    secret apiKey { id userId creatorId permissions expiryDate } } }";
const ROTATE: &str = "mutation($id: ID) { rotateApiKey(where: {id: $id}) { secret apiKey { id userId creatorId } } }";
const REVOKE: &str =
    "mutation($id: ID!, $ids: [ID!]) { revokeUserApiKeys(where: {id: $id}, ids: $ids) { id revoked } }";
const KEYS: &str = "query($id: ID) { apiKeys(where: {user: {id: $id}}) { id } countApiKeys(where: {user: {id: $id}}) }";

async fn service(app: &App, organization: &str, id: &str, role: Option<&str>) {
    let data = json!({"id": id, "kind": "SERVICE", "organizationId": organization, "roles": role.into_iter().collect::<Vec<_>>()});
    app.admin().ok(CREATE, json!({"data": data})).await;
}

fn named(name: &str, id: &str) -> Value {
    json!({"data": {"name": name}, "id": id})
}

/// Makes a key for a service; gives its id and its secret.
async fn key(caller: &Caller<'_>, name: &str, id: &str) -> (String, String) {
    let made = caller.ok(KEY, named(name, id)).await["createApiKey"].clone();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    (text(&made["apiKey"]["id"]), text(&made["secret"]))
}

/// A role of acme with these permissions.
async fn role(app: &App, name: &str, permissions: &[&str]) {
    let document = "mutation($data: CreateRoleData!) { createRole(data: $data) { id } }";
    let data = json!({"name": name, "permissions": permissions, "organizationId": "acme"});
    app.admin().ok(document, json!({"data": data})).await;
}

/// Gives a user a role for one tenant.
async fn in_tenant(app: &App, id: &str, role: &str, tenant: &str) {
    let assign = "mutation($id: ID, $role: String!, $tenant: ID) { assignRole(where: {id: $id}, role: $role, tenant: $tenant) { id } }";
    app.admin()
        .ok(assign, json!({"id": id, "role": role, "tenant": tenant}))
        .await;
}

on_both! {
    async fn a_service_has_no_password_and_cannot_get_one(app: App) {
        app.organization("acme", &[]).await;
        let chief = app.user("acme", "chief", Some("organization-admin")).await;
        let made = chief.ok(CREATE, json!({"data": {"id": "bot", "kind": "SERVICE", "email": "bot@acme.example"}})).await;
        assert_eq!(made["createUser"], json!({"id": "bot", "kind": "SERVICE", "takesSeat": true}));
        let person = chief.ok(CREATE, json!({"data": {"id": "ada"}})).await;
        assert_eq!(person["createUser"], json!({"id": "ada", "kind": "PERSON", "takesSeat": true}));
        let identity = json!([{"identityProvider": "google", "userId": "1", "userName": "bot"}]);
        let hash = "$2b$12$EXRkfkdmXn2gzds2SSitu.MW9.gAVqa9eLS1//RYtYCmB1eLHg.9q";
        for (field, value) in [("password", json!("a long password")), ("passwordHash", json!(hash)), ("federatedIdentities", identity.clone())] {
            let refusal = chief.refusal(CREATE, json!({"data": {"id": "bot2", "kind": "SERVICE", field: value}})).await;
            assert_eq!((&refusal["extensions"]["code"], &refusal["extensions"]["field"]), (&json!("INVALID"), &json!(format!("data.{field}"))), "{refusal}");
        }
        let with_password = "mutation { createUserWithPassword(data: {id: \"bot2\", kind: SERVICE}) { password } }";
        assert_eq!(chief.refused(with_password, json!({})).await, "INVALID");
        assert_eq!(chief.refused(UPDATE, json!({"id": "bot", "data": {"federatedIdentities": identity}})).await, "INVALID");
        let update = "mutation { updatePassword(where: {id: \"bot\"}, data: {oldPassword: \"a long password\", newPassword1: \"another password\", newPassword2: \"another password\"}) { id } }";
        for document in [
            update,
            "mutation { resetPassword(where: {id: \"bot\"}) { id } }",
            "mutation { requestEmailVerification(where: {id: \"bot\"}) { id } }",
        ] {
            assert_eq!(chief.refused(document, json!({})).await, "INVALID", "{document}");
        }
        let bot = app.key_of("bot").await;
        let body = json!({"password": "a long password"});
        assert_eq!(bot.rest_refused(axum::http::Method::PUT, "/api/data/users/bot/password", Some(&body)).await.0, 400);
        // Anybody may ask for a link; none is sent, and nothing is said.
        let events = app.number("SELECT COUNT(*) FROM audit_events").await;
        app.anonymous().ok("mutation { requestPasswordReset(email: \"bot@acme.example\") }", json!({})).await;
        assert!(app.mails().is_empty());
        assert_eq!(app.number("SELECT COUNT(*) FROM audit_events").await, events);
        assert_eq!(code_of(&app.try_sign_in(None, "bot@acme.example", "a long password").await), "UNAUTHENTICATED");
        // What it is stays: no input changes it, and the database holds it.
        let change = app.services.db.begin().await.unwrap();
        let set = sea_orm::ConnectionTrait::execute_unprepared(&change, "UPDATE users SET password_hash = 'x' WHERE id = 'bot'").await;
        assert!(set.is_err());
    }

    async fn services_are_found_and_shown(app: App) {
        app.organization("acme", &[]).await;
        let chief = app.user("acme", "chief", Some("organization-admin")).await;
        service(&app, "acme", "bot", Some("api-user")).await;
        let by_kind = "query($kind: UserKind) { users(where: {kind: $kind}) { id kind viewerCan { sendLink impersonate } } }";
        let services = chief.ok(by_kind, json!({"kind": "SERVICE"})).await["users"].clone();
        assert_eq!(services, json!([{"id": "bot", "kind": "SERVICE", "viewerCan": {"sendLink": false, "impersonate": true}}]));
        assert_eq!(chief.ok(by_kind, json!({"kind": "PERSON"})).await["users"][0]["id"], "chief");
        assert_eq!(chief.ok("{ countUsers(where: {NOT: {kind: PERSON}}) }", json!({})).await["countUsers"], 1);
        // Somebody may act as it, and it changes its own names.
        assert_eq!(chief.acting_as("bot").ok("{ me { id } }", json!({})).await["me"]["id"], "bot");
        app.key_of("bot").await.ok("mutation { updateMe(data: {name: \"Bot\"}) { id } }", json!({})).await;
    }

    async fn the_operator_says_who_takes_no_seat(app: App) {
        app.organization("acme", &[]).await;
        app.organization("globex", &[]).await;
        let chief = app.user("acme", "chief", Some("organization-admin")).await;
        let admin = app.admin();
        let limit = "mutation { updateOrganization(where: {id: \"acme\"}, data: {seatLimit: 2}) { seatsUsed } }";
        admin.ok(limit, json!({})).await;
        service(&app, "acme", "bot", None).await;
        let free = |id: &str| json!({"data": {"id": id, "kind": "SERVICE", "takesSeat": false, "organizationId": "acme"}});
        let used = async || admin.ok("{ organizations(where: {id: \"acme\"}) { seatsUsed } }", json!({})).await["organizations"][0]["seatsUsed"].clone();
        assert_eq!(used().await, 2);
        // Not the organization itself, and not for people.
        assert_eq!(chief.refused(CREATE, free("free")).await, "FORBIDDEN");
        assert_eq!(chief.refused(UPDATE, json!({"id": "bot", "data": {"takesSeat": false}})).await, "FORBIDDEN");
        for document in [CREATE, "mutation($data: CreateUserData!) { createUserWithPassword(data: $data) { password } }"] {
            assert_eq!(admin.refused(document, json!({"data": {"id": "ada", "takesSeat": false, "organizationId": "globex"}})).await, "INVALID");
        }
        assert_eq!(admin.refused(UPDATE, json!({"id": "chief", "data": {"takesSeat": false}})).await, "INVALID");
        assert_eq!(admin.ok(CREATE, free("free")).await["createUser"]["takesSeat"], false);
        assert_eq!(used().await, 2);
        assert_eq!(admin.refused(UPDATE, json!({"id": "free", "data": {"takesSeat": true}})).await, "SEAT_LIMIT_REACHED");
        // Who gives its seat up leaves it to others; as it is, anybody may say it again.
        admin.ok(UPDATE, json!({"id": "bot", "data": {"takesSeat": false}})).await;
        chief.ok(UPDATE, json!({"id": "bot", "data": {"takesSeat": false, "name": "Bot"}})).await;
        assert_eq!(used().await, 1);
        admin.ok(UPDATE, json!({"id": "free", "data": {"takesSeat": true}})).await;
        assert_eq!(used().await, 2);
        // Deactivated and activated again without a seat.
        admin.ok("mutation { deactivateUser(where: {id: \"bot\"}) { id } }", json!({})).await;
        chief.ok("mutation { activateUser(where: {id: \"bot\"}) { id } }", json!({})).await;
        assert_eq!(used().await, 2);
    }

    async fn the_last_seat_goes_to_one_service(app: App) {
        app.organization("acme", &[]).await;
        let admin = app.admin();
        for n in 0..6 {
            let data = json!({"id": format!("bot{n}"), "kind": "SERVICE", "takesSeat": false, "organizationId": "acme"});
            admin.ok(CREATE, json!({"data": data})).await;
        }
        admin.ok("mutation { updateOrganization(where: {id: \"acme\"}, data: {seatLimit: 2}) { id } }", json!({})).await;
        let takes = (0..6).map(|n| admin.send(UPDATE, json!({"id": format!("bot{n}"), "data": {"takesSeat": true}})));
        let answers = join_all(takes).await;
        let taken = answers.iter().filter(|answer| code_of(answer) == "OK").count();
        assert_eq!(taken, 2, "{answers:?}");
        assert_eq!(app.number("SELECT COUNT(*) FROM users WHERE activated AND takes_seat AND id LIKE 'bot%'").await, 2);
    }

    async fn administrators_make_the_keys_of_services(app: App) {
        app.organization("acme", &[]).await;
        app.organization("globex", &[]).await;
        let chief = app.user("acme", "chief", Some("organization-admin")).await;
        app.user("acme", "ada", Some("user")).await;
        service(&app, "acme", "bot", Some("api-user")).await;
        service(&app, "globex", "stranger", Some("api-user")).await;
        let made = chief.ok(KEY, named("deploy", "bot")).await["createApiKey"].clone();
        let shown = &made["apiKey"];
        assert_eq!((&shown["userId"], &shown["creatorId"], &shown["permissions"]), (&json!("bot"), &json!("chief"), &Value::Null));
        assert_eq!(app.who(made["secret"].as_str().unwrap()).await.as_deref(), Some("bot"));
        // The name is of the owner, and people make their own.
        assert_eq!(chief.refused(KEY, named("deploy", "bot")).await, "CONFLICT");
        chief.ok("mutation { createApiKey(data: {name: \"deploy\"}) { secret } }", json!({})).await;
        for person in ["ada", "chief"] {
            assert_eq!(chief.refused(KEY, named("own", person)).await, "INVALID");
        }
        // Whoever is not there, and who is elsewhere.
        let nobody = chief.refusal(KEY, named("x", "nobody")).await["message"].to_string();
        let stranger = chief.refusal(KEY, named("x", "stranger")).await["message"].to_string();
        assert_eq!(nobody.replace("nobody", "…"), stranger.replace("stranger", "…"));
        assert_eq!(chief.refused(KEY, named("x", "stranger")).await, "NOT_FOUND");
        // Both permissions are needed.
        role(&app, "users", &["write:user", "read:user"]).await;
        role(&app, "keys", &["write:access_key", "read:user"]).await;
        for (id, role) in [("una", "users"), ("kim", "keys")] {
            let caller = app.user("acme", id, Some(role)).await;
            assert_eq!(caller.refused(KEY, named("x", "bot")).await, "FORBIDDEN", "{role}");
            assert_eq!(caller.refused(KEY, named("x", "nobody")).await, "FORBIDDEN", "{role}");
        }
        let events = app.column::<String>("SELECT action || ' ' || actor_id FROM audit_events WHERE action LIKE 'apiKey.%' AND actor_id IS NOT NULL ORDER BY pk").await;
        assert_eq!(events, ["apiKey.create chief", "apiKey.create chief"]);
    }

    async fn a_key_gives_no_more_than_its_maker_has(app: App) {
        app.organization("acme", &[]).await;
        role(&app, "desk", &["read:user", "write:user", "write:access_key"]).await;
        role(&app, "auditor", &["read:audit", "read:user"]).await;
        let desk = app.user("acme", "desk", Some("desk")).await;
        service(&app, "acme", "strong", Some("organization-admin")).await;
        service(&app, "acme", "auditor", Some("auditor")).await;
        service(&app, "platform", "root", Some("super-admin")).await;
        let chief = app.user("acme", "chief", Some("organization-admin")).await;
        let limited = |id: &str, permissions: Value| json!({"data": {"name": "limited", "permissions": permissions}, "id": id});
        // Without limits, the key is as strong as the service.
        for id in ["strong", "auditor"] {
            assert_eq!(desk.refused(KEY, named("x", id)).await, "FORBIDDEN", "{id}");
            assert_eq!(desk.refused(KEY, limited(id, json!(["read:audit", "read:user"]))).await, "FORBIDDEN", "{id}");
        }
        let made = desk.ok(KEY, limited("auditor", json!(["read:user"]))).await["createApiKey"].clone();
        assert_eq!(made["apiKey"]["permissions"], json!(["read:user"]));
        let small = app.key(made["secret"].as_str().unwrap());
        assert_eq!(small.ok("{ me { permissions } }", json!({})).await["me"]["permissions"], json!(["read:user"]));
        assert_eq!(small.refused("{ auditEvents { id } }", json!({})).await, "FORBIDDEN");
        // Nor more than the service has, and of a super admin nothing.
        assert_eq!(chief.refused(KEY, limited("auditor", json!(["write:user"]))).await, "INVALID");
        assert_eq!(chief.refused(KEY, limited("root", json!(["read:user"]))).await, "NOT_FOUND");
        app.admin().ok("mutation { assignRole(where: {id: \"auditor\"}, role: \"super-admin\") { id } }", json!({})).await;
        assert_eq!(chief.refused(KEY, json!({"data": {"name": "y", "permissions": ["read:user"]}, "id": "auditor"})).await, "FORBIDDEN");
    }

    async fn a_key_is_within_the_credential_that_made_it(app: App) {
        app.organization("acme", &[]).await;
        let chief = app.user("acme", "chief", Some("organization-admin")).await;
        service(&app, "acme", "bot", Some("api-user")).await;
        let own = "mutation($data: CreateApiKeyData!) { createApiKey(data: $data) { secret } }";
        let day = "2026-01-03T03:04:05.000Z";
        let data = json!({"name": "day", "expiryDate": day});
        let short = chief.ok(own, json!({"data": data})).await["createApiKey"]["secret"].as_str().unwrap().to_owned();
        let short = app.key(short);
        let made = short.ok(KEY, named("a", "bot")).await["createApiKey"]["apiKey"]["expiryDate"].clone();
        assert_eq!(made, day);
        let later = json!({"data": {"name": "b", "expiryDate": "2026-01-04T00:00:00Z"}, "id": "bot"});
        assert_eq!(short.refused(KEY, later).await, "INVALID");
        // A lasting key is not made out of a short one by rotating.
        let (id, _) = key(&chief, "lasting", "bot").await;
        assert_eq!(short.refused(ROTATE, json!({"id": id})).await, "FORBIDDEN");
        let data = json!({"name": "few", "permissions": ["write:user", "write:access_key", "read:user"]});
        let few = chief.ok(own, json!({"data": data})).await["createApiKey"]["secret"].as_str().unwrap().to_owned();
        assert_eq!(app.key(few.clone()).refused(KEY, named("c", "bot")).await, "FORBIDDEN", "the service has more than the key");
        let limited = json!({"data": {"name": "c", "permissions": ["write:access_key"]}, "id": "bot"});
        let made = app.key(few).ok(KEY, limited).await["createApiKey"]["apiKey"]["permissions"].clone();
        assert_eq!(made, json!(["write:access_key"]));
    }

    async fn a_tenants_administrator_stays_within_its_wall(app: App) {
        app.organization("acme", &["berlin", "paris"]).await;
        role(&app, "services", &["read:user", "write:user", "write:access_key"]).await;
        let tia = app.user("acme", "tia", None).await;
        in_tenant(&app, "tia", "services", "berlin").await;
        for (id, tenant) in [("inside", Some("berlin")), ("outside", Some("paris")), ("nowhere", None)] {
            let data = json!({"id": id, "kind": "SERVICE", "organizationId": "acme", "tenantId": tenant});
            app.admin().ok(CREATE, json!({"data": data})).await;
        }
        let (_, secret) = key(&tia, "a", "inside").await;
        assert_eq!(app.who(&secret).await.as_deref(), Some("inside"));
        let chief = app.user("acme", "chief", Some("organization-admin")).await;
        for id in ["outside", "nowhere", "tia-is-not-there"] {
            assert_eq!(tia.refused(KEY, named("a", id)).await, "NOT_FOUND", "{id}");
            assert_eq!(tia.refused(REVOKE, json!({"id": id})).await, "NOT_FOUND", "{id}");
            assert_eq!(tia.ok(KEYS, json!({"id": id})).await, json!({"apiKeys": [], "countApiKeys": 0}), "{id}");
        }
        let (hidden, _) = key(&chief, "hidden", "outside").await;
        assert_eq!(tia.refused(ROTATE, json!({"id": hidden})).await, "NOT_FOUND");
        let sessions = "mutation { revokeSessions(where: {user: {id: \"chief\"}}) }";
        app.sign_in("acme", "chief").await;
        assert_eq!(tia.ok(sessions, json!({})).await["revokeSessions"], 0);
        // A service with more than hers inside: for the organization, or for another tenant.
        in_tenant(&app, "inside", "services", "paris").await;
        assert_eq!(tia.refused(KEY, named("b", "inside")).await, "FORBIDDEN");
        let limited = json!({"data": {"name": "b", "permissions": ["read:user"]}, "id": "inside"});
        assert_eq!(tia.refused(KEY, limited).await, "INVALID", "like one that it has nowhere");
        // She still sees and revokes her own ones beside those of the tenant.
        assert_eq!(tia.ok(KEYS, json!({"id": "tia"})).await["countApiKeys"], 1);
        assert_eq!(tia.ok(KEYS, json!({"id": "inside"})).await["countApiKeys"], 1);
        assert_eq!(tia.ok("{ countApiKeys(where: {NOT: {user: {id: \"tia\"}}}) }", json!({})).await["countApiKeys"], 1);
        assert_eq!(tia.ok("{ countApiKeys }", json!({})).await["countApiKeys"], 1);
        // Together from two roles: one for the organization, one for the tenant.
        role(&app, "keys", &["write:access_key"]).await;
        let kim = app.user("acme", "kim", Some("keys")).await;
        in_tenant(&app, "kim", "tenant-admin", "berlin").await;
        let data = json!({"id": "plain", "kind": "SERVICE", "organizationId": "acme", "tenantId": "berlin"});
        app.admin().ok(CREATE, json!({"data": data})).await;
        key(&kim, "a", "plain").await;
        assert_eq!(kim.refused(KEY, named("a", "outside")).await, "NOT_FOUND");
    }

    async fn keys_of_services_are_rotated_by_id(app: App) {
        app.organization("acme", &[]).await;
        app.organization("globex", &[]).await;
        let chief = app.user("acme", "chief", Some("organization-admin")).await;
        let boss = app.user("acme", "boss", Some("organization-admin")).await;
        service(&app, "acme", "bot", Some("api-user")).await;
        let (id, old) = key(&chief, "deploy", "bot").await;
        let rotated = boss.ok(ROTATE, json!({"id": id})).await["rotateApiKey"].clone();
        assert_eq!((&rotated["apiKey"]["userId"], &rotated["apiKey"]["creatorId"]), (&json!("bot"), &json!("boss")));
        assert_eq!(app.who(&old).await, None);
        assert_eq!(app.who(rotated["secret"].as_str().unwrap()).await.as_deref(), Some("bot"));
        // Not by its name, not twice, not from elsewhere, and not a person's.
        let by_name = "mutation { rotateApiKey(where: {name: \"deploy\"}) { secret } }";
        assert_eq!(chief.refused(by_name, json!({})).await, "NOT_FOUND");
        assert_eq!(boss.refused(ROTATE, json!({"id": id})).await, "NOT_FOUND");
        let new = rotated["apiKey"]["id"].clone();
        let stranger = app.user("globex", "stranger", Some("organization-admin")).await;
        assert_eq!(stranger.refused(ROTATE, json!({"id": new})).await, "NOT_FOUND");
        let person = chief.ok("{ apiKeys { id } }", json!({})).await["apiKeys"][0]["id"].clone();
        assert_eq!(boss.refused(ROTATE, json!({"id": person})).await, "NOT_FOUND");
        role(&app, "desk", &["read:user", "write:user", "write:access_key"]).await;
        let desk = app.user("acme", "desk", Some("desk")).await;
        assert_eq!(desk.refused(ROTATE, json!({"id": new})).await, "FORBIDDEN", "the service has more");
        // A service rotates its own.
        app.key(rotated["secret"].as_str().unwrap()).ok(ROTATE, json!({"id": new})).await;
    }

    async fn keys_are_listed_and_revoked_by_who_manages_the_user(app: App) {
        app.organization("acme", &[]).await;
        app.organization("globex", &[]).await;
        let chief = app.user("acme", "chief", Some("organization-admin")).await;
        let ada = app.user("acme", "ada", Some("user")).await;
        app.services.clock.advance(Duration::from_secs(1));
        app.key_of("ada").await;
        app.user("globex", "bob", Some("user")).await;
        let listed = chief.ok(KEYS, json!({"id": "ada"})).await;
        assert_eq!(listed["countApiKeys"], 2);
        assert_eq!(chief.ok("{ apiKeys { userId } }", json!({})).await["apiKeys"], json!([{"userId": "chief"}]), "its own by default");
        assert_eq!(ada.ok(KEYS, json!({"id": "chief"})).await["countApiKeys"], 0);
        assert_eq!(ada.ok(KEYS, json!({"id": "ada"})).await["countApiKeys"], 2);
        assert_eq!(chief.ok(KEYS, json!({"id": "bob"})).await["countApiKeys"], 0);
        let secrets = chief.ok("{ apiKeys(where: {user: {id: \"ada\"}}) { id name prefix userId user { id } creator { id } } }", json!({})).await;
        assert!(!secrets.to_string().contains(ada.key.as_deref().unwrap()));
        // One by its id, and nobody else's by its name.
        let one = "query($id: ID, $name: String) { apiKey(where: {id: $id, name: $name}) { userId } }";
        assert_eq!(chief.ok(one, json!({"id": listed["apiKeys"][0]["id"]})).await["apiKey"], json!({"userId": "ada"}));
        assert_eq!(chief.ok(one, json!({"name": secrets["apiKeys"][0]["name"]})).await["apiKey"], Value::Null);
        // Some, by id; then all. At once on this process.
        let ids: Vec<Value> = listed["apiKeys"].as_array().unwrap().iter().map(|key| key["id"].clone()).collect();
        let own = chief.ok("{ apiKeys { id } }", json!({})).await["apiKeys"][0]["id"].clone();
        let before = app.dump().await;
        assert_eq!(chief.ok(REVOKE, json!({"id": "ada", "ids": []})).await["revokeUserApiKeys"], json!([]));
        assert_eq!(chief.ok(REVOKE, json!({"id": "ada", "ids": [own, "nobody"]})).await["revokeUserApiKeys"], json!([]));
        assert_eq!(before, app.dump().await);
        let revoked = chief.ok(REVOKE, json!({"id": "ada", "ids": [ids[0]]})).await["revokeUserApiKeys"].clone();
        assert_eq!(revoked, json!([{"id": ids[0], "revoked": true}]));
        assert_eq!(ada.code("{ me { id } }", json!({})).await, "UNAUTHENTICATED");
        chief.ok(REVOKE, json!({"id": "ada"})).await;
        assert_eq!(chief.ok(KEYS, json!({"id": "ada"})).await["countApiKeys"], 0);
        let events = app.column::<String>("SELECT actor_id || ' ' || target_id FROM audit_events WHERE action = 'apiKey.revoke' ORDER BY pk").await;
        assert_eq!(events.len(), 2, "{events:?}");
        // Walls and strength.
        let ada = app.key_of("ada").await;
        assert_eq!(chief.refused(REVOKE, json!({"id": "bob"})).await, "NOT_FOUND");
        assert_eq!(ada.refused(REVOKE, json!({"id": "chief"})).await, "FORBIDDEN");
        assert_eq!(chief.refused(REVOKE, json!({"id": "ada", "ids": vec!["x"; 101]})).await, "INVALID");
        app.user("acme", "root", Some("super-admin")).await;
        assert_eq!(chief.refused(REVOKE, json!({"id": "root"})).await, "FORBIDDEN");
        // A help desk revokes the keys of who has permissions of the product alone; everybody the own ones.
        role(&app, "desk", &["read:user", "write:user"]).await;
        let desk = app.user("acme", "desk", Some("desk")).await;
        desk.ok(REVOKE, json!({"id": "ada"})).await;
        assert_eq!(desk.refused(REVOKE, json!({"id": "chief"})).await, "FORBIDDEN");
        let ada = app.key_of("ada").await;
        ada.ok(REVOKE, json!({"id": "ada"})).await;
        assert_eq!(ada.code("{ me { id } }", json!({})).await, "UNAUTHENTICATED");
    }

    async fn sessions_are_listed_and_ended_by_who_manages_the_user(app: App) {
        app.organization("acme", &[]).await;
        app.organization("globex", &[]).await;
        let chief = app.user("acme", "chief", Some("organization-admin")).await;
        app.user("acme", "ada", Some("user")).await;
        app.user("globex", "bob", Some("user")).await;
        let (one, two) = (app.sign_in("acme", "ada").await, app.sign_in("acme", "ada").await);
        let bob = app.sign_in("globex", "bob").await;
        let mine = app.key(app.sign_in("acme", "chief").await.access);
        let list = "query($id: ID) { sessions(where: {user: {id: $id}}) { id userId current } }";
        assert_eq!(mine.ok(list, json!({"id": "ada"})).await["sessions"].as_array().unwrap().len(), 2);
        assert_eq!(mine.ok(list, json!({"id": "bob"})).await["sessions"], json!([]));
        assert_eq!(mine.ok("{ countSessions }", json!({})).await["countSessions"], 1, "its own by default");
        assert_eq!(app.key(&one.access).ok(list, json!({"id": "chief"})).await["sessions"], json!([]));
        let end = "mutation($where: SessionWhere!, $keep: Boolean) { revokeSessions(where: $where, keepCurrent: $keep) }";
        // Of others only with `user`.
        assert_eq!(chief.ok(end, json!({"where": {"id": one.sid()}})).await["revokeSessions"], 0);
        assert_eq!(chief.ok(end, json!({"where": {"user": {"id": "bob"}}})).await["revokeSessions"], 0);
        assert_eq!(app.key(&one.access).ok(end, json!({"where": {"user": {"id": "chief"}}})).await["revokeSessions"], 0);
        assert_eq!(chief.ok(end, json!({"where": {"id": one.sid(), "user": {"id": "ada"}}})).await["revokeSessions"], 1);
        assert_eq!((app.who(&one.access).await, app.who(&two.access).await.as_deref()), (None, Some("ada")));
        // An impersonation ends with the session that began it.
        let impersonate = "mutation { impersonateUser(where: {id: \"ada\"}, reason: \"to help\") { accessToken } }";
        let inside = mine.ok(impersonate, json!({})).await["impersonateUser"]["accessToken"].as_str().unwrap().to_owned();
        assert_eq!(app.key(&inside).ok(end, json!({"where": {}})).await["revokeSessions"], 1, "the one of Ada");
        assert_eq!((app.who(&two.access).await, app.who(&inside).await.as_deref()), (None, Some("ada")));
        // One's own, but for this one; then this one too.
        let other = app.sign_in("acme", "chief").await;
        assert_eq!(mine.ok(end, json!({"where": {}})).await["revokeSessions"], 2, "and the impersonation");
        assert_eq!((app.who(&other.access).await, app.who(&inside).await), (None, None));
        assert_eq!(mine.ok("{ me { id } }", json!({})).await["me"]["id"], "chief");
        assert_eq!(mine.ok(end, json!({"where": {}, "keep": false})).await["revokeSessions"], 1);
        assert_eq!(mine.code("{ me { id } }", json!({})).await, "UNAUTHENTICATED");
        assert_eq!(app.who(&bob.access).await.as_deref(), Some("bob"));
        assert_eq!(app.number("SELECT COUNT(*) FROM audit_events WHERE action = 'session.revoke'").await, 5);
        // Of those with more than one's own, none; and then of nobody in the same call.
        role(&app, "desk", &["read:user", "write:user"]).await;
        let desk = app.user("acme", "desk", Some("desk")).await;
        app.sign_in("acme", "chief").await;
        app.sign_in("acme", "ada").await;
        assert_eq!(desk.refused(end, json!({"where": {"user": {"NOT": {"id": "desk"}}}})).await, "FORBIDDEN");
        assert_eq!(desk.ok(end, json!({"where": {"user": {"id": "ada"}}})).await["revokeSessions"], 1);
    }

    async fn a_key_made_in_anothers_name_says_so(app: App) {
        app.organization("acme", &[]).await;
        let chief = app.user("acme", "chief", Some("organization-admin")).await;
        app.user("acme", "ada", Some("api-user")).await;
        service(&app, "acme", "bot", Some("api-user")).await;
        let as_ada = chief.clone().acting_as("ada");
        let own = "mutation($data: CreateApiKeyData!) { createApiKey(data: $data) { apiKey { id expiryDate userId creatorId creator { id } } } }";
        let made = as_ada.ok(own, json!({"data": {"name": "a"}})).await["createApiKey"]["apiKey"].clone();
        // Ada, who cannot see other users, sees no more than the id.
        assert_eq!((&made["userId"], &made["creatorId"], &made["creator"]), (&json!("ada"), &json!("chief"), &Value::Null));
        assert_eq!(made["expiryDate"], "2026-04-02T03:04:05.006Z");
        let later = json!({"data": {"name": "b", "expiryDate": "2030-01-01T00:00:00Z"}});
        assert_eq!(as_ada.ok(own, later).await["createApiKey"]["apiKey"]["expiryDate"], "2030-01-01T00:00:00.000Z");
        let body = json!({"name": "waii"});
        as_ada.rest(axum::http::Method::POST, "/api/create-key", Some(&body)).await;
        let shown = chief.ok("{ apiKeys(where: {user: {id: \"ada\"}}) { name expiryDate creator { id } } }", json!({})).await["apiKeys"].clone();
        let of = |name: &str| shown.as_array().unwrap().iter().find(|key| key["name"] == name).unwrap().clone();
        assert_eq!(of("a")["creator"]["id"], "chief");
        assert_eq!(of("waii"), json!({"name": "waii", "expiryDate": "9999-12-31T23:59:59.999Z", "creator": {"id": "chief"}}));
        // Of a credential that ends earlier, at that time.
        let data = json!({"name": "short", "expiryDate": "2026-01-10T00:00:00Z"});
        let short = chief.ok("mutation($data: CreateApiKeyData!) { createApiKey(data: $data) { secret } }", json!({"data": data})).await;
        let short = app.key(short["createApiKey"]["secret"].as_str().unwrap()).acting_as("ada");
        assert_eq!(short.ok(own, json!({"data": {"name": "c"}})).await["createApiKey"]["apiKey"]["expiryDate"], "2026-01-10T00:00:00.000Z");
        assert_eq!(short.refused(own, json!({"data": {"name": "d", "expiryDate": "2027-01-01T00:00:00Z"}})).await, "INVALID");
        // Whoever made it may go; the key stays.
        app.user("acme", "gone", Some("organization-admin")).await;
        let gone = app.key_of("gone").await;
        let (id, secret) = key(&gone, "kept", "bot").await;
        app.admin().ok("mutation { deleteUser(where: {id: \"gone\"}) { id } }", json!({})).await;
        assert_eq!(app.who(&secret).await.as_deref(), Some("bot"));
        let kept = "query($id: ID) { apiKeys(where: {id: $id, user: {id: \"bot\"}}) { creatorId creator { id } } }";
        assert_eq!(chief.ok(kept, json!({"id": id})).await["apiKeys"], json!([{"creatorId": null, "creator": null}]));
    }

    async fn a_service_makes_no_keys_itself(app: App) {
        app.organization("acme", &[]).await;
        let chief = app.user("acme", "chief", Some("organization-admin")).await;
        service(&app, "acme", "bot", Some("api-user")).await;
        let (_, secret) = key(&chief, "first", "bot").await;
        let make = "mutation { createApiKey(data: {name: \"second\"}) { secret } }";
        let before = app.dump().await;
        assert_eq!(app.key(secret).refused(make, json!({})).await, "FORBIDDEN");
        assert_eq!(before, app.dump().await);
        chief.clone().acting_as("bot").ok(make, json!({})).await;
    }

    /// Whoever may change users without reading them finds nothing out about them by their keys and sessions.
    async fn keys_and_sessions_are_found_by_who_may_read_users(app: App) {
        app.organization("acme", &["berlin"]).await;
        role(&app, "writer", &["write:user"]).await;
        let writer = app.user("acme", "wri", Some("writer")).await;
        app.user("acme", "ada", None).await;
        app.sign_in("acme", "ada").await;
        for (document, nothing) in [
            ("{ apiKeys(where: {user: {emailStartsWith: \"a\"}}) { id } }", json!({"apiKeys": []})),
            ("{ sessions(where: {user: {id: \"ada\"}}) { id } }", json!({"sessions": []})),
            ("mutation { revokeSessions(where: {user: {id: \"ada\"}}) }", json!({"revokeSessions": 0})),
        ] {
            assert_eq!(writer.ok(document, json!({})).await, nothing);
        }
        // Who made a key of a tenant's service is for callers who see that user.
        role(&app, "services", &["read:user", "write:user", "write:access_key"]).await;
        let tia = app.user("acme", "tia", None).await;
        in_tenant(&app, "tia", "services", "berlin").await;
        let data = json!({"id": "bot", "kind": "SERVICE", "organizationId": "acme", "tenantId": "berlin"});
        app.admin().ok(CREATE, json!({"data": data})).await;
        let chief = app.user("acme", "chief", Some("organization-admin")).await;
        key(&chief, "a", "bot").await;
        let made_by = "{ apiKeys(where: {user: {id: \"bot\"}}) { creatorId } }";
        assert_eq!(tia.ok(made_by, json!({})).await["apiKeys"], json!([{"creatorId": null}]));
        assert_eq!(chief.ok(made_by, json!({})).await["apiKeys"], json!([{"creatorId": "chief"}]));
    }

    async fn a_services_keys_end_as_other_users_do(app: App) {
        app.organization("acme", &["berlin"]).await;
        app.organization("globex", &[]).await;
        let chief = app.user("acme", "chief", Some("organization-admin")).await;
        for id in ["mover", "idle", "gone"] {
            service(&app, "acme", id, Some("api-user")).await;
        }
        let mut secrets = Vec::new();
        for id in ["mover", "idle", "gone"] {
            secrets.push(key(&chief, "a", id).await.1);
        }
        app.admin().ok(UPDATE, json!({"id": "mover", "data": {"organizationId": "globex"}})).await;
        chief.ok("mutation { deactivateUser(where: {id: \"idle\"}) { id } }", json!({})).await;
        chief.ok("mutation { deleteUser(where: {id: \"gone\"}) { id } }", json!({})).await;
        for secret in &secrets {
            assert_eq!(app.who(secret).await, None);
        }
        assert_eq!(chief.refused(KEY, named("b", "mover")).await, "NOT_FOUND");
        // Its kind and what it takes go with it.
        let moved = app.admin().ok("{ users(where: {id: \"mover\"}) { kind organizationId } }", json!({})).await["users"][0].clone();
        assert_eq!(moved, json!({"kind": "SERVICE", "organizationId": "globex"}));
        // Who loses the right while asking makes nothing.
        app.services.clock.advance(Duration::from_secs(1));
        app.admin().ok("mutation { withdrawRole(where: {id: \"chief\"}, role: \"organization-admin\") { id } }", json!({})).await;
        assert_eq!(chief.refused(KEY, named("b", "idle")).await, "FORBIDDEN");
    }
}
