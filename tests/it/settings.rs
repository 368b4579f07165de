//! Settings: merged in the database, returned exactly.

use futures::future::join_all;
use serde_json::{Value, json};

use crate::on_both;
use crate::support::App;

const UPDATE: &str =
    "mutation($updated: JSON, $deleted: [String!]) { updateSettings(updated: $updated, deleted: $deleted) }";
const READ: &str = "{ me { settings } }";

on_both! {
    async fn settings_are_set_and_removed(app: App) {
        app.organization("acme", &[]).await;
        let ada = app.user("acme", "ada", None).await;
        assert_eq!(ada.ok(READ, json!({})).await["me"]["settings"], json!({}));
        let all = ada.ok(UPDATE, json!({"updated": {"b": 1, "a": {"x": [1, null]}, "c": null}, "deleted": null})).await;
        assert_eq!(all["updateSettings"], json!({"a": {"x": [1, null]}, "b": 1, "c": null}));
        // First updated, then deleted; what is not there is passed over.
        let all = ada.ok(UPDATE, json!({"updated": {"b": 2, "d": "new"}, "deleted": ["c", "d", "nothing"]})).await;
        assert_eq!(all["updateSettings"], json!({"a": {"x": [1, null]}, "b": 2}));
        assert_eq!(ada.ok(READ, json!({})).await["me"]["settings"], json!({"a": {"x": [1, null]}, "b": 2}));
        // Neither: a reading.
        assert_eq!(ada.ok(UPDATE, json!({})).await["updateSettings"], json!({"a": {"x": [1, null]}, "b": 2}));
        // Nobody else's, not even to an administrator.
        let others = app.admin().ok("{ users(where: {id: \"ada\"}) { settings } me { settings } }", json!({})).await;
        assert_eq!(others, json!({"users": [{"settings": null}], "me": {"settings": {}}}));
        assert_eq!(app.anonymous().refused(UPDATE, json!({"updated": {"a": 1}})).await, "UNAUTHENTICATED");
        // They go with their user.
        app.admin().ok("mutation { deleteUser(where: {id: \"ada\"}) { id } }", json!({})).await;
        assert!(!app.dump().await.contains("settings: "));
    }

    async fn values_come_back_exactly_and_keys_in_order(app: App) {
        app.organization("acme", &[]).await;
        let ada = app.user("acme", "ada", None).await;
        let body = r#"{"query": "mutation($u: JSON) { updateSettings(updated: $u) }", "variables": {"u":
            {"é": 1.10, "z": 9223372036854775807, "Z": 1e400, "": {"b":1,"a":2}, "a\"b": "\u2028", "a": -0.0}}}"#;
        let request = ada.request("/graphql", &Value::Null);
        let (parts, _) = request.into_parts();
        let reply = app.send(axum::http::Request::from_parts(parts, axum::body::Body::from(body))).await;
        let expected = "{\"\":{\"b\":1,\"a\":2},\"Z\":1e+400,\"a\":-0.0,\"a\\\"b\":\"\u{2028}\",\"z\":9223372036854775807,\"é\":1.10}";
        let given = expected.replace("1e+400", "1e400");
        assert!(reply.body.contains(expected) || reply.body.contains(&given), "{}", reply.body);
    }

    async fn limits_hold_and_a_refusal_changes_nothing(app: App) {
        app.organization("acme", &[]).await;
        let ada = app.user("acme", "ada", None).await;
        let many = |from: usize, number: usize| -> Value {
            (from..from + number).map(|n| (format!("k{n}"), json!(n))).collect::<serde_json::Map<_, _>>().into()
        };
        ada.ok(UPDATE, json!({"updated": many(0, 499)})).await;
        for (updated, deleted) in [
            (many(1000, 2), json!(null)),
            (many(0, 501), json!(null)),
            (json!({"ok": 1, "big": "x".repeat(64 * 1024)}), json!(null)),
            (json!({"ok": 1, "k".repeat(256): 1}), json!(null)),
            (json!({"ok": 1, "a\u{0}b": 1}), json!(null)),
            (json!({"ok": 1, "a": "\u{0}"}), json!(null)),
            (json!([1]), json!(null)),
            (json!("text"), json!(["k1"])),
        ] {
            assert_eq!(ada.refused(UPDATE, json!({"updated": updated, "deleted": deleted})).await, "INVALID");
        }
        // Room is made by what is deleted in the same update; a key named twice is one.
        ada.ok(UPDATE, json!({"updated": many(1000, 2), "deleted": ["k0", "k0", "a\u{0}"]})).await;
        let kept = json!({"a": "x".repeat(64 * 1024 - 2)});
        assert_eq!(ada.refused(UPDATE, json!({"updated": kept})).await, "INVALID", "500 keys are there");
        ada.ok(UPDATE, json!({"updated": {"k1": "x".repeat(64 * 1024 - 2)}})).await;
    }

    /// All of them together have a limit, which is that of the text that an answer shows.
    async fn all_settings_together_have_a_limit(app: App) {
        app.organization("acme", &[]).await;
        let ada = app.user("acme", "ada", None).await;
        let large = |keys: std::ops::Range<usize>| -> Value {
            keys.map(|n| (format!("k{n}"), json!("x".repeat(64 * 1024 - 2)))).collect::<serde_json::Map<_, _>>().into()
        };
        assert_eq!(ada.refused(UPDATE, json!({"updated": large(0..8)})).await, "INVALID");
        ada.ok(UPDATE, json!({"updated": large(0..7)})).await;
        assert_eq!(ada.refused(UPDATE, json!({"updated": large(7..8)})).await, "INVALID");
        // Room is made by what is deleted in the same update.
        ada.ok(UPDATE, json!({"updated": large(7..8), "deleted": ["k0"]})).await;
        ada.ok(UPDATE, json!({"updated": {"fits": "x".repeat(60 * 1024)}})).await;
    }

    async fn updates_at_the_same_moment_all_survive(app: App) {
        app.organization("acme", &[]).await;
        let ada = app.user("acme", "ada", None).await;
        let updates = (0..16).map(|n| {
            let ada = ada.clone();
            async move {
                // In opposite orders, so that two of them could wait for each other.
                let mut keys = vec![format!("own{n}"), "one".to_owned(), "two".to_owned()];
                if n % 2 == 0 { keys.reverse(); }
                let updated: serde_json::Map<_, _> = keys.into_iter().map(|key| (key, json!(n))).collect();
                ada.ok(UPDATE, json!({"updated": updated, "deleted": [format!("absent{n}")]})).await
            }
        });
        join_all(updates).await;
        let all = ada.ok(READ, json!({})).await["me"]["settings"].clone();
        assert_eq!(all.as_object().unwrap().len(), 18);
        assert!((0..16).all(|n| all[format!("own{n}")] == json!(n)));
    }

    async fn the_limit_of_keys_holds_in_a_race(app: App) {
        app.organization("acme", &[]).await;
        let ada = app.user("acme", "ada", None).await;
        let updates = (0..4).map(|n| {
            let ada = ada.clone();
            async move {
                let updated: serde_json::Map<_, _> = (0..200).map(|k| (format!("{n}-{k}"), json!(1))).collect();
                ada.send(UPDATE, json!({"updated": updated})).await["errors"].is_null()
            }
        });
        let done = join_all(updates).await.into_iter().filter(|done| *done).count();
        assert_eq!(done, 2);
        assert_eq!(ada.ok(READ, json!({})).await["me"]["settings"].as_object().unwrap().len(), 400);
    }
}
