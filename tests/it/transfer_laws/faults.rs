//! What an import does when something is wrong or in the way: a row that cannot be taken is refused alone, takes nothing else
//! with it, and everything that is said of it is so.

use sea_orm::ConnectionTrait;
use serde_json::{Value, json};
use tenantry::transfer::intake::{MissingRoles, OnConflict, Options};
use tenantry::transfer::kind::Kind;
use tenantry::transfer::record::{MembersRecord, Record, Row};

use super::{Rows, hex, of_acme, record, take, take_rows, user};
use crate::on_both;
use crate::support::{App, Backend, wait};

/// Rows of a step.
const STEP: usize = 500;

fn users(count: usize, members: &Value) -> Vec<String> {
    (0..count)
        .map(|number| user(&format!("acme-{number}"), members.clone()))
        .collect()
}

fn uuid(number: u32) -> String {
    format!("0199f000-0000-7000-8000-{number:012x}")
}

fn api_key(number: u32, name: &str, digest: &str) -> String {
    record(
        "apiKey",
        json!({"id": uuid(number), "userId": "ada", "name": name, "digest": digest}),
    )
}

fn invitation(number: u32, email: &str, digest: &str) -> String {
    of_acme(
        "invitation",
        json!({"id": uuid(number), "email": email, "digest": digest}),
    )
}

/// Something that only one row can have, or that no row can: the rows of a file, and the codes of those that are refused. The
/// organizations `acme` and `beta` are there, with the tenants `north` and `south`.
enum Rule {
    Refuses(Vec<String>, &'static [&'static str]),
    /// No file can break it, because of this.
    Unbreakable(&'static str),
}

const OWN_KEYS: &str = "the database gives the keys";
const OF_COMPOSITES: &str = "has a key that is unique by itself";
const TWO_OF_ONE: &str = "both columns are written from one value";

