//! The trail: each change writes exactly its events, in its own transaction.

use std::time::Duration;

use sea_orm::{ConnectionTrait, Statement};
use serde_json::{Value, json};

use crate::on_both;
use crate::support::documents::{
    ACTIVATE_USER, CREATE_API_KEY, CREATE_ORGANIZATION, CREATE_TENANT, CREATE_USER, DEACTIVATE_USER,
    DELETE_ORGANIZATION, DELETE_TENANT, DELETE_USER, UPDATE_ORGANIZATION, UPDATE_TENANT, UPDATE_USER, change,
};
use crate::support::{App, Caller, Reply, START};

const COLUMNS: [&str; 9] = [
    "organization",
    "actor_id",
    "action",
    "target_kind",
    "target_id",
    "fields",
    "request_id",
    "impersonator_id",
    "created_at",
];

/// The events after this one, oldest first.
async fn events(app: &App, after: i64) -> Vec<Value> {
    let connection = app.services.db.reader();
    let sql = format!(
        "SELECT (SELECT o.id FROM organizations o WHERE o.pk = e.organization_pk) AS organization, e.actor_id, e.action, e.target_kind,
            e.target_id, e.fields, e.request_id, e.impersonator_id, CAST(e.created_at AS TEXT) AS created_at
         FROM audit_events e WHERE e.pk > {after} ORDER BY e.pk"
    );
    let statement = Statement::from_string(connection.get_database_backend(), sql);
    let rows = connection.query_all_raw(statement).await.unwrap();
    let read = |row: &sea_orm::QueryResult| {
        COLUMNS
            .iter()
            .map(|column| {
                (
                    column.to_string(),
                    json!(row.try_get::<Option<String>>("", column).unwrap()),
                )
            })
            .collect()
    };
    rows.iter().map(read).collect()
}

async fn latest(app: &App) -> i64 {
    app.number("SELECT COALESCE(MAX(pk), 0) FROM audit_events").await
}

async fn sent(caller: &Caller<'_>, document: &str, variables: Value) -> Reply {
    caller.app.send(caller.prepared(document, variables)).await
}

