//! What somebody may try against permissions of the product, roles for all organizations and the tokens that tell them, and the
//! tests that show that it does not work. Those about accounts are in `accounts::threats`.
//!
//! | threat | tests |
//! |---|---|
//! | an organization's own role with, or named like, a product's | `every_way_to_give_a_role_counts_what_the_product_declared`, `a_role_that_looks_like_a_products_is_told_to_nobody` |
//! | a product-wide role carries more than who assigns it has: directly, by group, by invitation, on create | `every_way_to_give_a_role_counts_what_the_product_declared` |
//! | the catalogue is changed with a limited key, while impersonating, by an organization's administrator | `catalogue::only_a_super_admin_with_full_power_changes_the_catalogue` |
//! | two processes apply files at once | `catalogue::a_file_is_applied_whole_or_not_at_all`, `two_processes_know_the_same_catalogue` |
//! | a name that stands somewhere becomes live when it is declared | `catalogue::a_declaration_never_activates_a_name_that_stands_somewhere` |
//! | a bit is used again · a deleted permission leaves a key unlimited | `catalogue::the_bit_of_a_deleted_permission_rests_for_a_day` · `a_key_that_is_limited_to_what_is_gone_permits_nothing` |
//! | what was withdrawn goes on in tokens | `oauth::what_is_taken_away_is_not_active`, `oauth_tokens::what_it_was_made_from_decides`, `a_withdrawn_role_counts_at_once` |
//! | a token for one resource server is used at another, at tenantry or at one of its faces | `resource_servers::a_token_for_another_is_refused_everywhere` |
//! | an exchange widens scope, lifetime or audience, or revives what has ended | `oauth_tokens::a_chain_of_exchanges_never_widens`, `resource_servers::a_chain_between_resource_servers_never_widens`, `oauth_tokens::what_it_was_made_from_decides` |
//! | another algorithm, a foreign `kid`, `jku`, another `typ` | `session_tokens::another_algorithm_is_refused`, `session_tokens::keys_are_our_own_only`, `resource_servers::the_key_says_how_it_signs` |
//! | introspection tells who has a credential | `oauth::who_may_not_ask_learns_nothing`, `oauth::an_organization_asks_about_its_own` |
//! | a client sends the gateway's headers or parameters | `oauth::nothing_of_the_client_decides`; through nginx and Caddy: `docs/gateways.md`, `docs/protect.md` |
//! | users write claims about themselves | `nothing_that_a_user_writes_becomes_a_claim`, `resource_servers::what_tokens_are_to_contain_is_checked` |
//! | a token grows past what servers take | `catalogue::a_token_names_the_declared_permissions_or_none_of_them`, `resource_servers::what_is_too_long_is_left_out_in_order` |
//! | declare and assign, delete and store at once | `catalogue::declaring_and_storing_a_name_exclude_each_other` |
//! | effective variables show an organization's secrets | `effective_variables::only_public_keys_without_the_permission` |

use std::time::Duration;

use sea_orm::{ConnectionTrait, Database, Statement};
use serde_json::{Value, json};

use crate::oauth::{ask, at_the_gate, gate, secret, world};
use crate::oauth_tokens::exchanged;
use crate::on_both;
use crate::support::binary::Server;
use crate::support::wait::until_outside;
use crate::support::{App, Backend, Caller, TestDatabase};

const DECLARE: &str = "mutation($data: CreatePermissionData!) { createPermission(data: $data) { id } }";
const CREATE_ROLE: &str = "mutation($data: CreateRoleData!) { createRole(data: $data) { id } }";
const ASSIGN: &str = "mutation($id: ID!, $role: String!) { assignRole(where: {id: $id}, role: $role) { id } }";

async fn declare(app: &App, name: &str, lowest_role: &str) {
    let data = json!({ "name": name, "lowestRole": lowest_role });
    app.admin().ok(DECLARE, json!({ "data": data })).await;
}

