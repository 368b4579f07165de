//! The permissions that a product declares, its product-wide roles, and the file with both.

use sea_orm::ConnectionTrait;
use serde_json::{Value, json};
use tenantry::directory::permission::{self, Applying, PermissionsFile};

use crate::on_both;
use crate::support::binary::{Server, run, text};
use crate::support::{App, Backend, Caller, TestDatabase};

const DECLARE: &str = "mutation($data: CreatePermissionData!) { createPermission(data: $data) { id lowestRole version builtInRoles { name } opensHere viewerHolds } }";
const DELETE: &str =
    "mutation($id: ID!, $withdraw: Boolean) { deletePermission(where: {id: $id}, withdraw: $withdraw) { id } }";
const CREATE_ROLE: &str = "mutation($data: CreateRoleData!) { createRole(data: $data) { id scope permissions } }";
const ASSIGN: &str = "mutation($id: ID!, $role: String!) { assignRole(where: {id: $id}, role: $role) { id } }";
const CREATE_KEY: &str =
    "mutation($data: CreateApiKeyData!) { createApiKey(data: $data) { secret apiKey { permissions } } }";

async fn declare(app: &App, name: &str, lowest_role: &str) {
    let data = json!({ "name": name, "lowestRole": lowest_role });
    app.admin().ok(DECLARE, json!({ "data": data })).await;
}

/// What the caller may do, without the built-in permissions.
async fn declared_ones(caller: &Caller<'_>) -> Vec<String> {
    let answer = caller.ok("{ viewerPermissions }", json!({})).await;
    let all = answer["viewerPermissions"].as_array().unwrap().iter();
    let names = all.map(|name| name.as_str().unwrap().to_owned());
    names.filter(|name| name.starts_with("invoices:")).collect()
}

async fn sql(app: &App, statement: &str) {
    let transaction = app.services.db.begin().await.unwrap();
    transaction.execute_unprepared(statement).await.unwrap();
    transaction.commit().await.unwrap();
}

fn file(content: &Value) -> PermissionsFile {
    PermissionsFile::parse(&content.to_string()).unwrap()
}