on_both! {
    async fn each_change_writes_its_event(app: App) {
        let admin = app.admin();
        // What is sent, and of its events the action, the target (a made one: any) and the fields.
        type Step = (&'static str, Value, Vec<(&'static str, &'static str, Option<&'static str>)>);
        let steps: Vec<Step> = vec![
            (CREATE_ORGANIZATION, json!({"data": {"id": "acme", "name": "S3cret"}}), vec![("organization.create", "acme", None)]),
            (CREATE_ORGANIZATION, json!({"data": {"id": "globex", "name": "S3cret"}}), vec![("organization.create", "globex", None)]),
            (UPDATE_ORGANIZATION, json!({"id": "acme", "data": {"name": "S3cret too", "seatLimit": 5, "variables": {"S3cret": "S3cret"}}}), vec![("organization.update", "acme", Some("name variables seatLimit"))]),
            (CREATE_TENANT, json!({"data": {"id": "berlin", "name": "S3cret", "organizationId": "acme"}}), vec![("tenant.create", "berlin", None)]),
            (UPDATE_TENANT, json!({"id": "berlin", "data": {"name": "S3cret too", "variables": {}}}), vec![("tenant.update", "berlin", Some("name variables"))]),
            (CREATE_USER, json!({"data": {"id": "ada", "email": "s3cret@acme.example", "firstname": "S3cret", "password": "S3cret password", "organizationId": "acme", "roles": ["user"]}}), vec![("user.create", "ada", None)]),
            (UPDATE_USER, change("ada", json!({"firstname": "S3cret too", "tenantId": "berlin", "roles": ["api-user"]})), vec![("user.update", "ada", Some("firstname tenantId roles"))]),
            (UPDATE_USER, change("ada", json!({"email": "s3cret2@acme.example", "name": "S3cret", "lastname": "S3cret", "userName": "S3cret", "externalId": "S3cret", "variables": {"S3cret": 1}})), vec![("user.update", "ada", Some("email name lastname userName externalId variables"))]),
            (DEACTIVATE_USER, json!({"id": "ada"}), vec![("user.deactivate", "ada", Some("activated"))]),
            (ACTIVATE_USER, json!({"id": "ada"}), vec![("user.activate", "ada", Some("activated"))]),
            // Both organizations hear of one who moves.
            (UPDATE_USER, change("ada", json!({"organizationId": "globex"})), vec![("user.arrive", "ada", None), ("user.update", "ada", Some("organizationId externalId tenantId"))]),
            ("mutation { resetPassword(where: {id: \"ada\"}) { id } }", json!({}), vec![("password.reset", "ada", None)]),
            ("mutation { updatePassword(where: {id: \"ada\"}, data: {oldPassword: \"S3cret password\", newPassword1: \"S3cret word 2\", newPassword2: \"S3cret word 2\"}) { id } }", json!({}), vec![("password.change", "ada", None)]),
            (CREATE_API_KEY, json!({"data": {"name": "S3cret", "description": "S3cret"}}), vec![("apiKey.create", "*", None)]),
            ("mutation { rotateApiKey(where: {name: \"S3cret\"}) { secret } }", json!({}), vec![("apiKey.create", "*", None), ("apiKey.rotate", "*", None)]),
            ("mutation { revokeApiKeys(names: [\"S3cret\"]) { id } }", json!({}), vec![("apiKey.revoke", "*", None)]),
            ("mutation { updateMe(data: {name: \"S3cret\", lastname: \"S3cret\"}) { id } }", json!({}), vec![("user.update", "admin", Some("name lastname"))]),
            (UPDATE_ORGANIZATION, json!({"id": "globex", "data": {"confirmEmailChanges": true}}), vec![("organization.update", "globex", Some("confirmEmailChanges"))]),
            (UPDATE_USER, change("ada", json!({"email": "s3cret3@acme.example"})), vec![("user.update", "ada", Some("pendingEmail"))]),
            (CREATE_USER, json!({"data": {"id": "bot", "kind": "SERVICE", "organizationId": "globex"}}), vec![("user.create", "bot", None)]),
            (UPDATE_USER, change("bot", json!({"takesSeat": false})), vec![("user.update", "bot", Some("takesSeat"))]),
            ("mutation { createApiKey(data: {name: \"S3cret\"}, user: {id: \"bot\"}) { secret } }", json!({}), vec![("apiKey.create", "*", None)]),
            ("mutation { revokeUserApiKeys(where: {id: \"bot\"}) { id } }", json!({}), vec![("apiKey.revoke", "*", None)]),
            (DELETE_USER, json!({"id": "bot"}), vec![("user.delete", "bot", None)]),
            (DELETE_USER, json!({"id": "ada"}), vec![("user.delete", "ada", None)]),
            (DELETE_TENANT, json!({"id": "berlin"}), vec![("tenant.delete", "berlin", None)]),
            (DELETE_ORGANIZATION, json!({"id": "globex"}), vec![("organization.delete", "globex", None)]),
        ];
        for (document, variables, expected) in steps {
            app.services.clock.advance(Duration::from_secs(1));
            let before = latest(&app).await;
            let reply = sent(&admin, document, variables).await;
            assert!(reply.json().get("errors").is_none(), "{document} {}", reply.body);
            let written = events(&app, before).await;
            let actual: Vec<_> = written.iter().map(|event| (event["action"].as_str().unwrap(), event["target_id"].as_str().unwrap(), event["fields"].as_str())).collect();
            let expected: Vec<_> = expected.iter().zip(&actual).map(|(one, is)| (one.0, if one.1 == "*" { is.1 } else { one.1 }, one.2)).chain(expected.iter().skip(actual.len()).copied()).collect();
            assert_eq!(actual, expected, "{document}");
            let now = app.services.clock.now().micros().to_string();
            for event in &written {
                assert_eq!(event["actor_id"], "admin");
                assert_eq!(event["request_id"], reply.headers["x-request-id"].to_str().unwrap());
                assert_eq!(event["target_kind"], event["action"].as_str().unwrap().split('.').next().unwrap());
                assert_eq!((&event["created_at"], &event["impersonator_id"]), (&json!(now), &Value::Null));
                let lower = event.to_string().to_lowercase();
                assert!(!lower.contains("s3cret"), "a value in {event}");
            }
            // A moving user's events: to the one what left it, to the other what arrived.
            if written.len() == 2 && written[0]["action"] == "user.arrive" {
                assert_eq!((&written[0]["organization"], &written[1]["organization"]), (&json!("globex"), &json!("acme")));
            }
        }
    }

    async fn what_changes_nothing_writes_nothing(app: App) {
        app.organization("acme", &["berlin"]).await;
        let chief = app.user("acme", "chief", Some("organization-admin")).await;
        let before = app.dump().await;
        for (document, variables) in [
            (UPDATE_USER, change("chief", json!({"email": "chief@acme.example", "organizationRole": "ADMIN"}))),
            (UPDATE_TENANT, json!({"id": "berlin", "data": {"name": "Tenant berlin"}})),
            (ACTIVATE_USER, json!({"id": "chief"})),
            ("mutation { revokeApiKeys(names: [\"none\"]) { id } }", json!({})),
        ] {
            chief.ok(document, variables).await;
        }
        // Refusals, and an event that belongs to a change that fails at its end.
        for (document, variables) in [
            (CREATE_USER, json!({"data": {"id": "chief"}})),
            (CREATE_TENANT, json!({"data": {"id": "berlin", "name": "B"}})),
            (DELETE_USER, json!({"id": "chief"})),
        ] {
            chief.code(document, variables).await;
        }
        assert_eq!(before, app.dump().await);
    }

    async fn the_first_start_and_the_machine_have_no_actor(app: App) {
        app.key_of("admin").await;
        let events = events(&app, 0).await;
        let actions: Vec<&str> = events.iter().map(|event| event["action"].as_str().unwrap()).collect();
        assert_eq!(actions, ["organization.create", "tenant.create", "user.create", "apiKey.create", "apiKey.create"]);
        assert!(events.iter().all(|event| event["actor_id"] == Value::Null && event["organization"] == "platform" && event["request_id"].is_string()));
        let start = tenantry::model::Timestamp::parse("start", START).unwrap().micros().to_string();
        assert!(events.iter().all(|event| event["created_at"] == start));
    }
}
