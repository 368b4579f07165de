//! Organizations: making, changing and deleting them.

use std::time::Duration;

use serde_json::{Value, json};

use crate::on_both;
use crate::support::documents::{
    CREATE_ORGANIZATION, CREATE_TENANT, CREATE_USER, DELETE_ORGANIZATION, DELETE_TENANT, DELETE_USER,
    UPDATE_ORGANIZATION, counted, outcomes,
};
use crate::support::{App, START};

on_both! {
    async fn an_organization_is_made_changed_and_deleted(app: App) {
        let admin = app.admin();
        let data = json!({"id": "acme", "name": "Acme", "variables": {"plan": "gold"}, "seatLimit": 7});
        let mut expected = json!({"id": "acme", "name": "Acme", "variables": {"plan": "gold"}, "seatLimit": 7,
            "version": 1, "createdAt": START, "updatedAt": START});
        assert_eq!(admin.ok(CREATE_ORGANIZATION, json!({ "data": data })).await["createOrganization"], expected);
        // Null is not given, and what is so already is no change.
        for same in [json!({}), json!({"name": null, "variables": null, "seatLimit": null}), data_without_id(&data)] {
            let before = app.dump().await;
            assert_eq!(admin.ok(UPDATE_ORGANIZATION, json!({"id": "acme", "data": same})).await["updateOrganization"], expected);
            assert_eq!(before, app.dump().await);
        }
        for (field, value) in [("name", json!("Acme AG")), ("variables", json!({"z": 1, "a": null})), ("seatLimit", json!(0))] {
            app.services.clock.advance(Duration::from_millis(5));
            let changed = admin.ok(UPDATE_ORGANIZATION, json!({"id": "acme", "data": { field: value }, "version": expected["version"]})).await;
            let changed = changed["updateOrganization"].clone();
            assert!(changed["updatedAt"].as_str() > expected["updatedAt"].as_str());
            expected[field] = value;
            expected["version"] = json!(expected["version"].as_i64().unwrap() + 1);
            expected["updatedAt"] = changed["updatedAt"].clone();
            assert_eq!(changed, expected);
        }
        assert_eq!(admin.refused(UPDATE_ORGANIZATION, json!({"id": "acme", "data": {"name": "X"}, "version": 1})).await, "CONFLICT");
        assert_eq!(admin.ok(DELETE_ORGANIZATION, json!({"id": "acme"})).await["deleteOrganization"], json!({"id": "acme", "name": "Acme AG"}));
        assert_eq!(admin.ok("{ organizations(where: {id: \"acme\"}) { id } }", json!({})).await["organizations"], json!([]));
        // The id is free again.
        let again = admin.ok(CREATE_ORGANIZATION, json!({"data": {"id": "acme", "name": "Other"}})).await;
        assert_eq!((&again["createOrganization"]["variables"], &again["createOrganization"]["seatLimit"]), (&Value::Null, &Value::Null));
    }

    async fn bad_values_are_refused_by_name(app: App) {
        for (field, data) in [
            ("id", json!({"id": "", "name": "A"})),
            ("id", json!({"id": "\u{e4}", "name": "A"})),
            ("name", json!({"name": ""})),
            ("name", json!({"name": " \u{a0}"})),
            ("name", json!({"name": "x".repeat(256)})),
            ("name", json!({"name": "a\u{0}b"})),
            ("seatLimit", json!({"name": "A", "seatLimit": -1})),
            ("seatLimit", json!({"name": "A", "seatLimit": 1_i64 << 31})),
            ("variables", json!({"name": "A", "variables": [1]})),
            ("variables", json!({"name": "A", "variables": "text"})),
        ] {
            let error = app.admin().refusal(CREATE_ORGANIZATION, json!({ "data": data })).await;
            assert_eq!(error["extensions"], json!({"code": "INVALID", "field": format!("data.{field}")}), "{data}");
        }
        app.organization("acme", &[]).await;
        assert_eq!(app.admin().refused(CREATE_ORGANIZATION, json!({"data": {"id": "acme", "name": "A"}})).await, "CONFLICT");
        for data in [json!({"name": ""}), json!({"seatLimit": -1}), json!({"variables": 1})] {
            assert_eq!(app.admin().refused(UPDATE_ORGANIZATION, json!({"id": "acme", "data": data})).await, "INVALID", "{data}");
        }
    }

    async fn only_super_admins_make_change_and_delete(app: App) {
        app.organization("acme", &[]).await;
        app.organization("globex", &[]).await;
        for role in ["organization-admin", "team-manager", "user"] {
            let caller = app.user("acme", role, Some(role)).await;
            assert_eq!(caller.refused(CREATE_ORGANIZATION, json!({"data": {"name": "New"}})).await, "FORBIDDEN");
            for id in ["acme", "globex", "nowhere"] {
                assert_eq!(caller.refused(UPDATE_ORGANIZATION, json!({"id": id, "data": {"name": "New"}})).await, "FORBIDDEN");
                assert_eq!(caller.refused(DELETE_ORGANIZATION, json!({"id": id})).await, "FORBIDDEN");
            }
        }
        for document in [UPDATE_ORGANIZATION, DELETE_ORGANIZATION] {
            for id in ["nowhere", "", "no\u{0}where"] {
                assert_eq!(app.admin().refused(document, json!({"id": id, "data": {"name": "New"}})).await, "NOT_FOUND");
            }
        }
        assert_eq!(app.admin().refused("mutation { deleteOrganization(where: {nameContains: \"o\"}) { id } }", json!({})).await, "INVALID");
        assert_eq!(app.anonymous().refused(CREATE_ORGANIZATION, json!({"data": {"name": "New"}})).await, "UNAUTHENTICATED");
    }

    async fn one_that_holds_something_stays(app: App) {
        app.organization("acme", &["berlin"]).await;
        app.user("acme", "ada", None).await;
        let admin = app.admin();
        assert_eq!(admin.refused(DELETE_ORGANIZATION, json!({"id": "acme"})).await, "CONFLICT");
        admin.ok(DELETE_TENANT, json!({"id": "berlin"})).await;
        assert_eq!(admin.refused(DELETE_ORGANIZATION, json!({"id": "acme"})).await, "CONFLICT");
        admin.ok(DELETE_USER, json!({"id": "ada"})).await;
        admin.ok(DELETE_ORGANIZATION, json!({"id": "acme"})).await;
        // The events stay.
        assert_eq!(app.number("SELECT COUNT(*) FROM audit_events WHERE target_id IN ('acme', 'berlin', 'ada')").await, 6);
    }

    async fn deleting_races_with_moving_in(app: App) {
        for round in 0..4 {
            let id = format!("acme{round}");
            app.organization(&id, &[]).await;
            let admin = app.admin();
            let requests = (0..6).map(|n| match n {
                0..2 => admin.prepared(CREATE_USER, json!({"data": {"id": format!("{id} {n}"), "organizationId": id}})),
                2..4 => admin.prepared(CREATE_TENANT, json!({"data": {"id": format!("{id} {n}"), "name": "T", "organizationId": id}})),
                _ => admin.prepared(DELETE_ORGANIZATION, json!({"id": id})),
            });
            let answers = app.at_once(requests).await;
            let gone = admin.ok("query($id: ID) { countOrganizations(where: {id: $id}) }", json!({"id": id})).await["countOrganizations"] == 0;
            // Either it was deleted and nobody got in, or somebody got in and it stays.
            let expected = if gone { counted([("ok", 1), ("NOT_FOUND", 5)]) } else { counted([("ok", 4), ("CONFLICT", 2)]) };
            assert_eq!(outcomes(&answers), expected);
        }
        assert_eq!(app.number("SELECT COUNT(*) FROM users WHERE organization_pk NOT IN (SELECT pk FROM organizations)").await, 0);
    }

    async fn members_see_their_own_and_little_of_it(app: App) {
        app.admin().ok(CREATE_ORGANIZATION, json!({"data": {"id": "acme", "name": "Acme", "variables": {"secret": 1}, "seatLimit": 9}})).await;
        app.organization("globex", &[]).await;
        let document = "{ me { organization { id name variables seatLimit } } }";
        let shown = |variables: Value, limit: Value| json!({"me": {"organization": {"id": "acme", "name": "Acme", "variables": variables, "seatLimit": limit}}});
        let plain = app.user("acme", "plain", Some("user")).await;
        assert_eq!(plain.ok(document, json!({})).await, shown(Value::Null, Value::Null));
        assert_eq!(plain.code("{ organizations { id } }", json!({})).await, "FORBIDDEN");
        let chief = app.user("acme", "chief", Some("organization-admin")).await;
        assert_eq!(chief.ok(document, json!({})).await, shown(json!({"secret": 1}), json!(9)));
        assert_eq!(chief.ok("{ organizations { id } countOrganizations }", json!({})).await, json!({"organizations": [{"id": "acme"}], "countOrganizations": 1}));
        assert_eq!(chief.ok("{ organizations(where: {id: \"globex\"}) { id } countOrganizations(where: {user: {email: null}}) }", json!({})).await,
            json!({"organizations": [], "countOrganizations": 1}));
    }
}

fn data_without_id(data: &Value) -> Value {
    let mut data = data.clone();
    data.as_object_mut().unwrap().remove("id");
    data
}