on_both! {
    async fn a_declared_permission_is_held_from_its_lowest_role_upwards(app: App) {
        app.organization("acme", &[]).await;
        let chief = app.user("acme", "chief", Some("organization-admin")).await;
        let ann = app.user("acme", "ann", Some("user")).await;
        let tim = app.user("acme", "tim", Some("trial-user")).await;
        declare(&app, "invoices:read", "USER").await;
        let data = json!({ "name": "invoices:approve", "description": "Approve invoices." });
        let made = app.admin().ok(DECLARE, json!({ "data": data })).await;
        assert_eq!(made["createPermission"], json!({
            "id": "invoices:approve", "lowestRole": "ORGANIZATION_ADMIN", "version": 1, "opensHere": false, "viewerHolds": true,
            "builtInRoles": [{"name": "organization-admin"}, {"name": "super-admin"}],
        }));
        assert_eq!(declared_ones(&chief).await, ["invoices:approve", "invoices:read"]);
        assert_eq!(declared_ones(&ann).await, ["invoices:read"]);
        assert_eq!(declared_ones(&tim).await, [""; 0]);
        assert_eq!(declared_ones(&app.admin()).await, ["invoices:approve", "invoices:read"]);
        let asked = "{ can(permissions: [\"invoices:read\", \"invoices:approve\", \"invoices:unheard\"]) { allowed known } }";
        assert_eq!(ann.ok(asked, json!({})).await["can"], json!([
            {"allowed": true, "known": true}, {"allowed": false, "known": true}, {"allowed": false, "known": false},
        ]));
        let holders = "{ users(where: {permission: \"invoices:read\"}, orderBy: ID_ASC) { id permissions } roles(where: {permission: \"invoices:approve\"}, orderBy: NAME_ASC) { name } }";
        let found = chief.ok(holders, json!({})).await;
        assert_eq!(found["users"][0]["id"], "ann");
        assert_eq!(found["users"].as_array().unwrap().len(), 2, "{found}");
        assert_eq!(found["users"][0]["permissions"].as_array().unwrap().last(), Some(&json!("invoices:read")));
        assert_eq!(found["roles"], json!([{"name": "organization-admin"}, {"name": "super-admin"}]));
        // Lowering it gives it to more users at once, and raising it takes it from them.
        for (role, held) in [("TRIAL_USER", vec!["invoices:read"]), ("SUPER_ADMIN", vec![])] {
            let update = "mutation($role: LadderRole) { updatePermission(where: {id: \"invoices:read\"}, data: {lowestRole: $role}) { lowestRole } }";
            app.admin().ok(update, json!({ "role": role })).await;
            assert_eq!(declared_ones(&tim).await, held, "{role}");
        }
    }

    async fn a_declaration_elsewhere_counts_with_the_next_look_up(app: App) {
        app.organization("acme", &[]).await;
        let ann = app.user("acme", "ann", Some("user")).await;
        assert_eq!(declared_ones(&ann).await, [""; 0]);
        // As another process does it.
        sql(&app, "INSERT INTO permissions (id, bit, lowest_role, version, created_at, updated_at) VALUES ('invoices:read', 7, 'USER', 1, 1, 1)").await;
        sql(&app, "UPDATE catalogue SET version = version + 1").await;
        // Time is the subject: that is how long a credential is remembered.
        tokio::time::sleep(std::time::Duration::from_millis(600)).await;
        assert_eq!(declared_ones(&ann).await, ["invoices:read"]);
        sql(&app, "UPDATE permissions SET deleted_at = 1 WHERE id = 'invoices:read'").await;
        sql(&app, "UPDATE catalogue SET version = version + 1").await;
        // Time is the subject: that is how long a credential is remembered.
        tokio::time::sleep(std::time::Duration::from_millis(600)).await;
        assert_eq!(declared_ones(&ann).await, [""; 0]);
    }

    /// Also while the caller is remembered: what is shown is never older than what it was read from.
    async fn a_declaration_elsewhere_counts_for_what_is_listed(app: App) {
        let admin = app.admin();
        admin.ok(CREATE_ROLE, json!({ "data": { "name": "clerk", "scope": "PRODUCT" } })).await;
        admin.ok(CREATE_KEY, json!({ "data": { "name": "k", "permissions": [] } })).await;
        let of_user = "{ roles(where: {name: \"user\"}) { permissions } }";
        admin.ok(of_user, json!({})).await;
        // As another process does it.
        for (number, (asked, shown)) in [
            (of_user, "invoices:r0"),
            ("{ roles(where: {name: \"clerk\"}) { permissions } }", "\"permissions\":[\"invoices:r1\"]"),
            ("{ apiKeys(where: {name: \"k\"}) { permissions } }", "\"permissions\":[\"invoices:r2\"]"),
            ("{ permissions(where: {id: \"invoices:r3\"}) { viewerHolds } }", "\"viewerHolds\":true"),
        ].into_iter().enumerate() {
            sql(&app, &format!("INSERT INTO permissions (id, bit, lowest_role, version, created_at, updated_at) VALUES ('invoices:r{number}', {number}, 'USER', 1, 1, 1)")).await;
            sql(&app, "UPDATE catalogue SET version = version + 1").await;
            sql(&app, &format!("UPDATE roles SET permissions = 'invoices:r{number}' WHERE name = 'clerk'")).await;
            sql(&app, &format!("UPDATE api_keys SET permissions = 'invoices:r{number}' WHERE name = 'k'")).await;
            let answer = admin.ok(asked, json!({})).await.to_string();
            assert!(answer.contains(shown), "{asked} {answer}");
        }
    }

    async fn only_a_super_admin_with_full_power_changes_the_catalogue(app: App) {
        app.organization("acme", &[]).await;
        let chief = app.user("acme", "chief", Some("organization-admin")).await;
        app.user("acme", "root", Some("super-admin")).await;
        declare(&app, "invoices:read", "USER").await;
        let product = json!({ "name": "accountant", "scope": "PRODUCT" });
        app.admin().ok(CREATE_ROLE, json!({ "data": product })).await;
        let limited = json!({ "name": "narrow", "permissions": ["read:role", "write:role"] });
        let limited = app.admin().ok(CREATE_KEY, json!({ "data": limited })).await;
        let limited = app.key(limited["createApiKey"]["secret"].as_str().unwrap());
        // Tokens made of a full credential: as much, and less.
        let mut tokens = Vec::new();
        let admin = app.admin().key.unwrap();
        for scope in [&[][..], &[("scope", "write:role")][..]] {
            tokens.push(app.key(crate::oauth_tokens::exchanged(&app, &admin, scope).await));
        }
        let before = app.dump().await;
        for caller in [chief, limited, app.admin().acting_as("root")].into_iter().chain(tokens) {
            for (document, variables) in [
                (DECLARE, json!({ "data": { "name": "invoices:pay" } })),
                ("mutation { updatePermission(where: {id: \"invoices:read\"}, data: {description: \"x\"}) { id } }", json!({})),
                (DELETE, json!({ "id": "invoices:read", "withdraw": true })),
                (CREATE_ROLE, json!({ "data": { "name": "payer", "scope": "PRODUCT" } })),
                ("mutation($id: ID) { updateRole(where: {id: $id, name: \"accountant\"}, data: {name: \"other\"}) { id } }", json!({ "id": role_id(&app, "accountant").await })),
                ("mutation($id: ID) { deleteRole(where: {id: $id}) { id } }", json!({ "id": role_id(&app, "accountant").await })),
            ] {
                assert_eq!(caller.code(document, variables.clone()).await, "FORBIDDEN", "{document} {variables}");
            }
        }
        assert_eq!(app.dump().await, before);
    }

    async fn a_declaration_never_activates_a_name_that_stands_somewhere(app: App) {
        app.organization("acme", &[]).await;
        let ann = app.user("acme", "ann", Some("user")).await;
        let role = json!({ "name": "clerk", "permissions": ["read:user", "read:role"], "organizationId": "acme" });
        app.admin().ok(CREATE_ROLE, json!({ "data": role })).await;
        app.admin().ok(ASSIGN, json!({ "id": "ann", "role": "clerk" })).await;
        sql(&app, "UPDATE roles SET permissions = 'invoices:read ' || permissions || ' invoices:read' WHERE name = 'clerk'").await;
        sql(&app, "UPDATE api_keys SET permissions = 'read:user invoices:read' WHERE name = 'ann'").await;
        declare(&app, "invoices:read", "SUPER_ADMIN").await;
        assert_eq!(declared_ones(&ann).await, [""; 0]);
        assert_eq!(app.number("SELECT COUNT(*) FROM roles WHERE name = 'clerk' AND permissions = 'read:user read:role'").await, 1);
        assert_eq!(app.number("SELECT COUNT(*) FROM api_keys WHERE permissions LIKE '%invoices%'").await, 0);
    }

    async fn a_permission_that_replaces_another_goes_where_that_is(app: App) {
        app.organization("acme", &[]).await;
        let chief = app.user("acme", "chief", Some("organization-admin")).await;
        app.user("acme", "ann", Some("user")).await;
        declare(&app, "invoices:sign", "ADMIN").await;
        declare(&app, "invoices:signal", "SUPER_ADMIN").await;
        let role = json!({ "name": "clerk", "permissions": ["read:user", "invoices:sign"] });
        chief.ok(CREATE_ROLE, json!({ "data": role })).await;
        let key = json!({ "name": "k", "permissions": ["invoices:sign"] });
        let key = chief.ok(CREATE_KEY, json!({ "data": key })).await;
        let key = app.key(key["createApiKey"]["secret"].as_str().unwrap());
        chief.ok(ASSIGN, json!({ "id": "ann", "role": "clerk" })).await;
        let data = json!({ "name": "invoices:approve", "replaces": "invoices:sign" });
        let made = app.admin().ok(DECLARE, json!({ "data": data })).await;
        assert_eq!(made["createPermission"]["lowestRole"], "ADMIN");
        let both = ["invoices:approve", "invoices:sign"];
        assert_eq!(declared_ones(&key).await, both);
        let ann = app.key_of("ann").await;
        assert_eq!(declared_ones(&ann).await, both);
        let unknown = json!({ "name": "invoices:other", "replaces": "read:user" });
        assert_eq!(app.admin().refusal(DECLARE, json!({ "data": unknown })).await["message"], "No permission was declared as 'read:user'.");
        // In use, it is deleted only if it is withdrawn too. A key that was limited to it permits nothing.
        let error = app.admin().refusal(DELETE, json!({ "id": "invoices:sign" })).await;
        assert_eq!(error["extensions"]["reason"], "IN_USE");
        assert!(error["message"].as_str().unwrap().contains("1 roles and 1 API keys"), "{error}");
        app.admin().ok(DELETE, json!({ "id": "invoices:sign", "withdraw": true })).await;
        app.admin().ok(DELETE, json!({ "id": "invoices:approve", "withdraw": true })).await;
        assert_eq!(declared_ones(&ann).await, [""; 0]);
        assert_eq!(key.ok("{ viewerPermissions me { id } }", json!({})).await, json!({ "viewerPermissions": [], "me": { "id": "chief" } }));
        assert_eq!(app.number("SELECT COUNT(*) FROM api_keys WHERE permissions = ''").await, 1);
    }

    async fn the_bit_of_a_deleted_permission_rests_for_a_day(app: App) {
        let bit = "SELECT bit FROM permissions WHERE deleted_at IS NULL AND bit IS NOT NULL";
        declare(&app, "invoices:read", "USER").await;
        let first = app.number(bit).await;
        app.admin().ok(DELETE, json!({ "id": "invoices:read" })).await;
        declare(&app, "invoices:read", "USER").await;
        assert_ne!(app.number(bit).await, first);
        app.admin().ok(DELETE, json!({ "id": "invoices:read" })).await;
        let day = tenantry::directory::permission::BIT_REST;
        let now = app.machine().now();
        tenantry::operations::cleanup::sweep(&app.services.db, now).await.unwrap();
        assert_eq!(app.number("SELECT COUNT(*) FROM permissions WHERE bit IS NOT NULL").await, 2);
        tenantry::operations::cleanup::sweep(&app.services.db, now.after(day)).await.unwrap();
        assert_eq!(app.number("SELECT COUNT(*) FROM permissions WHERE bit IS NOT NULL").await, 0);
        declare(&app, "invoices:read", "USER").await;
        assert_eq!(app.number(bit).await, first);
    }

    async fn nobody_gives_a_declared_permission_beyond_their_own(app: App) {
        app.organization("acme", &[]).await;
        let chief = app.user("acme", "chief", Some("organization-admin")).await;
        app.user("acme", "ann", Some("user")).await;
        app.user("acme", "boss", None).await;
        declare(&app, "invoices:pay", "SUPER_ADMIN").await;
        declare(&app, "invoices:read", "USER").await;
        for (name, permissions) in [("payer", vec!["invoices:pay"]), ("reader", vec!["invoices:read"])] {
            let role = json!({ "name": name, "permissions": permissions, "scope": "PRODUCT" });
            app.admin().ok(CREATE_ROLE, json!({ "data": role })).await;
        }
        app.admin().ok(ASSIGN, json!({ "id": "boss", "role": "payer" })).await;
        // The first impersonation makes the signing key.
        chief.ok("mutation { impersonateUser(where: {id: \"ann\"}, reason: \"x\") { accessToken } }", json!({})).await;
        let before = app.dump().await;
        let words = "You cannot grant permissions you do not hold: invoices:pay.";
        let payer = role_id(&app, "payer").await;
        for (document, variables) in [
            (CREATE_ROLE, json!({ "data": { "name": "own", "permissions": ["invoices:pay"] } })),
            (ASSIGN, json!({ "id": "ann", "role": "payer" })),
            (ASSIGN, json!({ "id": "ann", "role": payer })),
            (CREATE_KEY, json!({ "data": { "name": "k", "permissions": ["invoices:pay"] } })),
            ("mutation { createUser(data: {email: \"x@acme.example\", roles: [\"payer\"]}) { id } }", json!({})),
            ("mutation { updatePropertiesInUser(where: {id: \"ann\"}, data: {roles: [\"user\", \"payer\"]}) { id } }", json!({})),
            ("mutation { createGroup(data: {name: \"G\", roles: [\"payer\"]}) { id } }", json!({})),
            ("mutation { inviteUser(data: {email: \"y@acme.example\", roles: [\"payer\"]}) { id } }", json!({})),
        ] {
            let error = chief.refusal(document, variables.clone()).await;
            assert_eq!(error["message"], words, "{document} {variables}");
            assert_eq!(error["extensions"]["permissions"], json!(["invoices:pay"]), "{document}");
        }
        // Nor do they become somebody who has it, or take over the account.
        for document in [
            "mutation { impersonateUser(where: {id: \"boss\"}, reason: \"x\") { accessToken } }",
            "mutation { updatePropertiesInUser(where: {id: \"boss\"}, data: {email: \"z@acme.example\"}) { id } }",
            "mutation { deleteUser(where: {id: \"boss\"}) { id } }",
        ] {
            assert_eq!(chief.code(document, json!({})).await, "FORBIDDEN", "{document}");
        }
        assert_eq!(app.dump().await, before);
        // What leads to no acting compares only what opens something here.
        chief.ok("mutation { updatePropertiesInUser(where: {id: \"boss\"}, data: {name: \"Boss\"}) { id } }", json!({})).await;
        chief.ok(ASSIGN, json!({ "id": "ann", "role": "reader" })).await;
    }

    async fn a_product_wide_role_is_one_for_all_organizations(app: App) {
        app.organization("acme", &[]).await;
        app.organization("globex", &[]).await;
        let chief = app.user("acme", "chief", Some("organization-admin")).await;
        let other = app.user("globex", "other", Some("organization-admin")).await;
        app.user("acme", "ann", None).await;
        app.user("globex", "gus", None).await;
        declare(&app, "invoices:read", "ORGANIZATION_ADMIN").await;
        let own = json!({ "name": "taken", "organizationId": "acme" });
        app.admin().ok(CREATE_ROLE, json!({ "data": own })).await;
        for (data, reason) in [
            (json!({ "name": "taken", "scope": "PRODUCT" }), "IN_USE"),
            (json!({ "name": "user", "scope": "PRODUCT" }), "TAKEN"),
            (json!({ "name": "waii-user", "scope": "PRODUCT" }), "TAKEN"),
        ] {
            let error = app.admin().refusal(CREATE_ROLE, json!({ "data": data })).await;
            assert_eq!(error["extensions"]["reason"], reason, "{error}");
        }
        for data in [
            json!({ "name": "x", "scope": "PRODUCT", "permissions": ["write:org"] }),
            json!({ "name": "x", "scope": "PRODUCT", "organizationId": "acme" }),
            json!({ "name": "x", "scope": "BUILT_IN" }),
        ] {
            assert_eq!(app.admin().code(CREATE_ROLE, json!({ "data": data })).await, "INVALID", "{data}");
        }
        let role = json!({ "name": "accountant", "scope": "PRODUCT", "permissions": ["invoices:read"] });
        let made = app.admin().ok(CREATE_ROLE, json!({ "data": role })).await;
        assert_eq!(made["createRole"]["scope"], "PRODUCT");
        for (admin, who) in [(&chief, "ann"), (&other, "gus")] {
            admin.ok(ASSIGN, json!({ "id": who, "role": "accountant" })).await;
            assert_eq!(declared_ones(&app.key_of(who).await).await, ["invoices:read"]);
            let names = "{ roles(where: {scope: PRODUCT}) { name organization { id } builtIn } countRoles(where: {builtIn: false, scope: PRODUCT}) users(where: {role: {name: \"accountant\"}}) { id roles { name } } }";
            assert_eq!(admin.ok(names, json!({})).await, json!({
                "roles": [{"name": "accountant", "organization": null, "builtIn": false}], "countRoles": 1,
                "users": [{"id": who, "roles": [{"name": "accountant"}]}],
            }));
            let same = json!({ "data": { "name": "accountant" } });
            let error = admin.refusal(CREATE_ROLE, same).await;
            assert_eq!(error["extensions"]["reason"], "TAKEN");
        }
        // Somebody who moves keeps it, as a built-in role.
        let moved = "mutation { updatePropertiesInUser(where: {id: \"ann\"}, data: {organizationId: \"globex\"}) { roles { name } } }";
        assert_eq!(app.admin().ok(moved, json!({})).await["updatePropertiesInUser"]["roles"], json!([{"name": "accountant"}]));
        // Its name is in tokens, and that of an organization's role never.
        let gus = app.key_of("gus").await;
        app.admin().ok(CREATE_ROLE, json!({ "data": { "name": "Accountant", "organizationId": "globex" } })).await;
        app.admin().ok(ASSIGN, json!({ "id": "gus", "role": "Accountant" })).await;
        let gus = gus.ok("{ me { roles { name } } }", json!({})).await;
        assert_eq!(gus["me"]["roles"], json!([{"name": "Accountant"}, {"name": "accountant"}]));
        let caller = tenantry::authn::caller_of(app.services.db.reader(), app.user_row("gus").await.pk).await.unwrap().unwrap();
        assert_eq!(caller.role_names(None), ["accountant"]);
        // Deleting it withdraws it everywhere.
        app.admin().ok("mutation($id: ID) { deleteRole(where: {id: $id}) { id } }", json!({ "id": role_id(&app, "accountant").await })).await;
        assert_eq!(declared_ones(&app.key_of("ann").await).await, [""; 0]);
    }

    async fn a_file_is_applied_whole_or_not_at_all(app: App) {
        let content = json!({
            "version": 1, "revision": 7,
            "permissions": [
                {"name": "invoices:read", "description": "Read invoices.", "lowestRole": "USER"},
                {"name": "invoices:approve", "description": "Approve invoices."},
            ],
            "roles": [{"name": "accountant", "description": "Works on invoices.", "permissions": ["invoices:read", "invoices:approve"]}],
        });
        let op = app.machine();
        let before = app.dump().await;
        let plan = permission::apply(&op, &file(&content), Applying { dry_run: true, ..Applying::default() }).await.unwrap().unwrap();
        assert_eq!(plan.changes.len(), 3);
        assert_eq!(app.dump().await, before);
        let bad = json!({"version": 1, "permissions": [{"name": "BAD"}, {"name": "invoices:read"}, {"name": "read:user"}], "roles": [{"name": "user"}, {"name": "clerk", "permissions": ["invoices:none"]}]});
        let faults = permission::apply(&op, &file(&bad), Applying::default()).await.unwrap().unwrap_err();
        assert_eq!(faults.len(), 4, "{faults:?}");
        assert_eq!(app.dump().await, before);
        // Two processes apply it at once: one of them finds it done.
        let (one, two) = (file(&content), file(&content));
        let other = app.machine();
        let (first, second) = tokio::join!(permission::apply(&op, &one, Applying::default()), permission::apply(&other, &two, Applying::default()));
        let mut changes = [first, second].map(|applied| applied.unwrap().unwrap().changes.len());
        changes.sort_unstable();
        assert_eq!(changes, [0, 3]);
        let shown = permission::show(&op).await.unwrap();
        assert_eq!(serde_json::to_value(&shown).unwrap()["roles"][0]["permissions"], json!(["invoices:approve", "invoices:read"]));
        let before = app.dump().await;
        let again = permission::apply(&op, &shown, Applying { prune: true, ..Applying::default() }).await.unwrap().unwrap();
        assert_eq!((again.changes.len(), again.unchanged), (0, 4));
        assert_eq!(app.dump().await, before);
        let older = permission::apply(&op, &file(&json!({"version": 1, "revision": 6})), Applying { prune: true, ..Applying::default() }).await.unwrap().unwrap();
        assert_eq!(older.newer_revision, Some(7));
        assert_eq!(app.dump().await, before);
        // What is not in the file stays, unless it is pruned; and what is in use is not, unless it is withdrawn.
        let key = json!({ "name": "k", "permissions": ["invoices:approve"] });
        app.admin().ok(CREATE_KEY, json!({ "data": key })).await;
        let on_new = json!({"version": 1, "permissions": [{"name": "invoices:new", "replaces": "invoices:never"}]});
        let on_new = permission::apply(&op, &file(&on_new), Applying { dry_run: true, ..Applying::default() }).await.unwrap().unwrap();
        assert_eq!(on_new.changes[0].details, ["from ORGANIZATION_ADMIN, 1 user"]);
        let spaced = json!({"version": 1, "roles": [{"name": "clerk "}, {"name": "a"}, {"name": "a"}]});
        let faults = permission::apply(&op, &file(&spaced), Applying::default()).await.unwrap().unwrap_err();
        assert_eq!(faults.len(), 2, "{faults:?}");
        app.admin().ok(ASSIGN, json!({ "id": "admin", "role": "accountant" })).await;
        let less = file(&json!({"version": 1, "permissions": [{"name": "invoices:read", "lowestRole": "ADMIN"}]}));
        let kept = permission::apply(&op, &less, Applying::default()).await.unwrap().unwrap();
        assert_eq!(kept.not_in_file, ["role accountant", "permission invoices:approve"]);
        let prune = Applying { prune: true, ..Applying::default() };
        let faults = permission::apply(&op, &less, prune).await.unwrap().unwrap_err();
        assert!(faults[0].contains("assigned to 1 users and groups"), "{faults:?}");
        assert!(faults[1].contains("in use: by 1 roles and 1 API keys"), "{faults:?}");
        let pruned = permission::apply(&op, &less, Applying { withdraw: true, ..prune }).await.unwrap().unwrap();
        assert_eq!(pruned.changes.len(), 2);
        assert_eq!(app.number("SELECT COUNT(*) FROM api_keys WHERE permissions = ''").await, 1);
    }

    async fn a_token_names_the_declared_permissions_or_none_of_them(app: App) {
        app.organization("acme", &["berlin"]).await;
        let chief = app.user("acme", "chief", Some("organization-admin")).await;
        declare(&app, "invoices:read", "USER").await;
        declare(&app, "invoices:pay", "SUPER_ADMIN").await;
        let data = json!({ "id": "ann", "email": "ann@acme.example", "password": "password-of-ann", "roles": ["user"], "tenantId": "berlin" });
        chief.ok("mutation($data: CreateUserData!) { createUser(data: $data) { id } }", json!({ "data": data })).await;
        let sign_in = "mutation { signIn(data: {email: \"ann@acme.example\", password: \"password-of-ann\"}) { accessToken } }";
        let token = async || -> String {
            let answer = app.anonymous().ok(sign_in, json!({})).await;
            answer["signIn"]["accessToken"].as_str().unwrap().to_owned()
        };
        let first = claims(&token().await);
        assert_eq!(first["permissions"], json!(["invoices:read"]));
        assert!(first.get("omitted").is_none(), "{first}");
        // What is too long is left out whole and named; the token still opens what it opened.
        for number in 0..250 {
            declare(&app, &format!("invoices:permission-{number:03}"), "USER").await;
        }
        let long = token().await;
        let without = claims(&long);
        assert!(long.len() <= tenantry::authn::TOKEN_BYTES_MAX, "{}", long.len());
        assert_eq!((without.get("permissions"), &without["omitted"], &without["roles"]), (None, &json!(["permissions"]), &json!(["user"])));
        assert_eq!(declared_ones(&app.key(long)).await.len(), 251);
        // Of its own: an organization's role is never among the roles, whatever it is called.
        for number in 0..60 {
            let role = json!({ "name": format!("a role with a very long name that every organization has, {number:02}"), "scope": "PRODUCT" });
            app.admin().ok(CREATE_ROLE, json!({ "data": role })).await;
            app.admin().ok(ASSIGN, json!({ "id": "ann", "role": role["name"] })).await;
        }
        let longest = token().await;
        assert!(longest.len() <= tenantry::authn::TOKEN_BYTES_MAX, "{}", longest.len());
        assert_eq!(claims(&longest)["omitted"], json!(["permissions", "roles"]));
    }

    async fn a_permission_is_created_once(app: App) {
        let data = json!({ "data": { "name": "invoices:read" } });
        let admin = app.admin();
        let (one, two) = tokio::join!(admin.send(DECLARE, data.clone()), admin.send(DECLARE, data.clone()));
        let codes: Vec<Value> = [one, two].into_iter().filter_map(|answer| answer["errors"][0]["extensions"]["reason"].as_str().map(|reason| json!(reason))).collect();
        assert_eq!(codes, ["TAKEN"]);
        assert_eq!(app.admin().code(DECLARE, json!({ "data": { "name": "tenantry:x" } })).await, "CONFLICT");
        assert_eq!(app.admin().code(DECLARE, json!({ "data": { "name": "invoices" } })).await, "INVALID");
        assert_eq!(app.admin().code("mutation { deletePermission(where: {id: \"read:user\"}) { id } }", json!({})).await, "FORBIDDEN");
    }

    async fn declaring_and_storing_a_name_exclude_each_other(app: App) {
        app.organization("acme", &[]).await;
        let chief = app.user("acme", "chief", Some("organization-admin")).await;
        for round in 0..10 {
            let name = format!("invoices:r{round}");
            declare(&app, &name, "ORGANIZATION_ADMIN").await;
            let key = json!({ "data": { "name": format!("k{round}"), "permissions": [name] } });
            let admin = app.admin();
            let delete = admin.send(DELETE, json!({ "id": name }));
            let (deleted, made) = tokio::join!(delete, chief.send(CREATE_KEY, key));
            let (deleted, made) = (deleted["errors"].is_null(), made["errors"].is_null());
            assert!(deleted != made, "round {round}: deleted {deleted}, made {made}");
        }
    }
}

