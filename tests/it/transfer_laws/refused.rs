//! A row that cannot be taken is refused alone: it stops no import, and takes nothing else away.

use serde_json::{Value, json};
use tenantry::transfer::intake::{MissingRoles, OnConflict};
use tenantry::transfer::kind::Kind;

use super::{hex, record, take, user};
use crate::on_both;
use crate::support::App;

fn group(id: u32, name: &str, members: Value) -> String {
    let mut group = json!({"id": format!("0199c000-0000-7000-8000-{id:012x}"), "organizationId": "acme", "name": name});
    group
        .as_object_mut()
        .unwrap()
        .extend(members.as_object().unwrap().clone());
    record("group", group)
}

fn api_key(id: u32, name: &str, members: Value) -> String {
    let id_text = format!("0199d000-0000-7000-8000-{id:012x}");
    let mut key = json!({"id": id_text, "userId": "ada", "name": name, "digest": hex(&id_text)});
    key.as_object_mut()
        .unwrap()
        .extend(members.as_object().unwrap().clone());
    record("apiKey", key)
}

fn invitation(id: u32, email: &str, members: Value) -> String {
    let id_text = format!("0199e000-0000-7000-8000-{id:012x}");
    let mut invitation = json!({"id": id_text, "organizationId": "acme", "email": email, "digest": hex(&id_text)});
    invitation
        .as_object_mut()
        .unwrap()
        .extend(members.as_object().unwrap().clone());
    record("invitation", invitation)
}

/// Imports these lines, after which comes a user, who must be in; so many rows are refused, with these codes.
async fn refuses(app: &App, lines: &[String], codes: &[&str]) {
    let mut all = lines.to_vec();
    let number = app.number("SELECT COUNT(*) FROM users").await;
    all.push(user(&format!("last-{number}"), json!({})));
    let taken = take(app, &all, |options| {
        options.keys = true;
        options.super_admins = true;
    })
    .await;
    assert_eq!(taken.codes(), codes, "{:#?}", taken.refused);
    let last = format!("SELECT COUNT(*) FROM users WHERE id = 'last-{number}'");
    assert_eq!(app.number(&last).await, 1, "the row after them is in");
}