async fn role(caller: &Caller<'_>, data: Value) -> String {
    let made = caller.ok(CREATE_ROLE, json!({ "data": data })).await;
    made["createRole"]["id"].as_str().unwrap().to_owned()
}

on_both! {
    /// With a permission that the caller holds, each of these works; with one that it does not hold, none, and nothing changes.
    async fn every_way_to_give_a_role_counts_what_the_product_declared(app: App) {
        app.organization("acme", &["berlin"]).await;
        let chief = app.user("acme", "chief", Some("organization-admin")).await;
        app.user("acme", "ann", Some("user")).await;
        // The first impersonation makes the signing key.
        chief.ok("mutation { impersonateUser(where: {id: \"ann\"}, reason: \"x\") { accessToken } }", json!({})).await;
        for (word, lowest) in [("held", "ORGANIZATION_ADMIN"), ("beyond", "SUPER_ADMIN")] {
            let permission = format!("invoices:{word}");
            declare(&app, &permission, lowest).await;
            role(&app.admin(), json!({ "name": format!("product {word}"), "scope": "PRODUCT", "permissions": [permission] })).await;
            role(&app.admin(), json!({ "name": format!("own {word}"), "organizationId": "acme", "permissions": [permission] })).await;
            let group = "mutation($data: CreateGroupData!) { createGroup(data: $data) { id } }";
            let data = json!({ "name": format!("group {word}"), "organizationId": "acme", "roles": [format!("own {word}")] });
            app.admin().ok(group, json!({ "data": data })).await;
        }
        let empty = role(&chief, json!({ "name": "empty" })).await;
        let plain = chief.ok("mutation { createGroup(data: {name: \"plain\"}) { id } }", json!({})).await;
        let plain = plain["createGroup"]["id"].as_str().unwrap().to_owned();
        for (word, allowed) in [("beyond", false), ("held", true)] {
            let groups = app.admin().ok("query($name: String) { groups(where: {name: $name}) { id } }", json!({ "name": format!("group {word}") })).await;
            let group = groups["groups"][0]["id"].as_str().unwrap().to_owned();
            let permission = format!("invoices:{word}");
            for kind in ["product", "own"] {
                let name = format!("{kind} {word}");
                let ways = [
                    (CREATE_ROLE, json!({ "data": { "name": format!("new {name}"), "permissions": [permission] } })),
                    ("mutation($id: ID, $permissions: [String!]) { updateRole(where: {id: $id}, data: {permissions: $permissions}) { id } }", json!({ "id": empty, "permissions": [permission] })),
                    (ASSIGN, json!({ "id": "ann", "role": name })),
                    ("mutation($id: ID!, $role: String!) { assignRole(where: {id: $id}, role: $role, tenant: \"berlin\") { id } }", json!({ "id": "ann", "role": name })),
                    ("mutation($data: CreateUserData!) { createUser(data: $data) { id } }", json!({ "data": { "email": format!("{kind}.{word}@acme.example"), "roles": [name] } })),
                    ("mutation($data: CreateUserData!) { createUser(data: $data) { id } }", json!({ "data": { "email": format!("t.{kind}.{word}@acme.example"), "tenantRoles": [{ "role": name, "tenant": "berlin" }] } })),
                    ("mutation($roles: [String!]) { updatePropertiesInUser(where: {id: \"ann\"}, data: {roles: $roles}) { id } }", json!({ "roles": ["user", name] })),
                    ("mutation($data: CreateGroupData!) { createGroup(data: $data) { id } }", json!({ "data": { "name": format!("g {name}"), "roles": [name] } })),
                    ("mutation($id: ID, $roles: [String!]) { updateGroup(where: {id: $id}, data: {roles: $roles}) { id } }", json!({ "id": plain, "roles": [name] })),
                    ("mutation($group: ID) { addUserToGroup(where: {id: $group}, user: {id: \"ann\"}) { id } }", json!({ "group": group })),
                    ("mutation($data: InviteUserData!) { inviteUser(data: $data) { id } }", json!({ "data": { "email": format!("i.{kind}.{word}@acme.example"), "roles": [name] } })),
                    ("mutation($data: CreateApiKeyData!) { createApiKey(data: $data) { secret } }", json!({ "data": { "name": format!("key {name}"), "permissions": [permission] } })),
                ];
                let before = app.dump().await;
                for (document, variables) in ways {
                    if allowed {
                        chief.ok(document, variables).await;
                    } else {
                        let error = chief.refusal(document, variables.clone()).await;
                        assert_eq!(error["extensions"]["code"], "FORBIDDEN", "{document} {variables}");
                        assert_eq!(error["extensions"]["permissions"], json!([permission]), "{document} {variables}");
                    }
                }
                assert!(allowed || app.dump().await == before, "a refusal changed something: {name}");
            }
        }
    }

    async fn a_role_that_looks_like_a_products_is_told_to_nobody(app: App) {
        let (ada, asker) = world(&app).await;
        declare(&app, "invoices:read", "ORGANIZATION_ADMIN").await;
        role(&app.admin(), json!({ "name": "accountant", "scope": "PRODUCT", "permissions": ["invoices:read"] })).await;
        // Cyrillic, another case, and a space that is not one.
        let alike = ["\u{430}ccountant", "Accountant", "accountant\u{2003}x"];
        for name in alike {
            role(&ada, json!({ "name": name })).await;
            ada.ok(ASSIGN, json!({ "id": "bob", "role": name })).await;
        }
        let told = async |expected: Value| {
            let session = app.sign_in("acme", "bob").await;
            assert_eq!(session.claims()["roles"], expected);
            assert_eq!(ask(&app, &asker, &session.access).await["roles"], expected);
            let authorization = format!("Bearer {}", session.access);
            let reply = app.send(at_the_gate("/forward-auth", &[("authorization", &authorization)])).await;
            let names: Vec<&str> = expected.as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect();
            assert_eq!(reply.headers["x-tenantry-roles"], names.join(","));
        };
        told(json!(["api-user"])).await;
        ada.ok(ASSIGN, json!({ "id": "bob", "role": "accountant" })).await;
        told(json!(["accountant", "api-user"])).await;
    }

    async fn a_key_that_is_limited_to_what_is_gone_permits_nothing(app: App) {
        let (_, asker) = world(&app).await;
        declare(&app, "invoices:read", "USER").await;
        let bob = app.key_of("bob").await;
        let key = secret(&bob, json!({ "name": "k", "permissions": ["invoices:read"] })).await;
        assert_eq!(gate(&app, &key, "/forward-auth?permission=invoices:read").await, 200);
        let token = exchanged(&app, &key, &[]).await;
        app.admin().ok("mutation { deletePermission(where: {id: \"invoices:read\"}, withdraw: true) { id } }", json!({})).await;
        for credential in [&key, &token] {
            let told = ask(&app, &asker, credential).await;
            assert_eq!((&told["active"], &told["permissions"]), (&json!(true), &json!([])), "{told}");
            assert_eq!(app.key(credential.as_str()).ok("{ viewerPermissions }", json!({})).await["viewerPermissions"], json!([]));
            assert_eq!(gate(&app, credential, "/forward-auth?permission=usage:api").await, 403);
        }
        // Not even when the name is declared again.
        declare(&app, "invoices:read", "USER").await;
        assert_eq!(gate(&app, &key, "/forward-auth?permission=invoices:read").await, 403);
    }

    async fn a_withdrawn_role_counts_at_once(app: App) {
        let (ada, asker) = world(&app).await;
        declare(&app, "invoices:read", "ORGANIZATION_ADMIN").await;
        role(&app.admin(), json!({ "name": "accountant", "scope": "PRODUCT", "permissions": ["invoices:read"] })).await;
        ada.ok(ASSIGN, json!({ "id": "bob", "role": "accountant" })).await;
        let session = app.sign_in("acme", "bob").await.access;
        let key = app.key_of("bob").await.key.unwrap();
        let token = exchanged(&app, &key, &[]).await;
        let narrow = exchanged(&app, &session, &[("scope", "invoices:read")]).await;
        for (change, status) in [("withdrawRole", 403), ("assignRole", 200), ("withdrawRole", 403)] {
            let document = format!("mutation {{ {change}(where: {{id: \"bob\"}}, role: \"accountant\") {{ id }} }}");
            ada.ok(&document, json!({})).await;
            for credential in [&session, &key, &token, &narrow] {
                assert_eq!(gate(&app, credential, "/forward-auth?permission=invoices:read").await, status, "{change}");
                let told = ask(&app, &asker, credential).await;
                let has_it = told["permissions"].as_array().unwrap().contains(&json!("invoices:read"));
                assert_eq!(has_it, status == 200, "{change} {told}");
            }
        }
    }

    async fn nothing_that_a_user_writes_becomes_a_claim(app: App) {
        world(&app).await;
        let plain = app.sign_in("acme", "bob").await.claims();
        let bob = app.key(app.sign_in("acme", "bob").await.access);
        let names: Vec<&String> = plain.as_object().unwrap().keys().collect();
        let all: Value = names.iter().map(|name| ((*name).clone(), json!("forged"))).collect::<serde_json::Map<_, _>>().into();
        bob.ok("mutation($settings: JSON) { updateSettings(updated: $settings) }", json!({ "settings": all })).await;
        bob.ok("mutation { updateMe(data: {firstname: \"forged\", lastname: \"forged\", name: \"forged\"}) { id } }", json!({})).await;
        let after = app.sign_in("acme", "bob").await.claims();
        assert_eq!(after.as_object().unwrap().keys().collect::<Vec<_>>(), names);
        assert!(!after.to_string().contains("forged"), "{after}");
    }
}

