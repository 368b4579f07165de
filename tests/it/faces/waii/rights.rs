//! Section 5: what each role may call, and how far it reaches.

use serde_json::{Value, json};

use super::{calls, world};
use crate::on_both;
use crate::support::App;

const LADDER: [&str; 7] = [
    "waii-trial-user",
    "waii-trial-api-user",
    "waii-user",
    "waii-api-user",
    "waii-admin-user",
    "waii-org-admin-user",
    "waii-super-admin-user",
];

/// The first role on the ladder that may make a call; nothing stands for everybody.
fn needs(name: &str) -> &'static str {
    match name {
        "create-org" | "update-org" | "delete-org" => "waii-super-admin-user",
        "create-user" | "update-user" | "delete-user" | "list-users" | "create-tenant" | "update-tenant"
        | "delete-tenant" | "list-tenants" | "list-orgs" => "waii-org-admin-user",
        _ => "",
    }
}

on_both! {
    async fn each_call_is_for_its_roles(app: App) {
        world(&app).await;
        for role in LADDER {
            app.admin().waii("create-user", json!({"user": {"id": role, "tenant_id": "berlin", "roles": [role]}})).await;
        }
        app.admin().create_user(json!({"id": "nil", "organizationId": "acme"})).await;
        for (step, role) in ["nil"].into_iter().chain(LADDER).enumerate() {
            let caller = app.key_of(role).await;
            for (name, body) in calls() {
                let first = LADDER.iter().position(|one| *one == needs(name)).map_or(0, |at| at + 1);
                let allowed = match name {
                    "create-key" => !["nil", "waii-trial-user", "waii-user"].contains(&role),
                    _ => step >= first,
                };
                let reply = app.send(caller.waii_request(name, &body)).await;
                let status = reply.status.as_u16();
                match (name, allowed) {
                    ("create-user-secret", _) => assert_eq!(status, 400),
                    (_, false) => assert_eq!(status, 403, "{name} as {role}: {reply:?}"),
                    // The right is there, but the one that is to be changed is not, or is there already.
                    ("update-org" | "delete-org" | "update-tenant" | "delete-tenant" | "update-user" | "delete-user", true) =>
                        assert!([200, 403, 404].contains(&status), "{name} as {role}: {reply:?}"),
                    (_, true) => assert_eq!(status, 200, "{name} as {role}: {reply:?}"),
                }
            }
            // As it was, for the next.
            for (name, id) in [("delete-user", "u"), ("delete-tenant", "t"), ("delete-org", "o")] {
                app.send(app.admin().waii_request(name, &json!({ "id": id }))).await;
            }
        }
    }

    async fn refusals_of_a_role_are_noted(app: App) {
        world(&app).await;
        let bob = app.key_of("bob").await;
        assert_eq!(bob.waii_status("create-user", json!({"user": 1})).await, 403);
        assert_eq!(bob.waii_status("list-users", json!({})).await, 403);
        let reply = bob.waii_as("ada", "get-user-info", json!({})).await;
        assert_eq!(reply.status.as_u16(), 403);
        app.services.refusals.flush(&app.services.db, app.services.clock.now(), true).await.unwrap();
        let mut noted: Vec<String> = app.column("SELECT action FROM audit_events WHERE refused AND actor_id = 'bob'").await;
        noted.sort();
        assert_eq!(noted, ["user.create", "user.impersonate", "user.read"]);
    }

    /// Whatever is named of another organization answers as what nobody has, but for the id that was sent.
    async fn another_organization_is_as_if_it_were_not_there(app: App) {
        let ada = world(&app).await;
        let body = |name: &str, user: &str, tenant: &str, organization: &str| match name {
            "update-org" | "delete-org" => json!({"id": organization, "organization": {"id": organization, "name": "N"}}),
            "create-tenant" => json!({"tenant": {"id": "t", "name": "N", "org_id": organization}}),
            // The own organization's name does not help.
            "update-tenant" => json!({"tenant": {"id": tenant, "name": "N", "org_id": "acme"}}),
            "delete-tenant" => json!({"id": tenant}),
            "create-user" => json!({"user": {"id": "u", "tenant_id": tenant, "org_id": "acme"}}),
            "create-user in a tenant" => json!({"user": {"id": "u", "tenant_id": tenant}}),
            "create-user in an organization" => json!({"user": {"id": "u", "tenant_id": "berlin", "org_id": organization}}),
            "update-user" => json!({"user": {"id": user, "tenant_id": "berlin", "org_id": "acme", "name": "Mine", "roles": []}}),
            "update-user out" => json!({"user": {"id": "bob", "tenant_id": tenant, "org_id": organization}}),
            "update-user out of the organization" => json!({"user": {"id": "bob", "org_id": organization}}),
            "update-user out of the tenant" => json!({"user": {"id": "bob", "tenant_id": tenant}}),
            "delete-user" => json!({"id": user}),
            other => panic!("{other}"),
        };
        for name in ["update-org", "delete-org", "create-tenant", "update-tenant", "delete-tenant", "create-user", "create-user in a tenant",
            "create-user in an organization", "update-user", "update-user out", "update-user out of the organization",
            "update-user out of the tenant", "delete-user"] {
            let call = name.split(' ').next().unwrap();
            let there = ada.waii_refused(call, body(name, "gus", "rome", "globex")).await;
            let nowhere = ada.waii_refused(call, body(name, "xxx", "xxxx", "xxxxxx")).await;
            let replaced = nowhere.1.replace("xxxxxx", "globex").replace("xxxx", "rome").replace("xxx", "gus");
            assert_eq!((there.0, nowhere.0), (403, 403), "{name}");
            assert_eq!(there.1, replaced, "{name}");
        }
        // The one exception: an id is unique over the whole system, and taken is taken.
        assert_eq!(ada.waii_status("create-user", json!({"user": {"id": "gus", "tenant_id": "berlin"}})).await, 409);
        assert_eq!(ada.waii_status("create-tenant", json!({"tenant": {"id": "rome", "name": "N"}})).await, 409);
        // The own organization is listed, and no other.
        let listed = ada.waii("list-orgs", json!({})).await;
        assert_eq!(listed, json!({"organizations": [{"id": "acme", "name": "Organization acme", "variables": null}]}));
        // A super admin reaches all.
        for (name, id) in [("delete-user", "gus"), ("delete-user", "gina"), ("delete-tenant", "rome"), ("delete-org", "globex")] {
            app.admin().waii(name, json!({ "id": id })).await;
        }
    }

    async fn nobody_grants_or_manages_beyond_their_own(app: App) {
        let ada = world(&app).await;
        let admin = app.admin();
        admin.waii("create-user", json!({"user": {"id": "root2", "tenant_id": "berlin", "roles": ["waii-super-admin-user"]}})).await;
        admin.ok(r#"mutation { createRole(data: {name: "org writer", permissions: ["write:org"], organizationId: "acme"}) { id } }"#, json!({})).await;
        for role in ["waii-super-admin-user", "org writer"] {
            for (name, id) in [("create-user", "u"), ("update-user", "bob"), ("update-user", "ada")] {
                let body = json!({"user": {"id": id, "tenant_id": "berlin", "roles": ["waii-org-admin-user", role]}});
                assert_eq!(ada.waii_status(name, body).await, 403, "{name} {role}");
            }
        }
        for (name, body) in [
            ("update-user", json!({"user": {"id": "root2", "name": "Mine"}})),
            ("update-user", json!({"user": {"id": "root2", "roles": []}})),
            ("delete-user", json!({"id": "root2"})),
        ] {
            assert_eq!(ada.waii_status(name, body).await, 403, "{name}");
        }
        // As much as one's own, and equals, are fine.
        ada.waii("create-user", json!({"user": {"id": "eve", "tenant_id": "berlin", "roles": ["waii-org-admin-user"]}})).await;
        ada.waii("update-user", json!({"user": {"id": "eve", "name": "Eve", "roles": ["waii-admin-user"]}})).await;
        // What was given is gone at the next call, also for keys handed out before.
        let bob = app.key_of("bob").await;
        ada.waii("update-user", json!({"user": {"id": "bob", "roles": ["waii-org-admin-user"]}})).await;
        assert_eq!(bob.waii_users(json!({"lookup_user_id": "bob"})).await, ["bob"]);
        ada.waii("update-user", json!({"user": {"id": "bob", "roles": []}})).await;
        assert_eq!(bob.waii_status("list-users", json!({})).await, 403);
        assert_eq!(bob.waii("get-user-info", json!({})).await["permissions"], json!([]));
        // The last super admin stays one.
        admin.waii("delete-user", json!({"id": "root2"})).await;
        for body in [json!({"id": "admin", "roles": []}), json!({"id": "admin", "roles": ["waii-user"]})] {
            assert_eq!(admin.waii_status("update-user", json!({"user": body})).await, 400);
        }
        assert_eq!(admin.waii_status("delete-user", json!({"id": "admin"})).await, 400);
        assert_eq!(ada.waii_status("delete-user", json!({"id": "ada"})).await, 400);
    }

    async fn roles_go_by_their_names(app: App) {
        let ada = world(&app).await;
        let own = ada.ok(r#"mutation { createRole(data: {name: "waii-night watch", permissions: ["read:user"]}) { id } }"#, json!({})).await;
        assert!(own["createRole"]["id"].is_string());
        app.admin().ok(r#"mutation { createRole(data: {name: "elsewhere", organizationId: "globex"}) { id } }"#, json!({})).await;
        let all: Vec<Value> = LADDER[..6].iter().map(|role| json!(role)).chain(["labeler", "reviewer", "team-manager", "waii-night watch"].map(|role| json!(role))).collect();
        ada.waii("update-user", json!({"user": {"id": "bob", "roles": all}})).await;
        let mut shown: Vec<Value> = ada.waii("list-users", json!({"lookup_user_id": "bob"})).await["users"][0]["roles"].as_array().unwrap().clone();
        // In GraphQL they bear our names.
        let names = ada.ok("{ users(where: {id: \"bob\"}) { roles { name } } }", json!({})).await["users"][0]["roles"].clone();
        let mut names: Vec<&str> = names.as_array().unwrap().iter().map(|role| role["name"].as_str().unwrap()).collect();
        names.sort_unstable();
        assert_eq!(names, ["admin", "api-user", "labeler", "organization-admin", "reviewer", "team-manager", "trial-api-user", "trial-user", "user", "waii-night watch"]);
        let sort = |list: &mut Vec<Value>| list.sort_by_key(ToString::to_string);
        let mut all = all;
        sort(&mut all);
        sort(&mut shown);
        assert_eq!(shown, all);
        // Another organization's role, and ours where the product has a name of its own, are no roles here.
        for role in ["elsewhere", "admin", "organization-admin", "super-admin", "trial-user"] {
            assert_eq!(ada.waii_refused("update-user", json!({"user": {"id": "bob", "roles": [role]}})).await, (400, format!("There is no role '{role}'.")));
        }
    }
}