/// Every rule of the tables that an import writes.
fn rules() -> Vec<(&'static str, Rule)> {
    use Rule::{Refuses, Unbreakable};
    let mut rules: Vec<(&str, Rule)> = OWN_KEY_TABLES.iter().map(|key| (*key, Unbreakable(OWN_KEYS))).collect();
    let beta = |kind: &str, mut members: Value| {
        members["organizationId"] = "beta".into();
        record(kind, members)
    };
    let twice = || json!([{"id": "user"}, {"id": "01900000-0000-7000-8000-000000000002"}, {"id": "user"}]);
    let permission = |text: &str| {
        record(
            "permission",
            json!({"id": "invoices:read", "description": text, "lowestRole": "USER"}),
        )
    };
    let ada = || user("ada", json!({}));
    rules.extend([
        ("organizations_id_key", Refuses(vec![record("organization", json!({"id": "acme", "name": "Other"}))], &["CONFLICT"])),
        ("organizations_seats", Refuses(vec![record("organization", json!({"id": "gamma", "seatLimit": -1}))], &["INVALID"])),
        ("tenants_id_key", Refuses(vec![of_acme("tenant", json!({"id": "south", "name": "South"}))], &["CONFLICT"])),
        ("tenants_of_organization", Unbreakable(OF_COMPOSITES)),
        ("resource_servers_id_key", Refuses(vec![record("resourceServer", json!({"id": "https://a.example", "name": "A"})), record("resourceServer", json!({"id": "https://a.example", "name": "B"}))], &["CONFLICT"])),
        ("permissions_id", Refuses(vec![permission("Read"), permission("Write")], &["INVALID"])),
        ("permissions_bit_key", Unbreakable("the catalogue gives the bits")),
        ("permissions_bit", Unbreakable("the catalogue gives the bits")),
        ("roles_id_key", Refuses(vec![beta("role", json!({"id": uuid(1), "name": "editor"})), of_acme("role", json!({"id": uuid(1), "name": "author"}))], &["CONFLICT"])),
        ("roles_organization_name", Refuses(vec![of_acme("role", json!({"id": uuid(1), "name": "editor"})), of_acme("role", json!({"id": uuid(2), "name": "editor"}))], &["CONFLICT"])),
        ("roles_built_in_name", Refuses(vec![record("role", json!({"id": uuid(1), "name": "editor"})), record("role", json!({"id": uuid(2), "name": "editor"})), record("role", json!({"id": uuid(3), "name": "super-admin"}))], &["CONFLICT", "CONFLICT"])),
        ("roles_of_product", Unbreakable("a role of an organization is never product-wide")),
        ("groups_id_key", Refuses(vec![beta("group", json!({"id": uuid(1), "name": "Team"})), of_acme("group", json!({"id": uuid(1), "name": "Team"}))], &["CONFLICT"])),
        ("groups_organization_key", Refuses(vec![of_acme("group", json!({"id": uuid(1), "name": "Team"})), of_acme("group", json!({"id": uuid(2), "name": "team"}))], &["CONFLICT"])),
        ("groups_of_organization", Unbreakable(OF_COMPOSITES)),
        ("group_roles_pkey", Refuses(vec![of_acme("group", json!({"name": "Team", "roles": twice()}))], &[])),
        ("group_roles_scope", Unbreakable(TWO_OF_ONE)),
        ("users_id_key", Refuses(vec![beta("user", json!({"id": "ada"})), ada()], &["CONFLICT"])),
        ("users_uuid_key", Refuses(vec![user(&uuid(0xabc), json!({})), user(&uuid(0xabc).to_uppercase(), json!({"name": "Other"}))], &["CONFLICT"])),
        ("users_email_in_organization", Refuses(vec![user("ada", json!({"email": "a@acme.example"})), user("eve", json!({"email": "A@acme.example"}))], &["CONFLICT"])),
        ("users_service_without_password", Refuses(vec![user("bot", json!({"service": true, "password": "correct-horse-battery"}))], &["INVALID"])),
        ("users_user_name", Refuses(vec![user("ada", json!({"userName": "Same"})), user("eve", json!({"userName": "SAME"}))], &["CONFLICT"])),
        ("users_person_takes_seat", Refuses(vec![user("ada", json!({"takesSeat": false}))], &["INVALID"])),
        ("users_of_organization", Unbreakable(OF_COMPOSITES)),
        ("user_roles_pkey", Refuses(vec![user("ada", json!({"roles": twice()}))], &[])),
        ("user_roles_scope", Unbreakable(TWO_OF_ONE)),
        ("group_members_pkey", Refuses(vec![of_acme("group", json!({"name": "Team"})), user("ada", json!({"groups": ["Team", "TEAM", "Team"]}))], &[])),
        ("federated_identities_provider", Refuses(vec![user("ada", json!({"federatedIdentities": [{"identityProvider": "g", "userId": "1"}, {"identityProvider": "g", "userId": "2"}]}))], &["INVALID"])),
        ("settings_pkey", Refuses(vec![ada(), record("setting", json!({"userId": "ada", "key": "k", "value": 1})), record("setting", json!({"userId": "ada", "key": "k", "value": 2}))], &["CONFLICT"])),
        ("api_keys_id_key", Refuses(vec![ada(), api_key(1, "one", &hex("1")), api_key(1, "two", &hex("2"))], &["CONFLICT"])),
        ("api_keys_digest_key", Refuses(vec![ada(), user("eve", json!({})), api_key(1, "one", &hex("1")), record("apiKey", json!({"userId": "eve", "name": "one", "digest": hex("1")})), api_key(3, "three", "ab"), api_key(4, "four", &hex("4").to_uppercase())], &["CONFLICT", "INVALID", "INVALID"])),
        ("api_keys_user_name", Refuses(vec![ada(), api_key(1, "one", &hex("1")), api_key(2, "one", &hex("2"))], &["CONFLICT"])),
        ("invitations_id_key", Refuses(vec![invitation(1, "a@acme.example", &hex("1")), invitation(1, "b@acme.example", &hex("2"))], &["CONFLICT"])),
        ("invitations_digest_key", Refuses(vec![invitation(1, "a@acme.example", &hex("1")), invitation(2, "b@acme.example", &hex("1")), invitation(3, "c@acme.example", "none")], &["CONFLICT", "INVALID"])),
        ("invitations_open", Refuses(vec![invitation(1, "a@acme.example", &hex("1")), invitation(2, "A@acme.example", &hex("2")), of_acme("invitation", json!({"id": uuid(3), "email": "a@acme.example", "tenantId": "north"})), of_acme("invitation", json!({"id": uuid(4), "email": "a@acme.example", "withdrawnAt": "2026-01-01T00:00:00Z"}))], &["CONFLICT"])),
        ("invitation_roles_pkey", Refuses(vec![of_acme("invitation", json!({"email": "a@acme.example", "roles": twice()}))], &[])),
        ("invitation_roles_scope", Unbreakable(TWO_OF_ONE)),
    ]);
    rules
}