const ROUNDS: usize = 10;
/// For as long as a process may believe what it knew.
const SOON: Duration = Duration::from_secs(1);

/// What one process declares, grants and deletes, the other one knows within a second; and a file that both apply when they
/// start is applied once.
#[tokio::test(flavor = "multi_thread")]
async fn two_processes_know_the_same_catalogue_on_postgres() {
    let database = TestDatabase::empty(Backend::Postgres).await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("permissions.json");
    let content = json!({ "version": 1, "revision": 1, "permissions": [{ "name": "invoices:file" }], "roles": [{ "name": "clerk", "permissions": ["invoices:file"] }] });
    std::fs::write(&path, content.to_string()).unwrap();
    let variables = [
        ("TENANTRY_PERMISSIONS_FILE", path.to_str().unwrap()),
        ("TENANTRY_ADMIN_API_KEY", KEY),
    ];
    let (one, two) = std::thread::scope(|scope| {
        let other = scope.spawn(|| Server::start(&database.url, &variables));
        (Server::start(&database.url, &variables), other.join().unwrap())
    });
    let ok = |server: &Server, document: &str| -> Value {
        let (status, answer) = server.call(KEY, document);
        assert!(status == 200 && answer["errors"].is_null(), "{document} {answer}");
        answer["data"].clone()
    };
    assert_eq!(
        ok(
            &two,
            "{ countPermissions(where: {builtIn: false}) countRoles(where: {scope: PRODUCT}) }"
        ),
        json!({ "countPermissions": 1, "countRoles": 1 })
    );
    assert_eq!(
        ok(&one, "{ countAuditEvents(where: {action: \"permission.create\"}) }")["countAuditEvents"],
        1
    );
    ok(
        &one,
        "mutation { createOrganization(data: {id: \"acme\", name: \"Acme\"}) { id } createUser(data: {id: \"ann\", organizationId: \"acme\"}) { id } }",
    );
    for round in 0..ROUNDS {
        let (here, there) = if round % 2 == 0 { (&one, &two) } else { (&two, &one) };
        let name = format!("invoices:round-{round}");
        let known_there = |expected: Value| {
            let asked = format!("{{ can(permissions: [\"{name}\"], user: {{id: \"ann\"}}) {{ allowed known }} }}");
            until_outside("the other process knows", SOON, || {
                ok(there, &asked)["can"][0] == expected
            });
        };
        ok(
            here,
            &format!("mutation {{ createPermission(data: {{name: \"{name}\", lowestRole: USER}}) {{ id }} }}"),
        );
        known_there(json!({ "allowed": false, "known": true }));
        ok(
            here,
            &format!(
                "mutation {{ createRole(data: {{name: \"r{round}\", scope: PRODUCT, permissions: [\"{name}\"]}}) {{ id }} }}"
            ),
        );
        ok(
            here,
            &format!("mutation {{ assignRole(where: {{id: \"ann\"}}, role: \"r{round}\") {{ id }} }}"),
        );
        known_there(json!({ "allowed": true, "known": true }));
        ok(
            here,
            &format!("mutation {{ deletePermission(where: {{id: \"{name}\"}}, withdraw: true) {{ id }} }}"),
        );
        known_there(json!({ "allowed": false, "known": false }));
    }
}

