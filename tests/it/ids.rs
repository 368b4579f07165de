//! Ids of users: what another spelling of a UUID means.

use std::collections::BTreeSet;

use axum::http::Method;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use sea_orm::{ConnectionTrait, Statement};
use serde_json::json;
use tenantry::model::uuid_of;

use crate::on_both;
use crate::support::App;
use crate::support::documents::{CREATE_USER, DELETE_USER};

const UUID: &str = "0192f0c1-7a00-7abc-8def-0123456789ab";

/// The same UUID in other spellings.
fn spellings() -> Vec<String> {
    let simple = UUID.replace('-', "");
    let mut found = Vec::new();
    for text in [
        UUID.to_owned(),
        simple.clone(),
        format!("{}-{}", &simple[..16], &simple[16..]),
    ] {
        for text in [
            text.clone(),
            format!("{{{text}}}"),
            format!("urn:uuid:{text}"),
            format!("{{urn:uuid:{text}}}"),
            format!("uuid:{text}"),
            format!("({text})"),
        ] {
            found.extend([text.to_uppercase(), text]);
        }
    }
    found
}

on_both! {
    async fn another_spelling_of_a_uuid_is_taken(app: App) {
        app.organization("acme", &["berlin"]).await;
        app.organization("globex", &["oslo"]).await;
        let ann = app.user("acme", "ann", Some("organization-admin")).await;
        let bob = app.user("globex", "bob", Some("organization-admin")).await;
        let spellings = spellings();
        for first in [&spellings[0], &spellings[3], &spellings[5]] {
            ann.create_user(json!({ "id": first })).await;
            for id in &spellings {
                let data = json!({ "id": id });
                assert_eq!(ann.refused(CREATE_USER, json!({ "data": data })).await, "CONFLICT", "{id}");
                let error = bob.refusal(CREATE_USER, json!({ "data": data })).await;
                assert_eq!(error["message"], format!("A user with the id '{id}', or the same UUID in \
                                                      another spelling, already exists."));
                let document = "mutation($data: CreateUserData!) { createUserWithPassword(data: $data) { password } }";
                assert_eq!(ann.code(document, json!({ "data": data })).await, "CONFLICT", "{id}");
                let waii = json!({ "user": { "id": id, "tenant_id": "oslo" } });
                assert_eq!(bob.rest_refused(Method::POST, "/api/create-user", Some(&waii)).await.0, 409, "{id}");
            }
            // Free again with its owner.
            ann.ok(DELETE_USER, json!({ "id": first })).await;
        }
        // What is no UUID has one spelling, and an address is an id like any other.
        for id in ["ada", "Ada", "a-da", "{ada}", "urn:uuid:ada", "ann@acme.example", "0192f0c17a007abc8def0123456789a", "0192f0c17a007abc8def0123456789abc", "g192f0c17a007abc8def0123456789ab"] {
            ann.create_user(json!({ "id": id })).await;
        }
    }

    async fn of_many_spellings_at_once_one_is_made(app: App) {
        let admin = app.admin();
        let requests = spellings().into_iter().map(|id| admin.prepared(CREATE_USER, json!({ "data": { "id": id } })));
        let answers = app.at_once(requests).await;
        let codes: Vec<&str> = answers.iter().map(|answer| answer["errors"][0]["extensions"]["code"].as_str().unwrap_or("made")).collect();
        assert_eq!(codes.iter().filter(|code| **code == "made").count(), 1, "{codes:?}");
        assert!(codes.iter().all(|code| ["made", "CONFLICT"].contains(code)), "{codes:?}");
assert_eq!(admin.ok("{ countUsers }", json!({})).await["countUsers"], 2);
    }

    /// The database and the server mean the same by "the same UUID": what one finds, the other keeps apart.
    async fn the_database_reads_ids_as_the_server_does(app: App) {
        let strategy = "[0-9a-fA-F]{32}|[0-9a-f]{8}-[0-9A-F]{24}|(\\{|\\(|urn:|uuid:|urn:uuid:|URN:uuid:|-)[0-9a-f]{32}(\\}|\\)|-|)|[0-9a-g-]{30,36}|[ -~]{1,40}";
        let mut runner = TestRunner::new_with_rng(Config::default(), TestRng::deterministic_rng(RngAlgorithm::ChaCha));
        let mut ids: BTreeSet<String> = (0..400)
            .map(|_| strategy.new_tree(&mut runner).unwrap().current())
            .filter(|id| !id.starts_with(' ') && !id.ends_with(' '))
            .collect();
        ids.extend(["urn:uuid:", "{}", "()", "-", "uurn:uid:0190a1b2c3d47e5f8a9b0c1d2e3f4a5d", "{urn:uuid:0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b}", "uRN:UUid:0190a1b2c3d47e5f8a9b0c1d2e3f4a5c"].map(str::to_owned));
        let mut uuids = 0;
        for id in ids {
            let made = app.admin().send(CREATE_USER, json!({ "data": { "id": id } })).await;
            assert!(made["errors"].is_null() || made["errors"][0]["extensions"]["code"] == "CONFLICT", "{made}");
            if !made["errors"].is_null() {
                continue;
            }
            let select = Statement::from_sql_and_values(app.services.db.backend(), "SELECT uuid FROM users WHERE id = $1", [id.as_str().into()]);
            let row = app.services.db.reader().query_one_raw(select).await.unwrap().unwrap();
            let stored: Option<String> = row.try_get("", "uuid").unwrap();
            uuids += usize::from(stored.is_some());
            assert_eq!(stored, uuid_of(&id).map(|uuid| uuid.simple().to_string()), "{id}");
        }
        assert!(uuids > 50, "only {uuids} UUIDs");
    }
}