const OWN_KEY_TABLES: &[&str] = &[
    "organizations_pkey",
    "tenants_pkey",
    "resource_servers_pkey",
    "permissions_pkey",
    "roles_pkey",
    "groups_pkey",
    "users_pkey",
    "federated_identities_pkey",
    "api_keys_pkey",
    "invitations_pkey",
];

/// The rules above are all that the schema has.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_rule_of_the_schema_is_known_on_postgresql() {
    let app = App::new(Backend::Postgres).await;
    let tables = "'organizations', 'tenants', 'resource_servers', 'permissions', 'roles', 'groups', 'group_roles', 'users', \
        'user_roles', 'group_members', 'federated_identities', 'settings', 'api_keys', 'invitations', 'invitation_roles'";
    let mut found: Vec<String> = app
        .column(&format!(
            "SELECT i.relname::text AS name FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid JOIN pg_class t ON t.oid = x.indrelid
             WHERE x.indisunique AND t.relname IN ({tables})
             UNION SELECT c.conname::text FROM pg_constraint c JOIN pg_class t ON t.oid = c.conrelid
             WHERE c.contype = 'c' AND t.relname IN ({tables})"
        ))
        .await;
    let mut known: Vec<&str> = rules().iter().map(|(name, _)| *name).collect();
    known.sort_unstable();
    found.sort_unstable();
    assert_eq!(found, known);
}