on_both! {
    /// People take a seat; only programs can do without.
    async fn a_person_without_a_seat(app: App) {
        app.organization("acme", &[]).await;
        refuses(&app, &[user("ada", json!({"takesSeat": false}))], &["INVALID"]).await;
        refuses(&app, &[user("bot", json!({"takesSeat": false, "service": true}))], &[]).await;
        // The same of those who are there.
        refuses(&app, &[user("eve", json!({}))], &[]).await;
        let changed = take(&app, &[user("eve", json!({"takesSeat": false}))], |options| options.on_conflict = OnConflict::Update).await;
        assert_eq!(changed.of(Kind::User).refused, 1, "{:#?}", changed.refused);
    }

    /// Of two keys of a user that are not revoked, no two have the same name.
    async fn api_keys_with_the_name_of_another(app: App) {
        app.organization("acme", &[]).await;
        app.user("acme", "ada", None).await;
        refuses(&app, &[api_key(1, "nightly", json!({}))], &[]).await;
        refuses(&app, &[api_key(2, "nightly", json!({}))], &["CONFLICT"]).await;
        refuses(&app, &[api_key(3, "nightly", json!({"revokedAt": "2026-01-01T00:00:00Z"}))], &[]).await;
        // The digest is that of a key with another id, and the id is that of a key with another digest.
        refuses(&app, &[api_key(4, "other", json!({"digest": hex("0199d000-0000-7000-8000-000000000001")}))], &[]).await;
        refuses(&app, &[api_key(1, "other", json!({"digest": hex("another")}))], &["CONFLICT"]).await;
        refuses(&app, &[api_key(5, "short", json!({"digest": "ab"}))], &["INVALID"]).await;
    }

    /// One open invitation to an address.
    async fn invitations_to_who_is_invited(app: App) {
        app.organization("acme", &["north"]).await;
        refuses(&app, &[invitation(1, "new@acme.example", json!({}))], &[]).await;
        refuses(&app, &[invitation(2, "new@acme.example", json!({}))], &["CONFLICT"]).await;
        refuses(&app, &[invitation(3, "New@Acme.example", json!({"withdrawnAt": "2026-01-01T00:00:00Z"}))], &[]).await;
        // The same digest would be the same link.
        let same = json!({"digest": hex("0199e000-0000-7000-8000-000000000001")});
        refuses(&app, &[invitation(4, "other@acme.example", same)], &["CONFLICT"]).await;
        refuses(&app, &[invitation(5, "short@acme.example", json!({"digest": "no digest"}))], &["INVALID"]).await;
    }

    /// A role that came with a row that is refused is gone with it, or stays; nobody has one that is not there.
    async fn roles_that_came_with_a_refused_row(app: App) {
        app.organization("beta", &[]).await;
        app.organization("acme", &[]).await;
        let of_beta = record("group", json!({"id": "0199c000-0000-7000-8000-000000000009", "organizationId": "beta", "name": "Theirs"}));
        take(&app, &[of_beta], |_| {}).await;
        let lines = [
            group(9, "Mine", json!({"roles": ["fresh"]})),
            invitation(1, "no address", json!({"roles": ["newer"]})),
            user("ada", json!({"roles": ["fresh", "newer"]})),
            user("bob", json!({"roles": ["fresh"]})),
        ];
        let taken = take(&app, &lines, |options| options.missing_roles = MissingRoles::Create).await;
        assert_eq!(taken.of(Kind::User).created, 2, "{:#?}", taken.refused);
        assert_eq!(taken.of(Kind::Group).refused, 1);
        let held = "SELECT COUNT(*) FROM user_roles r JOIN roles o ON o.pk = r.role_pk WHERE o.name IN ('fresh', 'newer')";
        assert_eq!(app.number(held).await, 3);
        let roles = u64::try_from(app.number("SELECT COUNT(*) FROM roles WHERE name IN ('fresh', 'newer')").await).unwrap();
        assert_eq!(taken.of(Kind::Role).created, roles, "what is said is so");
        let told = "SELECT CAST(SUM(count) AS BIGINT) FROM audit_events WHERE action = 'organization.import'";
        // Theirs, both roles and both users.
        assert_eq!(app.number(told).await, 5);
    }

    /// A role of all organizations is created even where nothing else is.
    async fn a_role_of_all_organizations_alone(app: App) {
        let role = record("role", json!({"id": "0199f000-0000-7000-8000-000000000001", "name": "auditor", "permissions": ["read:user"]}));
        let taken = take(&app, std::slice::from_ref(&role), |_| {}).await;
        assert_eq!(taken.of(Kind::Role).created, 1, "{:#?}", taken.refused);
        assert_eq!(app.number("SELECT COUNT(*) FROM roles WHERE name = 'auditor' AND product").await, 1, "what is said is so");
        let events = "SELECT COUNT(*) FROM audit_events WHERE action IN ('role.create', 'organization.import')";
        assert!(app.number(events).await >= 1, "the trail has it");
        let again = take(&app, &[role], |_| {}).await;
        assert_eq!(again.of(Kind::Role).unchanged, 1);
    }

    /// A product-wide name is in the way of no organization, and the other way round.
    async fn names_of_roles_that_are_taken(app: App) {
        app.organization("acme", &[]).await;
        let role = |id: u32, name: &str, organization: Option<&str>| {
            let mut role = json!({"id": format!("0199f000-0000-7000-8000-{id:012x}"), "name": name});
            if let Some(organization) = organization {
                role["organizationId"] = organization.into();
            }
            record("role", role)
        };
        let lines = [
            role(1, "editor", Some("acme")),
            role(2, "editor", Some("acme")),
            role(3, "editor", None),
            role(4, "auditor", None),
            role(5, "auditor", Some("acme")),
            role(6, "super-admin", Some("acme")),
        ];
        let mut all = lines.to_vec();
        all.push(user("last", json!({})));
        let taken = take(&app, &all, |_| {}).await;
        assert_eq!((taken.of(Kind::Role).created, taken.of(Kind::Role).refused), (2, 4), "{:#?}", taken.refused);
        assert_eq!(app.number("SELECT COUNT(*) FROM roles WHERE name IN ('editor', 'auditor')").await, 2);
        assert_eq!(taken.of(Kind::User).created, 1);
    }

    /// What `createResourceServer` refuses is refused here.
    async fn settings_of_resource_servers(app: App) {
        app.organization("acme", &[]).await;
        let server = |id: &str, settings: Value| record("resourceServer", json!({"id": id, "name": "API", "settings": settings}));
        refuses(&app, &[server("https://a.example", json!({"tokenLifetimeSeconds": 1}))], &["INVALID"]).await;
        refuses(&app, &[server("https://b.example", json!({"tokenLifetimeSeconds": 1_000_000_000}))], &["INVALID"]).await;
        refuses(&app, &[server("https://c.example", json!({"audiences": ["https://d.example"]}))], &["INVALID"]).await;
        refuses(&app, &[server("https://e.example", json!({"claims": {"sub": {"value": "admin"}}}))], &["INVALID"]).await;
        refuses(&app, &[server("https://f.example", json!("text"))], &["INVALID"]).await;
        assert_eq!(app.number("SELECT COUNT(*) FROM resource_servers WHERE id <> 'default'").await, 0);
        refuses(&app, &[server("https://g.example", json!({"tokenLifetimeSeconds": 300}))], &[]).await;
    }

    /// Values that no verb would take.
    async fn values_out_of_range(app: App) {
        app.organization("acme", &["north"]).await;
        let long = "x".repeat(256);
        for members in [
            json!({"name": long}),
            json!({"name": "a\u{7}b"}),
            json!({"name": "\u{202E}moc.elpmaxe"}),
            json!({"email": "no address"}),
            json!({"email": "jörg@example.com"}),
            json!({"variables": [1]}),
            json!({"variables": {"a": "x".repeat(70_000)}}),
            json!({"variables": {"a": "\u{0}"}}),
            json!({"version": 0}),
            json!({"createdAt": "yesterday"}),
            json!({"createdAt": "1969-12-31T23:59:59Z"}),
            json!({"createdAt": "+10000-01-01T00:00:00Z"}),
            json!({"roles": [{"id": "tenant-admin"}]}),
            json!({"roles": [{"id": "super-admin", "tenantId": "north"}]}),
            json!({"federatedIdentities": [{"identityProvider": "google", "userId": ""}]}),
            json!({"federatedIdentities": [{"identityProvider": "google", "userId": "1"}, {"identityProvider": "google", "userId": "2"}]}),
            json!({"roles": [{"id": "user", "until": "2026-01-01T00:00:00Z"}]}),
            json!({"nickname": "x"}),
            json!({"activated": "yes"}),
        ] {
            refuses(&app, &[user("odd", members.clone())], &["INVALID"]).await;
            assert_eq!(app.number("SELECT COUNT(*) FROM users WHERE id = 'odd'").await, 0, "{members}");
        }
        for id in [" x", "x ", "", "é", &"x".repeat(256), "a\tb"] {
            refuses(&app, &[user(id, json!({}))], &["INVALID"]).await;
        }
    }
}
