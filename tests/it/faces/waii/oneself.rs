//! Sections 4.1 and 4.3: the start of a client, one's own information and configuration.

use axum::body::Body;
use axum::http::Request;
use serde_json::{Value, json};

use super::world;
use crate::on_both;
use crate::support::{App, Caller};

/// The text of an answer to a body that stands for itself, so that no digit of it is read here.
async fn configured(caller: &Caller<'_>, body: &str) -> String {
    let (parts, _) = caller.request("/api/update-config", &Value::Null).into_parts();
    let reply = caller
        .app
        .send(Request::from_parts(parts, Body::from(body.to_owned())))
        .await;
    assert_eq!(reply.status.as_u16(), 200, "{reply:?}");
    reply.body
}

on_both! {
    async fn a_client_starts(app: App) {
        world(&app).await;
        app.admin().create_user(json!({"id": "nil", "organizationId": "acme"})).await;
        for caller in [app.admin(), app.key_of("bob").await, app.key_of("nil").await] {
            let answer = caller.waii("update-db-connect-info", json!({})).await;
            assert_eq!(answer["connectors"], json!([]));
            assert_eq!(answer["default_db_connection_key"], Value::Null);
            assert_eq!(answer["connector_status"], json!({}));
        }
    }

    async fn information_is_about_whoever_calls(app: App) {
        world(&app).await;
        let admin = app.admin().waii("get-user-info", json!({})).await;
        assert_eq!((&admin["id"], &admin["email"], &admin["roles"]), (&json!("admin"), &json!("admin@platform.invalid"), &json!(["waii-super-admin-user"])));
        let permissions: Vec<&str> = admin["permissions"].as_array().unwrap().iter().map(|one| one.as_str().unwrap()).collect();
        for known in ["read:semantic-context", "read:liked-queries", "read:databases", "read:similarity-search-index",
            "write:semantic-context", "write:liked-queries", "write:databases", "usage:api", "write:access_key",
            "publish:semantic-context", "publish:liked-queries", "publish:access-rules", "push:databases",
            "write:similarity-search-index", "read:user", "write:user", "read:tenant", "write:tenant", "read:org", "write:org",
            "usage:impersonation", "read:usage-report"] {
            assert!(permissions.contains(&known), "{known}");
        }
        // Without a role, a name or an address, and with the first name that only other products know.
        app.admin().create_user(json!({"id": "nil", "organizationId": "acme", "firstname": "Nil"})).await;
        let nil = app.key_of("nil").await;
        assert_eq!(nil.waii("get-user-info", json!({})).await,
            json!({"id": "nil", "name": "nil", "email": "nil", "roles": [], "permissions": []}));
        app.admin().update_user("nil", json!({"name": "Nil N.", "email": "Nil@Acme.Example"})).await;
        assert_eq!(nil.waii("get-user-info", json!({})).await,
            json!({"id": "nil", "name": "Nil N.", "email": "nil@acme.example", "roles": [], "permissions": []}));
    }

    /// The table of section 5, to the letter but for permissions of our own.
    async fn each_role_has_its_permissions(app: App) {
        world(&app).await;
        let read = ["read:semantic-context", "read:liked-queries", "read:databases", "read:similarity-search-index"];
        let by_programs = ["usage:api", "write:access_key"];
        let write = ["write:semantic-context", "write:liked-queries", "write:databases"];
        let publish = ["publish:semantic-context", "publish:liked-queries", "publish:access-rules", "push:databases", "write:similarity-search-index"];
        let manage = ["read:user", "write:user", "read:tenant", "write:tenant", "read:org", "usage:impersonation", "read:usage-report"];
        let steps: [(&str, Vec<&[&str]>); 7] = [
            ("waii-trial-user", vec![&read]),
            ("waii-trial-api-user", vec![&read, &by_programs]),
            ("waii-user", vec![&read, &write]),
            ("waii-api-user", vec![&read, &write, &by_programs]),
            ("waii-admin-user", vec![&read, &write, &by_programs, &publish]),
            ("waii-org-admin-user", vec![&read, &write, &by_programs, &publish, &manage]),
            ("waii-super-admin-user", vec![&read, &write, &by_programs, &publish, &manage, &["write:org"]]),
        ];
        let ours = ["read:group", "write:group", "read:role", "write:role", "read:audit"];
        for (role, permissions) in steps {
            app.admin().waii("create-user", json!({"user": {"id": role, "tenant_id": "berlin", "roles": [role]}})).await;
            let info = app.key_of(role).await.waii("get-user-info", json!({})).await;
            assert_eq!(info["roles"], json!([role]));
            let mut has: Vec<&str> = info["permissions"].as_array().unwrap().iter().map(|one| one.as_str().unwrap()).collect();
            if !["waii-org-admin-user", "waii-super-admin-user"].contains(&role) {
                assert!(has.iter().all(|one| !ours.contains(one)), "{role}: {has:?}");
            }
            has.retain(|one| !ours.contains(one));
            has.sort_unstable();
            let mut should: Vec<&str> = permissions.concat();
            should.sort_unstable();
            assert_eq!(has, should, "{role}");
        }
    }

    async fn roles_of_groups_count_and_are_not_ones_own(app: App) {
        let ada = world(&app).await;
        ada.ok(r#"mutation { createRole(data: {name: "night watch", permissions: ["read:user"]}) { id } }"#, json!({})).await;
        let group = ada.ok(r#"mutation { createGroup(data: {name: "G"}) { id } }"#, json!({})).await["createGroup"]["id"].clone();
        for role in ["night watch", "api-user", "labeler"] {
            ada.ok("mutation($g: ID!, $role: String!) { updateGroup(where: {id: $g}, data: {roles: [$role]}) { id } }", json!({"g": group, "role": role})).await;
            ada.ok("mutation($g: ID!) { addUserToGroup(where: {id: $g}, user: {id: \"bob\"}) { id } }", json!({"g": group})).await;
            let info = app.key_of("bob").await.waii("get-user-info", json!({})).await;
            let mut roles = vec!["waii-api-user"];
            match role { "api-user" => {}, other => roles.push(other) }
            roles.sort_unstable();
            assert_eq!(info["roles"], json!(roles));
            assert_eq!(info["permissions"].as_array().unwrap().contains(&json!("read:user")), role == "night watch");
            // A program that sends the user back as it was shown must not make the group's role its own.
            let shown = ada.waii("list-users", json!({"lookup_user_id": "bob"})).await["users"][0].clone();
            assert_eq!(shown["roles"], json!(["waii-api-user"]));
        }
    }

    async fn configuration_is_ones_own(app: App) {
        world(&app).await;
        app.admin().create_user(json!({"id": "nil", "organizationId": "acme"})).await;
        let nil = app.key_of("nil").await;
        let read = json!({"updated": null, "deleted": null});
        assert_eq!(nil.waii("update-config", read.clone()).await, json!({"configs": {}}));
        let all = nil.waii("update-config", json!({"updated": {"a": 1, "b": {"x": [null, true]}, "c": null}, "deleted": null})).await;
        assert_eq!(all, json!({"configs": {"a": 1, "b": {"x": [null, true]}, "c": null}}));
        // First updated, then deleted; what is not there is passed over.
        let all = nil.waii("update-config", json!({"updated": {"a": 2, "d": 1}, "deleted": ["b", "d", "nothing"]})).await;
        assert_eq!(all, json!({"configs": {"a": 2, "c": null}}));
        assert_eq!(nil.waii("update-config", json!({"updated": {}, "deleted": []})).await, all);
        assert_eq!(nil.waii("update-config", read.clone()).await, all);
        // The same as GraphQL's settings, and nobody else's.
        assert_eq!(nil.ok("{ me { settings } }", json!({})).await["me"]["settings"], all["configs"]);
        nil.ok("mutation { updateSettings(updated: {g: \"from GraphQL\"}) }", json!({})).await;
        assert_eq!(nil.waii("update-config", json!({})).await["configs"]["g"], "from GraphQL");
        assert_eq!(app.admin().waii("update-config", read.clone()).await, json!({"configs": {}}));
        // It goes with its user, and the id starts anew.
        app.admin().waii("delete-user", json!({"id": "nil"})).await;
        app.admin().waii("create-user", json!({"user": {"id": "nil", "tenant_id": "berlin"}})).await;
        assert_eq!(app.key_of("nil").await.waii("update-config", read).await, json!({"configs": {}}));
    }

    async fn values_come_back_as_they_went(app: App) {
        world(&app).await;
        let bob = app.key_of("bob").await;
        let values = r#"{"a":9223372036854775807,"b":-9223372036854775808,"c":18446744073709551615,"d":1.10,"e":-0.0,"f":{"z":1,"a":2},"g":{"$serde_json::private::RawValue":"1","$serde_json::private::Number":"2"},"h":"zoë \u2028 \"","i":[]}"#;
        let answer = configured(&bob, &format!(r#"{{"updated":{values},"deleted":null,"org_id":"","user_id":""}}"#)).await;
        let expected = values.replace("\\u2028", "\u{2028}");
        assert_eq!(answer, format!(r#"{{"configs":{expected}}}"#));
        // Variables too, of all three kinds.
        for (name, thing, more) in [("create-org", "organization", ""), ("create-tenant", "tenant", r#","org_id":"x""#), ("create-user", "user", r#","tenant_id":"x""#)] {
            let body = format!(r#"{{"{thing}":{{"id":"x","name":"X"{more},"variables":{values}}}}}"#);
            let (parts, _) = app.admin().request(&format!("/api/{name}"), &Value::Null).into_parts();
            let reply = app.send(Request::from_parts(parts, Body::from(body))).await;
            assert_eq!((reply.status.as_u16(), reply.body.as_str()), (200, "{}"));
        }
        for (name, body) in [("list-orgs", json!({})), ("list-tenants", json!({"lookup_org_id": "x"})), ("list-users", json!({"lookup_org_id": "x"}))] {
            let reply = app.send(app.admin().waii_request(name, &body)).await;
            assert!(reply.body.contains(&format!(r#""variables":{expected}"#)), "{}", reply.body);
        }
    }
}