on_both! {
    /// Each of them refuses a row, and the others are in; also if the whole file is taken in one transaction.
    async fn a_broken_rule_refuses_the_row_alone(app: App) {
        for (rule, what) in rules() {
            let (lines, codes) = match what {
                Rule::Refuses(lines, codes) => (lines, codes),
                Rule::Unbreakable(why) => {
                    assert!(!why.is_empty());
                    continue;
                }
            };
            for alone in [false, true] {
                let app = App::new(app.backend).await;
                app.organization("acme", &["north"]).await;
                app.organization("beta", &["south"]).await;
                let mut all = lines.clone();
                all.push(user("last", json!({})));
                let set = |options: &mut Options| {
                    options.keys = true;
                    options.alone = alone;
                };
                let taken = take(&app, &all, set).await;
                assert_eq!(taken.codes(), codes, "{rule}: {:#?}", taken.refused);
                assert_eq!(app.number("SELECT COUNT(*) FROM users WHERE id = 'last'").await, 1, "{rule}");
                let created = taken.total(|counts| counts.created);
                // Whoever imports it again sees the same.
                let before = app.dump().await;
                let again = take(&app, &all, set).await;
                assert_eq!(again.codes(), codes, "{rule}: {:#?}", again.refused);
                assert_eq!(again.total(|counts| counts.created), 0, "{rule}");
                assert_eq!(again.total(|counts| counts.unchanged), created, "{rule}");
                assert_eq!(app.dump().await, before, "{rule}");
            }
        }
    }

    /// A role of all organizations is created even where nothing else is, and the trail has it.
    async fn a_role_of_all_organizations_alone(app: App) {
        let before = app.number("SELECT COUNT(*) FROM audit_events").await;
        let role = [record("role", json!({"id": uuid(1), "name": "auditor", "permissions": ["read:user"]}))];
        let taken = take(&app, &role, |_| {}).await;
        assert_eq!(taken.of(Kind::Role).created, 1, "{:#?}", taken.refused);
        assert_eq!(app.number("SELECT COUNT(*) FROM roles WHERE name = 'auditor' AND product").await, 1);
        assert_eq!(app.number("SELECT COUNT(*) FROM audit_events").await - before, 1);
        let told: Vec<String> = app.column("SELECT target_id FROM audit_events WHERE action = 'role.create'").await;
        assert_eq!(told, [uuid(1)]);
        let again = take(&app, &role, |_| {}).await;
        assert_eq!(again.of(Kind::Role).unchanged, 1);
    }

    /// A product-wide name is in the way of no organization, and the other way round; and an update does not get around it.
    async fn names_of_roles_that_are_taken(app: App) {
        app.organization("acme", &[]).await;
        let lines = [
            of_acme("role", json!({"id": uuid(1), "name": "editor"})),
            record("role", json!({"id": uuid(2), "name": "editor"})),
            record("role", json!({"id": uuid(3), "name": "auditor"})),
            of_acme("role", json!({"id": uuid(4), "name": "auditor"})),
            of_acme("role", json!({"id": uuid(5), "name": "author"})),
        ];
        let taken = take(&app, &lines, |_| {}).await;
        assert_eq!((taken.of(Kind::Role).created, taken.codes()), (3, vec!["CONFLICT"; 2]), "{:#?}", taken.refused);
        let before = app.dump().await;
        let lines = [
            of_acme("role", json!({"id": uuid(5), "name": "editor"})),
            of_acme("role", json!({"id": uuid(5), "name": "auditor"})),
            record("role", json!({"id": uuid(3), "name": "author"})),
            record("role", json!({"id": uuid(3), "name": "auditor", "permissions": ["write:org"]})),
            record("role", json!({"id": "01900000-0000-7000-8000-000000000002", "name": "mine"})),
        ];
        let taken = take(&app, &lines, |options| options.on_conflict = OnConflict::Update).await;
        assert_eq!(taken.codes(), ["CONFLICT", "CONFLICT", "CONFLICT", "INVALID", "INVALID"], "{:#?}", taken.refused);
        assert_eq!(app.dump().await, before);
    }

    /// A role that came with a row that is refused is gone with it, or stays; nobody has one that is not there.
    async fn roles_that_came_with_a_refused_row(app: App) {
        for alone in [false, true] {
            let app = App::new(app.backend).await;
            app.organization("beta", &[]).await;
            app.organization("acme", &[]).await;
            take(&app, &[record("group", json!({"id": uuid(9), "organizationId": "beta", "name": "Theirs"}))], |_| {}).await;
            let lines = [
                of_acme("group", json!({"id": uuid(9), "name": "Mine", "roles": ["fresh"]})),
                of_acme("invitation", json!({"id": uuid(1), "email": "a@acme.example", "roles": ["newer", "super-admin"]})),
                user("eve", json!({"roles": ["newest"], "tenantId": "north"})),
                user("ada", json!({"roles": ["fresh", "newer", "newest"]})),
                user("bob", json!({"roles": ["fresh", " newest "]})),
            ];
            let set = |options: &mut Options| {
                options.missing_roles = MissingRoles::Create;
                options.roles = vec!["first".to_owned()];
                options.organization = Some("acme".to_owned());
                options.alone = alone;
            };
            let dry = take(&app, &lines, |options| {
                set(options);
                options.dry_run = true;
            })
            .await;
            let lines: Vec<String> = lines.into_iter().chain([user("carl", json!({}))]).collect();
            let taken = take(&app, &lines, set).await;
            assert_eq!(taken.codes(), ["CONFLICT", "FORBIDDEN", "NOT_FOUND"], "{:#?}", taken.refused);
            assert_eq!(dry.codes(), taken.codes());
            assert_eq!((taken.of(Kind::User).created, dry.of(Kind::User).created), (3, 2));
            let held = "SELECT COUNT(*) FROM user_roles r JOIN roles o ON o.pk = r.role_pk WHERE o.name IN ('fresh', 'newer', 'newest', 'first')";
            assert_eq!(app.number(held).await, 6);
            let roles = app.number("SELECT COUNT(*) FROM roles WHERE organization_pk IS NOT NULL").await;
            assert_eq!(taken.of(Kind::Role).created, u64::try_from(roles).unwrap(), "what is said is so");
            assert_eq!(dry.of(Kind::Role).created, taken.of(Kind::Role).created - 1, "all but the role of carl");
            let told = "SELECT CAST(SUM(count) AS BIGINT) FROM audit_events WHERE action = 'organization.import'";
            // Theirs, the roles and three users.
            assert_eq!(app.number(told).await, 4 + roles);
        }
    }

    /// What `createResourceServer` refuses is refused here.
    async fn settings_of_resource_servers(app: App) {
        let server = |id: &str, settings: Value| record("resourceServer", json!({"id": id, "name": "API", "settings": settings}));
        let wrong = [
            server("https://a.example", json!({"tokenLifetimeSeconds": 1})),
            server("https://b.example", json!({"tokenLifetimeSeconds": 1_000_000_000})),
            server("https://c.example", json!({"audiences": ["https://d.example"]})),
            server("https://e.example", json!({"claims": {"sub": {"value": "admin"}}})),
            server("https://f.example", json!("text")),
        ];
        let taken = take(&app, &wrong, |_| {}).await;
        assert_eq!(taken.codes(), ["INVALID"; 5], "{:#?}", taken.refused);
        assert_eq!(app.number("SELECT COUNT(*) FROM resource_servers").await, 1);
        let right = [server("https://g.example", json!({"tokenLifetimeSeconds": 300}))];
        assert_eq!(take(&app, &right, |_| {}).await.of(Kind::ResourceServer).created, 1);
        let changed = [server("https://g.example", json!({"tokenLifetimeSeconds": 1}))];
        let taken = take(&app, &changed, |options| options.on_conflict = OnConflict::Update).await;
        assert_eq!(taken.codes(), ["INVALID"]);
    }

    /// Who is a super admin already is unchanged; nobody becomes one without the flag, and no group, member or invitation makes one.
    async fn super_admins_who_are_there(app: App) {
        app.organization("acme", &[]).await;
        let root = json!({"roles": ["super-admin"]});
        let lines = [
            of_acme("group", json!({"name": "Root", "roles": ["super-admin"]})),
            user("root", root.clone()),
            user("deep", json!({"groups": ["Root"]})),
            of_acme("invitation", json!({"email": "a@acme.example", "roles": ["super-admin"]})),
        ];
        let refused = take(&app, &lines, |_| {}).await;
        assert_eq!(refused.codes(), ["FORBIDDEN", "FORBIDDEN", "INVALID", "FORBIDDEN"], "{:#?}", refused.refused);
        let allow = |options: &mut Options| {
            options.super_admins = true;
            options.on_conflict = OnConflict::Update;
        };
        let taken = take(&app, &lines, allow).await;
        assert!(taken.refused.is_empty(), "{:#?}", taken.refused);
        let before = app.dump().await;
        for conflict in [OnConflict::Fail, OnConflict::Skip, OnConflict::Update] {
            let mut rows = Rows::of(&lines);
            rows.rows.push_back(members(&["deep"]));
            let again = take_rows(&app, rows, |options| options.on_conflict = conflict).await;
            assert!(again.refused.is_empty(), "{:#?}", again.refused);
            assert_eq!(again.total(|counts| counts.unchanged), 4);
            assert_eq!(app.dump().await, before);
        }
        app.user("acme", "eve", None).await;
        let mut rows = Rows::of(&[
            user("eve", root.clone()),
            user("eve", json!({"groups": ["Root"]})),
            user("mallory", root),
            user("trudy", json!({"groups": ["Root"]})),
        ]);
        rows.rows.push_back(members(&["deep", "eve"]));
        let taken = take_rows(&app, rows, |options| options.on_conflict = OnConflict::Update).await;
        assert_eq!(taken.codes(), ["FORBIDDEN"; 5], "{:#?}", taken.refused);
    }

    /// Who sets a limit in the middle of an import is right from then on.
    async fn a_seat_limit_that_is_set_meanwhile(app: App) {
        app.organization("acme", &[]).await;
        let rows = Rows::of(&users(800, &json!({}))).meanwhile(STEP, &app, &[
            "UPDATE organizations SET seat_limit = 600,
                seats_used = (SELECT COUNT(*) FROM users u WHERE u.organization_pk = organizations.pk AND u.activated AND u.takes_seat)
                WHERE id = 'acme'",
        ]);
        let taken = take_rows(&app, rows, |_| {}).await;
        assert_eq!((taken.of(Kind::User).created, taken.of(Kind::User).refused), (600, 200));
        assert_eq!(app.number("SELECT seats_used FROM organizations WHERE id = 'acme'").await, 600);
    }

    /// What is deleted in the middle of an import is not there: the rows say so, one by one.
    async fn what_is_deleted_meanwhile(app: App) {
        app.organization("acme", &["north"]).await;
        let mut lines = users(STEP, &json!({}));
        lines.insert(0, of_acme("group", json!({"name": "Team", "roles": [{"id": "tenant-admin", "tenantId": "north"}]})));
        lines.extend([
            of_acme("tenant", json!({"id": "west", "name": "West"})),
            of_acme("group", json!({"name": "Other"})),
            of_acme("invitation", json!({"email": "a@acme.example", "tenantId": "north"})),
            of_acme("role", json!({"name": "editor"})),
            user("late", json!({"roles": [{"id": "tenant-admin", "tenantId": "north"}]})),
        ]);
        let rows = Rows::of(&lines).meanwhile(STEP, &app, &[
            "DELETE FROM users WHERE organization_pk = (SELECT pk FROM organizations WHERE id = 'acme')",
            "DELETE FROM tenants WHERE id = 'north'",
            "DELETE FROM organizations WHERE id = 'acme'",
        ]);
        let taken = take_rows(&app, rows, |_| {}).await;
        assert!(taken.done.is_ok());
        // The last user is in the second step too.
        assert_eq!(taken.codes(), ["NOT_FOUND"; 6], "{:#?}", taken.refused);
    }

    /// What an import that ended early has left is completed by the next one, in an organization above its limit too: it is this
    /// file's. Of an organization that somebody has changed since, or that no import has created, the limit holds.
    async fn an_over_full_organization_is_completed(app: App) {
        let times = json!({"id": "acme", "name": "Acme", "seatLimit": 10, "version": 3, "createdAt": "2026-01-02T00:00:00Z", "updatedAt": "2026-01-03T00:00:00Z"});
        for organization in [json!({"id": "acme", "name": "Acme", "seatLimit": 10}), times] {
            let app = App::new(app.backend).await;
            let mut lines = vec![record("organization", organization)];
            lines.extend(users(700, &json!({})));
            let cut = Rows::of(&lines).broken_at(600);
            assert!(take_rows(&app, cut, |_| {}).await.done.is_err());
            let there = "SELECT COUNT(*) FROM users WHERE id LIKE 'acme-%'";
            assert_eq!(app.number(there).await, 499);
            let dry = take(&app, &lines, |options| options.dry_run = true).await;
            let taken = take(&app, &lines, |_| {}).await;
            assert_eq!((taken.of(Kind::User).created, taken.of(Kind::User).refused), (201, 0), "{:#?}", taken.refused.first());
            assert_eq!(dry.of(Kind::User), taken.of(Kind::User));
            assert_eq!(app.number("SELECT seats_used FROM organizations WHERE id = 'acme'").await, 700);
            let more: Vec<String> = lines.iter().cloned().chain([user("more", json!({}))]).collect();
            let without_it = take(&app, &more[1..], |_| {}).await;
            assert_eq!(without_it.codes(), ["SEAT_LIMIT_REACHED"], "a file without the organization is another file");
            app.admin().ok("mutation { updateOrganization(where: {id: \"acme\"}, data: {name: \"Acme 2\"}) { id }
                again: updateOrganization(where: {id: \"acme\"}, data: {name: \"Acme\"}) { id } }", json!({})).await;
            assert_eq!(take(&app, &more, |_| {}).await.codes(), ["SEAT_LIMIT_REACHED"]);
        }
        app.admin().ok("mutation { createOrganization(data: {id: \"acme\", name: \"Acme\", seatLimit: 1}) { id } }", json!({})).await;
        let lines = [record("organization", json!({"id": "acme", "name": "Acme", "seatLimit": 1})), user("ada", json!({})), user("bob", json!({}))];
        for _ in 0..2 {
            assert_eq!(take(&app, &lines, |_| {}).await.codes(), ["SEAT_LIMIT_REACHED"]);
        }
    }

    /// An import that is run again hashes only what is not in.
    async fn passwords_that_are_in_are_not_hashed_again(app: App) {
        app.organization("beta", &[]).await;
        app.organization("acme", &[]).await;
        let weak = |id: &str, organization: &str, changed: &str| {
            let mut members = json!({"email": format!("{id}@people.example"), "passwordHash": "{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=", "passwordChangedAt": changed});
            members["organizationId"] = organization.into();
            match organization {
                // Known by the address alone.
                "beta" => {}
                _ => members["id"] = id.into(),
            }
            record("user", members)
        };
        let old = "2026-01-01T00:00:00Z";
        let mut lines: Vec<String> = (0..6).map(|number| weak(&format!("u{number}"), if number < 3 { "acme" } else { "beta" }, old)).collect();
        lines.push(user("clear", json!({"password": "correct-horse-battery"})));
        let hasher = &app.services.hasher;
        let mut computed = hasher.computed();
        let mut more = |what: &str, count: u64| {
            assert_eq!(hasher.computed() - computed, count, "{what}");
            computed = hasher.computed();
        };
        assert_eq!(take(&app, &lines[..4], |_| {}).await.of(Kind::User).created, 4);
        more("the first part", 4);
        let taken = take(&app, &lines, |_| {}).await;
        assert_eq!((taken.of(Kind::User).created, taken.of(Kind::User).unchanged), (3, 4), "{:#?}", taken.refused);
        more("the rest", 3);
        for conflict in [OnConflict::Fail, OnConflict::Skip, OnConflict::Update] {
            let again = take(&app, &lines, |options| options.on_conflict = conflict).await;
            assert_eq!(again.of(Kind::User).unchanged, 7, "{:#?}", again.refused);
            more("nothing", 0);
        }
        // Somebody of another organization with the address of one who is there, and a later password.
        let lines = [weak("u4", "acme", old), weak("u0", "acme", "2026-02-02T00:00:00Z")];
        let taken = take(&app, &lines, |options| options.on_conflict = OnConflict::Update).await;
        assert_eq!((taken.of(Kind::User).created, taken.of(Kind::User).changed), (1, 1), "{:#?}", taken.refused);
        more("what is new", 2);
    }
}

fn members(names: &[&str]) -> Row {
    let members = MembersRecord {
        group: "Root".to_owned(),
        organization_id: Some("acme".to_owned()),
        members: names.iter().map(|name| (*name).to_owned()).collect(),
    };
    Row::record(9_999, Record::Members(members))
}

/// What is deleted in the same moment is refused as what is not there, not as something that somebody should try again; and
/// members who are not there are told once, although the step was tried twice. (On SQLite, nobody else writes meanwhile.)
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_step_that_others_were_in_the_way_of_is_tried_again_on_postgresql() {
    let app = App::new(Backend::Postgres).await;
    app.organization("acme", &["north"]).await;
    let mut rows = Rows::of(&[
        record("organization", json!({"id": "full", "name": "Full", "seatLimit": 1})),
        of_acme("group", json!({"name": "Root"})),
        of_acme("invitation", json!({"email": "a@acme.example", "tenantId": "north"})),
        record("user", json!({"id": "one", "organizationId": "full"})),
        record("user", json!({"id": "two", "organizationId": "full"})),
    ]);
    rows.rows.insert(2, members(&["gone"]));
    let other = app.services.db.begin().await.unwrap();
    other
        .execute_unprepared("DELETE FROM tenants WHERE id = 'north'")
        .await
        .unwrap();
    let importing = take_rows(&app, rows, |_| {});
    let deleting = async {
        wait::until("the import waits", wait::AT_LAST, async || {
            app.has_a_change_that_waits().await
        })
        .await;
        other.commit().await.unwrap();
    };
    let (taken, ()) = tokio::join!(importing, deleting);
    assert!(taken.done.is_ok(), "{:?}", taken.done);
    assert_eq!(taken.codes(), ["NOT_FOUND", "NOT_FOUND"], "{:#?}", taken.refused);
    assert_eq!(taken.refused[0]["type"], "invitation");
    assert_eq!(
        (taken.of(Kind::User).created, taken.of(Kind::Organization).created),
        (2, 1)
    );
    let told = "SELECT CAST(SUM(count) AS BIGINT) FROM audit_events WHERE action = 'organization.import'";
    assert_eq!(app.number(told).await, 4, "the organization, the group and two users");
}
