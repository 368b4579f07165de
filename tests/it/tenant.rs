//! Tenants: making, changing and deleting them.

use std::time::Duration;

use serde_json::{Value, json};

use crate::on_both;
use crate::support::documents::{
    CREATE_TENANT, CREATE_USER, DELETE_TENANT, UPDATE_TENANT, UPDATE_USER, change, counted, outcomes,
};
use crate::support::{App, START};

on_both! {
    async fn a_tenant_is_made_changed_and_deleted(app: App) {
        app.organization("acme", &[]).await;
        let chief = app.user("acme", "chief", Some("organization-admin")).await;
        let made = chief.ok(CREATE_TENANT, json!({"data": {"id": "berlin", "name": "Berlin", "variables": {"a": 1}}})).await;
        let mut expected = json!({"id": "berlin", "name": "Berlin", "organizationId": "acme", "variables": {"a": 1},
            "version": 1, "createdAt": START, "updatedAt": START});
        assert_eq!(made["createTenant"], expected);
        for same in [json!({}), json!({"name": null, "variables": null}), json!({"name": "Berlin", "variables": {"a": 1}})] {
            let before = app.dump().await;
            assert_eq!(chief.ok(UPDATE_TENANT, json!({"id": "berlin", "data": same})).await["updateTenant"], expected);
            assert_eq!(before, app.dump().await);
        }
        for (field, value) in [("name", json!("Bärlin")), ("variables", json!({}))] {
            app.services.clock.advance(Duration::from_millis(5));
            let changed = chief.ok(UPDATE_TENANT, json!({"id": "berlin", "data": { field: value }, "version": expected["version"]})).await["updateTenant"].clone();
            assert!(changed["updatedAt"].as_str() > expected["updatedAt"].as_str());
            expected[field] = value;
            expected["version"] = json!(expected["version"].as_i64().unwrap() + 1);
            expected["updatedAt"] = changed["updatedAt"].clone();
            assert_eq!(changed, expected);
        }
        assert_eq!(chief.refused(UPDATE_TENANT, json!({"id": "berlin", "data": {"name": "X"}, "version": 1})).await, "CONFLICT");
        chief.ok(DELETE_TENANT, json!({"id": "berlin"})).await;
        assert_eq!(chief.refused(DELETE_TENANT, json!({"id": "berlin"})).await, "NOT_FOUND");
        assert_eq!(chief.ok(CREATE_TENANT, json!({"data": {"id": "berlin", "name": "Again"}})).await["createTenant"]["variables"], Value::Null);
    }

    async fn what_is_out_of_reach_does_not_exist(app: App) {
        app.organization("acme", &["berlin"]).await;
        app.organization("globex", &["springfield"]).await;
        let chief = app.user("acme", "chief", Some("organization-admin")).await;
        for id in ["springfield", "nowhere", "\u{0}"] {
            assert_eq!(chief.refused(UPDATE_TENANT, json!({"id": id, "data": {"name": "X"}})).await, "NOT_FOUND");
            assert_eq!(chief.refused(DELETE_TENANT, json!({"id": id})).await, "NOT_FOUND");
        }
        for id in ["globex", "nowhere"] {
            assert_eq!(chief.refused(CREATE_TENANT, json!({"data": {"name": "X", "organizationId": id}})).await, "NOT_FOUND");
        }
        // The one thing told of elsewhere: that an id is taken.
        assert_eq!(chief.refused(CREATE_TENANT, json!({"data": {"id": "springfield", "name": "X"}})).await, "CONFLICT");
        for (field, data) in [("name", json!({"name": " "})), ("id", json!({"id": "\u{7f}", "name": "X"})), ("variables", json!({"name": "X", "variables": 5}))] {
            let error = chief.refusal(CREATE_TENANT, json!({ "data": data })).await;
            assert_eq!(error["extensions"], json!({"code": "INVALID", "field": format!("data.{field}")}));
        }
        for role in ["team-manager", "user"] {
            let caller = app.user("acme", role, Some(role)).await;
            assert_eq!(caller.refused(CREATE_TENANT, json!({"data": {"name": "X"}})).await, "FORBIDDEN");
            for id in ["berlin", "springfield", "nowhere"] {
                assert_eq!(caller.refused(UPDATE_TENANT, json!({"id": id, "data": {"name": "X"}})).await, "FORBIDDEN");
                assert_eq!(caller.refused(DELETE_TENANT, json!({"id": id})).await, "FORBIDDEN");
            }
        }
    }

    async fn one_that_holds_users_stays(app: App) {
        app.organization("acme", &["berlin"]).await;
        let admin = app.admin();
        admin.create_user(json!({"id": "ada", "organizationId": "acme", "tenantId": "berlin", "activated": false})).await;
        assert_eq!(admin.refused(DELETE_TENANT, json!({"id": "berlin"})).await, "CONFLICT");
        admin.update_user("ada", json!({"tenantId": ""})).await;
        admin.ok(DELETE_TENANT, json!({"id": "berlin"})).await;
    }

    async fn deleting_races_with_moving_in(app: App) {
        app.organization("acme", &[]).await;
        let admin = app.admin();
        admin.create_user(json!({"id": "mover", "organizationId": "acme"})).await;
        for round in 0..4 {
            let id = format!("t{round}");
            admin.ok(CREATE_TENANT, json!({"data": {"id": id, "name": "T", "organizationId": "acme"}})).await;
            let requests = (0..6).map(|n| match n {
                0 => admin.prepared(UPDATE_USER, change("mover", json!({"tenantId": id}))),
                1..4 => admin.prepared(CREATE_USER, json!({"data": {"id": format!("{id} {n}"), "organizationId": "acme", "tenantId": id}})),
                _ => admin.prepared(DELETE_TENANT, json!({"id": id})),
            });
            let answers = app.at_once(requests).await;
            let gone = admin.ok("query($id: ID) { countTenants(where: {id: $id}) }", json!({"id": id})).await["countTenants"] == 0;
            let expected = if gone { counted([("ok", 1), ("NOT_FOUND", 5)]) } else { counted([("ok", 4), ("CONFLICT", 2)]) };
            assert_eq!(outcomes(&answers), expected);
            admin.update_user("mover", json!({"tenantId": ""})).await;
        }
    }

    async fn its_users_see_little_of_it(app: App) {
        app.organization("acme", &["berlin", "munich"]).await;
        app.admin().ok(UPDATE_TENANT, json!({"id": "berlin", "data": {"variables": {"secret": 1}}})).await;
        let plain = app.user("acme", "plain", Some("user")).await;
        app.admin().update_user("plain", json!({"tenantId": "berlin"})).await;
        let document = "{ me { tenantId tenant { id name variables users { id } } } }";
        assert_eq!(plain.ok(document, json!({})).await["me"]["tenant"], json!({"id": "berlin", "name": "Tenant berlin", "variables": null, "users": [{"id": "plain"}]}));
        assert_eq!(plain.code("{ tenants { id } }", json!({})).await, "FORBIDDEN");
        let manager = app.user("acme", "manager", Some("team-manager")).await;
        assert_eq!(manager.ok("{ tenants(orderBy: NAME_DESC) { id variables } countTenants }", json!({})).await,
            json!({"tenants": [{"id": "munich", "variables": null}, {"id": "berlin", "variables": {"secret": 1}}], "countTenants": 2}));
    }
}