fn claims(token: &str) -> Value {
    use base64::Engine;
    let body = token.split('.').nth(1).unwrap();
    let body = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(body).unwrap();
    serde_json::from_slice(&body).unwrap()
}

async fn role_id(app: &App, name: &str) -> String {
    let roles = app
        .admin()
        .ok(
            "query($name: String) { roles(where: {name: $name}) { id } }",
            json!({ "name": name }),
        )
        .await;
    roles["roles"][0]["id"].as_str().unwrap_or_default().to_owned()
}

/// The command beside a running server, and the file at start.
async fn by_the_binary(backend: Backend) {
    let database = TestDatabase::empty(backend).await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("permissions.json");
    let path = path.to_str().unwrap();
    let write = |content: Value| std::fs::write(path, content.to_string()).unwrap();
    let apply = |arguments: &[&str]| {
        let arguments = [&["permissions", "apply", path], arguments].concat();
        let output = run(&arguments, &[("TENANTRY_DATABASE_URL", &database.url)]);
        (
            output.status.code(),
            text(&output.stdout).to_owned(),
            text(&output.stderr).to_owned(),
        )
    };
    write(json!({ "version": 1, "revision": 2, "permissions": [{ "name": "invoices:read", "lowestRole": "USER" }] }));
    let start = || Server::start(&database.url, &[("TENANTRY_PERMISSIONS_FILE", path)]);
    let mut server = start();
    let key = server.printed_key().unwrap().to_owned();
    let declared = "{ permissions(where: {builtIn: false}) { id lowestRole } }";
    let (_, answer) = server.call(&key, declared);
    assert_eq!(
        answer["data"]["permissions"],
        json!([{ "id": "invoices:read", "lowestRole": "USER" }])
    );
    // Beside the server, which knows it at the next look-up.
    write(
        json!({ "version": 1, "revision": 3, "permissions": [{ "name": "invoices:read", "lowestRole": "ADMIN" }, { "name": "invoices:pay" }] }),
    );
    let (code, out, _) = apply(&["--dry-run"]);
    assert_eq!(code, Some(0));
    let lines = "~ permission invoices:read (lowestRole USER -> ADMIN, 1 user)\n+ permission invoices:pay (from ORGANIZATION_ADMIN, 1 user)\n= 0 unchanged\n";
    assert_eq!(out, format!("{lines}Nothing was changed (--dry-run).\n"));
    assert_eq!(apply(&[]).1, lines);
    assert_eq!(apply(&[]).1, "= 2 unchanged\n");
    // Time is the subject: that is how long a credential is remembered.
    tokio::time::sleep(std::time::Duration::from_millis(600)).await;
    let (_, answer) = server.call(&key, "{ viewerPermissions }");
    assert!(
        answer["data"]["viewerPermissions"]
            .as_array()
            .unwrap()
            .contains(&json!("invoices:pay")),
        "{answer}"
    );
    let shown = run(&["permissions", "show"], &[("TENANTRY_DATABASE_URL", &database.url)]);
    let shown: Value = serde_json::from_slice(&shown.stdout).unwrap();
    assert_eq!(
        shown["permissions"][0],
        json!({ "name": "invoices:pay", "lowestRole": "ORGANIZATION_ADMIN" })
    );
    assert_eq!(shown["revision"], 3);
    // An older edition: refused at the command line, ignored at the start.
    write(json!({ "version": 1, "revision": 2, "permissions": [{ "name": "invoices:old" }] }));
    let (code, out, err) = apply(&[]);
    assert_eq!((code, out.as_str()), (Some(1), ""));
    assert!(
        err.contains("Nothing was changed: revision 3 was applied before"),
        "{err}"
    );
    server.terminate();
    assert!(server.ended().success());
    let mut server = start();
    assert!(server.log().contains("is an older revision than 3"), "{}", server.log());
    assert_eq!(
        server.call(&key, declared).1["data"]["permissions"]
            .as_array()
            .unwrap()
            .len(),
        2
    );
    server.terminate();
    assert!(server.ended().success());
    // What is wrong with a file is told, and nothing changes.
    for (content, words) in [
        ("{", "EOF while parsing"),
        (r#"{"version": 2}"#, "'version' must be 1, but is 2"),
        (r#"{"version": 1, "permisions": []}"#, "unknown field `permisions`"),
        (
            r#"{"version": 1, "permissions": [{"name": "a:b", "lowestRole": "NOBODY"}]}"#,
            "'lowestRole' must be one of TRIAL_USER, USER,",
        ),
        (
            r#"{"version": 1, "permissions": [{"name": "a"}, {"name": "b"}]}"#,
            "permission 'b': 'b' cannot be the name of a permission.",
        ),
    ] {
        std::fs::write(path, content).unwrap();
        let (code, out, err) = apply(&[]);
        assert_eq!((code, out.as_str()), (Some(1), ""), "{content}");
        assert!(err.contains(words), "{content}: {err}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_binary_applies_a_file_on_sqlite() {
    by_the_binary(Backend::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_binary_applies_a_file_on_postgres() {
    by_the_binary(Backend::Postgres).await;
}
