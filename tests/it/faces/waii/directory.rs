//! Sections 4.4 to 4.7: organizations, tenants and users.

use serde_json::{Value, json};

use super::{ids, world};
use crate::on_both;
use crate::support::{App, Caller};

async fn user(caller: &Caller<'_>, id: &str) -> Value {
    caller
        .waii("list-users", json!({"lookup_org_id": "acme", "lookup_user_id": id}))
        .await["users"][0]
        .clone()
}

on_both! {
    async fn organizations_come_and_go(app: App) {
        let admin = app.admin();
        assert_eq!(admin.waii("list-orgs", json!({})).await["organizations"].as_array().unwrap().len(), 1);
        for (id, variables) in [("q1", Value::Null), ("q2", json!({"a": null, "b": {"c": [1, 2.50]}}))] {
            let made = admin.waii("create-org", json!({"organization": {"id": id, "name": format!("Name {id}"), "variables": variables}})).await;
            assert_eq!(made, json!({}));
        }
        let listed = admin.waii("list-orgs", json!({})).await["organizations"].clone();
        assert_eq!(listed.as_array().unwrap()[1..], [
            json!({"id": "q1", "name": "Name q1", "variables": null}),
            json!({"id": "q2", "name": "Name q2", "variables": {"a": null, "b": {"c": [1, 2.50]}}}),
        ]);
        // Taken: refused, and the first stays as it was.
        assert_eq!(admin.waii_status("create-org", json!({"organization": {"id": "q1", "name": "Other", "variables": {}}})).await, 409);
        // Null leaves; variables replace the whole object.
        for (change, expected) in [
            (json!({"name": "Two", "variables": null}), json!({"id": "q2", "name": "Two", "variables": {"a": null, "b": {"c": [1, 2.50]}}})),
            (json!({"name": null, "variables": {"z": 1}}), json!({"id": "q2", "name": "Two", "variables": {"z": 1}})),
            (json!({"name": "Two", "variables": {}}), json!({"id": "q2", "name": "Two", "variables": {}})),
        ] {
            let mut change = change;
            change["id"] = "q2".into();
            assert_eq!(admin.waii("update-org", json!({ "organization": change })).await, json!({}));
            assert_eq!(admin.waii("list-orgs", json!({})).await["organizations"][2], expected);
        }
        // A refused update changes nothing, not even what was right.
        assert_eq!(admin.waii_status("update-org", json!({"organization": {"id": "q2", "name": "Three", "variables": []}})).await, 400);
        // An update never creates.
        for (name, body) in [("update-org", json!({"organization": {"id": "Q1", "name": "N"}})), ("delete-org", json!({"id": "Q1"}))] {
            assert_eq!(admin.waii_status(name, body).await, 404);
        }
        // GraphQL shows the same, and made there it is shown here.
        let found = admin.ok("{ organizations(where: {id: \"q2\"}) { name variables seatLimit } }", json!({})).await;
        assert_eq!(found["organizations"], json!([{"name": "Two", "variables": {}, "seatLimit": null}]));
        assert_eq!(admin.waii("delete-org", json!({"id": "q2"})).await, json!({}));
        assert_eq!(ids(&admin.waii("list-orgs", json!({})).await["organizations"]), ["platform", "q1"]);
        admin.waii("create-org", json!({"organization": {"id": "q2", "name": "Again"}})).await;
        assert_eq!(admin.waii("list-orgs", json!({})).await["organizations"][2], json!({"id": "q2", "name": "Again", "variables": null}));
    }

    async fn tenants_come_and_go(app: App) {
        let ada = world(&app).await;
        let admin = app.admin();
        // Without an organization: the caller's own.
        for (caller, id, organization) in [(&ada, "t1", json!(null)), (&ada, "t2", json!("")), (&ada, "t3", json!("acme")), (&admin, "t4", json!("acme")), (&admin, "t5", json!(null))] {
            let body = json!({"tenant": {"id": id, "name": format!("Name {id}"), "org_id": organization, "variables": {"a": null}}});
            assert_eq!(caller.waii("create-tenant", body.clone()).await, json!({}));
            assert_eq!(caller.waii_status("create-tenant", body).await, 409);
        }
        let shown = |id: &str, organization: &str| json!({"id": id, "name": format!("Name {id}"), "org_id": organization, "variables": {"a": null}});
        let listed = ada.waii("list-tenants", json!({"lookup_org_id": null})).await["tenants"].clone();
        assert_eq!(listed.as_array().unwrap()[2..], [shown("t1", "acme"), shown("t2", "acme"), shown("t3", "acme"), shown("t4", "acme")]);
        // Without a lookup, the caller's own organization, also for who reaches all.
        for lookup in [json!({}), json!({"lookup_org_id": ""}), json!({"lookup_org_id": "platform", "lookup_tenant_id": "x", "lookup_user_id": "y"})] {
            assert_eq!(ids(&admin.waii("list-tenants", lookup).await["tenants"]), ["platform", "t5"]);
        }
        assert_eq!(admin.waii("list-tenants", json!({"lookup_org_id": "acme"})).await["tenants"], listed);
        assert_eq!(admin.waii("list-tenants", json!({"lookup_org_id": "nowhere"})).await, json!({"tenants": []}));

        for (change, expected) in [
            (json!({"name": "Two"}), json!({"id": "t1", "name": "Two", "org_id": "acme", "variables": {"a": null}})),
            (json!({"name": null, "org_id": null, "variables": null}), json!({"id": "t1", "name": "Two", "org_id": "acme", "variables": {"a": null}})),
            (json!({"name": "Two", "org_id": "", "variables": {"b": 1}}), json!({"id": "t1", "name": "Two", "org_id": "acme", "variables": {"b": 1}})),
            (json!({"name": "Three", "org_id": "acme", "variables": null}), json!({"id": "t1", "name": "Three", "org_id": "acme", "variables": {"b": 1}})),
        ] {
            let mut change = change;
            change["id"] = "t1".into();
            ada.waii("update-tenant", json!({ "tenant": change })).await;
            assert_eq!(ada.waii("list-tenants", json!({})).await["tenants"][2], expected);
        }
        // It never changes its organization, be the other there or not.
        for organization in ["globex", "nowhere"] {
            let body = json!({"tenant": {"id": "t1", "name": "Four", "org_id": organization, "variables": {}}});
            assert_eq!(ada.waii_status("update-tenant", body.clone()).await, 400);
            assert_eq!(admin.waii_status("update-tenant", body).await, 400);
        }
        assert_eq!(admin.waii_status("update-tenant", json!({"tenant": {"id": "t9", "name": "N"}})).await, 404);
        assert_eq!(admin.waii_status("create-tenant", json!({"tenant": {"id": "t9", "name": "N", "org_id": "nowhere"}})).await, 404);
        // Still in use: no cascade.
        assert_eq!(ada.waii_status("delete-tenant", json!({"id": "berlin"})).await, 409);
        assert_eq!(ada.waii("delete-tenant", json!({"id": "t1"})).await, json!({}));
        assert_eq!(ada.waii_status("delete-tenant", json!({"id": "t1"})).await, 403);
        assert_eq!(admin.waii_status("delete-tenant", json!({"id": "t1"})).await, 404);
        let found = admin.ok("{ tenants(where: {id: \"t2\"}) { name variables organizationId } }", json!({})).await;
        assert_eq!(found["tenants"], json!([{"name": "Name t2", "variables": {"a": null}, "organizationId": "acme"}]));
    }

    async fn users_are_made(app: App) {
        let ada = world(&app).await;
        let admin = app.admin();
        let bare = json!({"id": "u1", "name": null, "tenant_id": "berlin", "org_id": null, "variables": null, "roles": []});
        for (caller, more, expected) in [
            (&ada, json!({}), json!({"org_id": "acme"})),
            (&ada, json!({"id": "u2", "name": "", "org_id": "", "roles": null}), json!({"id": "u2", "org_id": "acme", "roles": []})),
            (&ada, json!({"id": "u3", "org_id": "acme", "roles": ["waii-user", "waii-api-user", "waii-user"], "variables": {"a": null}}),
                json!({"id": "u3", "org_id": "acme", "roles": ["waii-api-user", "waii-user"], "variables": {"a": null}})),
            // The tenant's organization, not the super admin's.
            (&admin, json!({"id": "u4", "name": "Ünïcode", "tenant_id": "munich"}), json!({"id": "u4", "name": "Ünïcode", "tenant_id": "munich", "org_id": "acme"})),
        ] {
            let (mut given, mut shown) = (bare.clone(), bare.clone());
            given.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            shown.as_object_mut().unwrap().extend(expected.as_object().unwrap().clone());
            assert_eq!(caller.waii("create-user", json!({ "user": given })).await, json!({}));
            assert_eq!(user(caller, shown["id"].as_str().unwrap()).await, shown);
            // Taken: refused, and the first stays as it was.
            given["name"] = "Other".into();
            assert_eq!(caller.waii_status("create-user", json!({ "user": given })).await, 409);
        }
        let found = admin.read_user("u3").await;
        assert_eq!((&found["name"], &found["email"], &found["activated"], &found["roles"]),
            (&json!("u3"), &Value::Null, &json!(true), &json!([{"name": "api-user"}, {"name": "user"}])));
        for (body, status) in [
            (json!({"id": "u9", "tenant_id": "nowhere"}), 404),
            (json!({"id": "u9", "tenant_id": "nowhere", "org_id": "acme"}), 404),
            (json!({"id": "u9", "tenant_id": "berlin", "org_id": "nowhere"}), 404),
            (json!({"id": "u9", "tenant_id": "berlin", "org_id": "globex"}), 400),
            (json!({"id": "u9"}), 400),
            (json!({"id": "u9", "tenant_id": "berlin", "roles": ["waii-user", "waii-nobody"]}), 400),
            (json!({"id": "gus", "tenant_id": "berlin"}), 409),
        ] {
            assert_eq!(admin.waii_status("create-user", json!({"user": body})).await, status, "{body}");
        }
        // Seats are counted here too.
        admin.ok("mutation { updateOrganization(where: {id: \"acme\"}, data: {seatLimit: 2}) { id } }", json!({})).await;
        assert_eq!(ada.waii_status("create-user", json!({"user": {"id": "u9", "tenant_id": "berlin"}})).await, 409);
    }

    async fn users_are_changed(app: App) {
        let ada = world(&app).await;
        ada.waii("create-user", json!({"user": {"id": "u", "name": "U", "tenant_id": "berlin", "roles": ["waii-user"], "variables": {"a": 1}}})).await;
        let mut shown = json!({"id": "u", "name": "U", "tenant_id": "berlin", "org_id": "acme", "variables": {"a": 1}, "roles": ["waii-user"]});
        let nothing = json!({"id": "u", "name": null, "tenant_id": null, "org_id": null, "variables": null, "roles": null});
        for change in [
            json!({}),
            json!({"tenant_id": "", "org_id": ""}),
            json!({"org_id": "acme"}),
            json!({"name": "V"}),
            json!({"variables": {"b": null}}),
            json!({"tenant_id": "munich"}),
            json!({"roles": ["waii-admin-user", "waii-trial-user"]}),
            json!({"roles": ["labeler", "reviewer", "team-manager"]}),
            json!({"roles": []}),
            json!({"variables": {}, "roles": ["waii-trial-api-user"], "tenant_id": "berlin", "name": "W", "org_id": "acme"}),
        ] {
            let mut body = nothing.clone();
            for (field, value) in change.as_object().unwrap() {
                body[field] = value.clone();
                if *value != "" {
                    shown[field] = value.clone();
                }
            }
            assert_eq!(ada.waii("update-user", json!({ "user": body })).await, json!({}));
            assert_eq!(user(&ada, "u").await, shown, "{change}");
        }
        // A name is a text like any other: the empty one clears it.
        ada.waii("update-user", json!({"user": {"id": "u", "name": ""}})).await;
        assert_eq!(user(&ada, "u").await["name"], Value::Null);
        // A refused update changes nothing, not even what was right; it never creates.
        for (body, status) in [
            (json!({"id": "u", "name": "X", "roles": ["no-such-role"]}), 400),
            (json!({"id": "u", "name": "X", "tenant_id": "nowhere"}), 403),
            (json!({"id": "u", "name": "X", "variables": [1]}), 400),
            (json!({"id": "u9", "name": "X"}), 403),
        ] {
            assert_eq!(ada.waii_status("update-user", json!({"user": body})).await, status, "{body}");
        }
        let admin = app.admin();
        for (body, status) in [
            (json!({"id": "u", "name": "X", "tenant_id": "rome"}), 400),
            (json!({"id": "u", "name": "X", "tenant_id": "rome", "org_id": "acme"}), 400),
            (json!({"id": "u", "name": "X", "org_id": "nowhere"}), 404),
            (json!({"id": "u9"}), 404),
            // Null leaves the tenant, and it is not of that organization.
            (json!({"id": "u", "name": "X", "org_id": "globex"}), 400),
        ] {
            assert_eq!(admin.waii_status("update-user", json!({"user": body})).await, status, "{body}");
        }
        admin.waii("update-user", json!({"user": {"id": "u", "org_id": "globex", "tenant_id": "rome"}})).await;
        let moved = admin.waii("list-users", json!({"lookup_org_id": "globex", "lookup_user_id": "u"})).await;
        assert_eq!((&moved["users"][0]["tenant_id"], &moved["users"][0]["org_id"]), (&json!("rome"), &json!("globex")));
        // One without a tenant moves by the organization's name alone.
        admin.create_user(json!({"id": "free", "organizationId": "acme"})).await;
        admin.waii("update-user", json!({"user": {"id": "free", "org_id": "globex"}})).await;
        let moved = admin.waii("list-users", json!({"lookup_org_id": "globex", "lookup_user_id": "free"})).await;
        assert_eq!(moved["users"][0]["tenant_id"], Value::Null);
    }

    async fn users_are_looked_up(app: App) {
        let ada = world(&app).await;
        let admin = app.admin();
        ada.waii("create-user", json!({"user": {"id": "mona", "tenant_id": "munich"}})).await;
        app.admin().create_user(json!({"id": "free", "organizationId": "acme"})).await;
        for (caller, lookups, expected) in [
            (&ada, json!({"lookup_org_id": null, "lookup_tenant_id": null, "lookup_user_id": null}), vec!["ada", "bob", "mona", "free"]),
            (&ada, json!({"lookup_org_id": "", "lookup_tenant_id": "", "lookup_user_id": ""}), vec!["ada", "bob", "mona", "free"]),
            (&ada, json!({}), vec!["ada", "bob", "mona", "free"]),
            (&ada, json!({"lookup_org_id": "acme"}), vec!["ada", "bob", "mona", "free"]),
            (&ada, json!({"lookup_tenant_id": "munich"}), vec!["mona"]),
            (&ada, json!({"lookup_user_id": "bob"}), vec!["bob"]),
            (&ada, json!({"lookup_user_id": "BOB"}), vec![]),
            (&ada, json!({"lookup_tenant_id": "munich", "lookup_user_id": "bob"}), vec![]),
            (&ada, json!({"lookup_org_id": "globex"}), vec![]),
            (&ada, json!({"lookup_org_id": "nowhere"}), vec![]),
            (&ada, json!({"lookup_tenant_id": "rome"}), vec![]),
            (&ada, json!({"lookup_user_id": "gus"}), vec![]),
            (&ada, json!({"lookup_org_id": "globex", "lookup_user_id": "bob"}), vec![]),
            (&admin, json!({}), vec!["admin"]),
            (&admin, json!({"lookup_user_id": "bob"}), vec![]),
            (&admin, json!({"lookup_tenant_id": "rome"}), vec![]),
            (&admin, json!({"lookup_org_id": "globex"}), vec!["gina", "gus"]),
            (&admin, json!({"lookup_org_id": "globex", "lookup_tenant_id": "rome", "lookup_user_id": "gus"}), vec!["gus"]),
            (&admin, json!({"lookup_org_id": "acme", "lookup_tenant_id": "rome"}), vec![]),
            (&admin, json!({"lookup_org_id": "nowhere"}), vec![]),
        ] {
            let found = caller.waii_users(lookups.clone()).await;
            assert_eq!(found, expected, "{lookups}");
        }
        assert_eq!(user(&admin, "free").await, json!({"id": "free", "name": null, "tenant_id": null, "org_id": "acme", "variables": null, "roles": []}));
        // Who is deactivated stays listed; a name made of other products' fields is not the name here.
        admin.ok("mutation { deactivateUser(where: {id: \"bob\"}) { id } }", json!({})).await;
        admin.update_user("bob", json!({"firstname": "Bob", "email": "bob@acme.example"})).await;
        assert_eq!(user(&ada, "bob").await["name"], Value::Null);
    }

    async fn a_deleted_id_starts_anew(app: App) {
        let ada = world(&app).await;
        let bob = app.key_of("bob").await;
        bob.waii("create-key", json!({"name": "default"})).await;
        bob.waii("update-config", json!({"updated": {"theme": "dark"}})).await;
        assert_eq!(ada.waii("delete-user", json!({"id": "bob"})).await, json!({}));
        assert_eq!(bob.status().await, 401);
        assert_eq!(ada.waii_status("delete-user", json!({"id": "bob"})).await, 403);
        assert_eq!(app.admin().waii_status("delete-user", json!({"id": "bob"})).await, 404);
        ada.waii("create-user", json!({"user": {"id": "bob", "tenant_id": "munich", "roles": ["waii-trial-user"]}})).await;
        assert_eq!(bob.status().await, 401);
        let bob = app.key_of("bob").await;
        assert_eq!(bob.waii("list-access-keys", json!({})).await["access_keys"].as_array().unwrap().len(), 1);
        assert_eq!(bob.waii("update-config", json!({})).await, json!({"configs": {}}));
        assert_eq!(bob.waii("get-user-info", json!({})).await["roles"], json!(["waii-trial-user"]));
        // Bottom up, as the vendor's example clears away: nothing goes while something is in it.
        let admin = app.admin();
        for (name, body, status) in [
            ("delete-org", json!({"id": "globex"}), 409),
            ("delete-tenant", json!({"id": "rome"}), 409),
            ("delete-user", json!({"id": "gus"}), 200),
            ("delete-user", json!({"id": "gina"}), 200),
            ("delete-org", json!({"id": "globex"}), 409),
            ("delete-tenant", json!({"id": "rome"}), 200),
            ("delete-org", json!({"id": "globex"}), 200),
            ("delete-org", json!({"id": "globex"}), 404),
        ] {
            match status {
                200 => assert_eq!(admin.waii(name, body).await, json!({})),
                status => assert_eq!(admin.waii_status(name, body.clone()).await, status, "{name} {body}"),
            }
        }
    }

    /// The one call that is not answered, in one text, and only after whatever else there is to refuse.
    async fn secrets_are_not_kept(app: App) {
        let ada = world(&app).await;
        let words = (400, "user secrets are not kept by this server".to_owned());
        for caller in [&ada, &app.admin(), &app.key_of("bob").await] {
            for body in [json!({"user": {"id": "bob"}, "secret": {"a": {"b": 1}}}), json!({"user": {"id": "nobody"}, "secret": {}}), json!({})] {
                assert_eq!(caller.waii_refused("create-user-secret", body).await, words);
            }
        }
        let reply = ada.waii_as("bob", "create-user-secret", json!({})).await;
        assert_eq!(super::refusal_of(&reply), words);
    }
}