const KEY: &str = "a-key-of-the-super-admin-in-this-test";

/// As PostgREST does it: the claims of a verified token are a setting of the transaction, and policies of the rows read them.
#[tokio::test]
async fn policies_of_rows_read_the_claims_on_postgres() {
    let app = App::new(Backend::Postgres).await;
    world(&app).await;
    declare(&app, "invoices:read", "ORGANIZATION_ADMIN").await;
    let claims = async |organization: &str, id: &str| app.sign_in(organization, id).await.claims().to_string();
    let (ada, bob, eve) = (
        claims("acme", "ada").await,
        claims("acme", "bob").await,
        claims("globex", "eve").await,
    );
    let product = TestDatabase::empty(Backend::Postgres).await;
    let connection = Database::connect(&product.url).await.unwrap();
    let reader = format!("reader_{}", uuid::Uuid::now_v7().simple());
    let run = async |sql: String| connection.execute_unprepared(&sql).await.unwrap();
    run(format!(
        "CREATE TABLE invoices (org_id text, title text);
         INSERT INTO invoices VALUES ('acme', 'of acme'), ('globex', 'of globex');
         CREATE FUNCTION claims() RETURNS jsonb LANGUAGE sql STABLE AS $$ SELECT current_setting('request.jwt.claims')::jsonb $$;
         ALTER TABLE invoices ENABLE ROW LEVEL SECURITY;
         CREATE POLICY own ON invoices USING (org_id = claims()->>'org_id' AND claims()->'permissions' ? 'invoices:read');
         CREATE ROLE {reader};
         GRANT SELECT ON invoices TO {reader}"
    ))
    .await;
    let mut seen = Vec::new();
    for claims in [&ada, &bob, &eve] {
        use sea_orm::TransactionTrait;
        let transaction = connection.begin().await.unwrap();
        transaction
            .execute_unprepared(&format!("SET LOCAL ROLE {reader}"))
            .await
            .unwrap();
        let set = "SELECT set_config('request.jwt.claims', $1, true)";
        let set = Statement::from_sql_and_values(connection.get_database_backend(), set, [claims.as_str().into()]);
        transaction.query_one_raw(set).await.unwrap();
        let read = Statement::from_string(connection.get_database_backend(), "SELECT title FROM invoices");
        let rows = transaction.query_all_raw(read).await.unwrap();
        let titles: Vec<String> = rows.iter().map(|row| row.try_get("", "title").unwrap()).collect();
        seen.push(titles);
    }
    run(format!("DROP OWNED BY {reader}; DROP ROLE {reader}")).await;
    assert_eq!(seen, [vec!["of acme".to_owned()], vec![], vec!["of globex".to_owned()]]);
}
