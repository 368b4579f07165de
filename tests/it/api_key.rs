//! API keys: making, using, rotating and revoking them.

use std::time::Duration;

use axum::body::Body;
use axum::http::{Request, header};
use serde_json::{Value, json};

use crate::on_both;
use crate::support::documents::{CREATE_API_KEY, CREATE_USER, ME, counted, outcomes};
use crate::support::{ADMIN_KEY, App, Caller, START};

const KEYS: &str = "query($where: ApiKeyWhere) { apiKeys(where: $where, orderBy: NAME_ASC) { name revoked } countApiKeys(where: $where) }";
const ROTATE: &str =
    "mutation($where: ApiKeyWhere!, $overlap: Int) { rotateApiKey(where: $where, overlapSeconds: $overlap) {
    secret apiKey { id name permissions expiryDate } } }";
const REVOKE: &str = "mutation($names: [String!]!) { revokeApiKeys(names: $names) { name revoked revokedAt } }";

async fn make<'a>(caller: &Caller<'a>, data: Value) -> Caller<'a> {
    let made = caller.ok(CREATE_API_KEY, json!({ "data": data })).await;
    caller.app.key(made["createApiKey"]["secret"].as_str().unwrap())
}

/// The names of the keys that a `where` finds, and that the count agrees.
async fn names(caller: &Caller<'_>, wanted: Value) -> Vec<String> {
    let found = caller.ok(KEYS, json!({ "where": wanted })).await;
    let names: Vec<String> = found["apiKeys"]
        .as_array()
        .unwrap()
        .iter()
        .map(|key| key["name"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(found["countApiKeys"], names.len());
    names.into_iter().filter(|name| !name.starts_with("test ")).collect()
}

/// The whole answer to a call with this `Authorization`.
async fn call(app: &App, path: &str, authorization: &[u8]) -> (u16, Value) {
    let request = Request::post(path)
        .header(header::CONTENT_TYPE, "application/json")
        .header(header::AUTHORIZATION, authorization)
        .body(Body::from(json!({ "query": ME }).to_string()))
        .unwrap();
    let reply = app.send(request).await;
    (
        reply.status.as_u16(),
        serde_json::from_str(&reply.body).unwrap_or_else(|_| json!(reply.body)),
    )
}

on_both! {
    async fn a_key_is_shown_once(app: App) {
        app.organization("acme", &[]).await;
        let ada = app.user("acme", "ada", Some("api-user")).await;
        let answer = ada.ok(CREATE_API_KEY, json!({"data": {"name": "laptop", "description": "Two\nlines",
            "expiryDate": "2026-06-01T02:00:00+02:00", "permissions": ["write:access_key", "read:databases"]}})).await;
        let secret = answer["createApiKey"]["secret"].as_str().unwrap();
        assert!(secret.starts_with("tnt_") && secret.len() == 4 + 43 + 6, "{secret}");
        let mut key = answer["createApiKey"]["apiKey"].clone();
        assert!(key["id"].take().is_string());
        assert_eq!(key, json!({"id": null, "name": "laptop", "description": "Two\nlines", "prefix": &secret[..12],
            "permissions": ["read:databases", "write:access_key"], "expiryDate": "2026-06-01T00:00:00.000Z", "revoked": false,
            "revokedAt": null, "lastUsedAt": null, "userId": "ada", "createdAt": START, "updatedAt": START}));
        assert_eq!(app.key(secret).ok(ME, json!({})).await["me"]["id"], "ada");
        // Nowhere but in that answer.
        assert!(!app.dump().await.contains(secret));
        let forever = ada.ok(CREATE_API_KEY, json!({"data": {"name": "forever"}})).await["createApiKey"]["apiKey"].clone();
        assert_eq!((&forever["expiryDate"], &forever["permissions"]), (&json!("9999-12-31T23:59:59.999Z"), &Value::Null));
    }

    async fn a_key_is_made_within_ones_permissions(app: App) {
        app.organization("acme", &[]).await;
        let ada = app.user("acme", "ada", Some("api-user")).await;
        for (data, code, field) in [
            (json!({"name": ""}), "INVALID", json!("data.name")),
            (json!({"name": "x".repeat(256)}), "INVALID", json!("data.name")),
            (json!({"name": "k", "description": "x".repeat(2001)}), "INVALID", json!("data.description")),
            (json!({"name": "k", "expiryDate": START}), "INVALID", json!("data.expiryDate")),
            (json!({"name": "k", "expiryDate": "2020-01-01T00:00:00Z"}), "INVALID", json!("data.expiryDate")),
            (json!({"name": "k", "permissions": ["read:everything"]}), "INVALID", json!("data.permissions")),
            (json!({"name": "k", "permissions": ["read:user"]}), "FORBIDDEN", Value::Null),
            (json!({"name": "k", "permissions": ["write:org"]}), "FORBIDDEN", Value::Null),
        ] {
            let error = ada.refusal(CREATE_API_KEY, json!({ "data": data })).await;
            assert_eq!((&error["extensions"]["code"], &error["extensions"]["field"]), (&json!(code), &field), "{data}");
        }
        let plain = app.user("acme", "plain", Some("user")).await;
        assert_eq!(plain.refused(CREATE_API_KEY, json!({"data": {"name": "k"}})).await, "FORBIDDEN");
        assert_eq!(plain.refused(ROTATE, json!({"where": {"name": "k"}})).await, "FORBIDDEN");
        assert_eq!(app.anonymous().refused(CREATE_API_KEY, json!({"data": {"name": "k"}})).await, "UNAUTHENTICATED");
    }

    async fn a_limited_key_does_what_it_says(app: App) {
        app.organization("acme", &[]).await;
        let chief = app.user("acme", "chief", Some("organization-admin")).await;
        app.user("acme", "bob", Some("user")).await;
        let reader = make(&chief, json!({"name": "reader", "permissions": ["read:user"]})).await;
        assert_eq!(reader.ok("{ countUsers }", json!({})).await["countUsers"], 2);
        assert_eq!(reader.refused(CREATE_USER, json!({"data": {"id": "new"}})).await, "FORBIDDEN");
        assert_eq!(reader.refused(CREATE_API_KEY, json!({"data": {"name": "more"}})).await, "FORBIDDEN");
        // Not even over its own owner, who may do more than the key.
        for document in ["mutation { resetPassword(where: {id: \"chief\"}) { id } }",
            "mutation { updatePassword(where: {id: \"chief\"}, data: {oldPassword: \"password-of-chief\", newPassword1: \"new password\", newPassword2: \"new password\"}) { id } }"] {
            assert_eq!(reader.refused(document, json!({})).await, "FORBIDDEN", "{document}");
        }
        let nothing = make(&chief, json!({"name": "nothing", "permissions": []})).await;
        assert_eq!(nothing.ok("{ users { id } }", json!({})).await["users"], json!([{"id": "chief"}]));
        // What the owner loses, the key loses.
        app.admin().update_user("chief", json!({"roles": ["user"]})).await;
        assert_eq!(reader.ok("{ countUsers }", json!({})).await["countUsers"], 1);
    }

    async fn a_key_never_makes_a_stronger_one(app: App) {
        app.organization("acme", &[]).await;
        let chief = app.user("acme", "chief", Some("organization-admin")).await;
        let strong = make(&chief, json!({"name": "strong"})).await;
        let weak = make(&chief, json!({"name": "weak", "permissions": ["write:access_key", "read:user"], "expiryDate": "2026-02-01T00:00:00Z"})).await;
        for data in [json!({"name": "k", "permissions": ["write:user"]}), json!({"name": "k", "permissions": ["read:user", "read:org"]})] {
            assert_eq!(weak.refused(CREATE_API_KEY, json!({ "data": data })).await, "FORBIDDEN");
        }
        assert_eq!(weak.refused(CREATE_API_KEY, json!({"data": {"name": "k", "expiryDate": "2026-02-01T00:00:00.001Z"}})).await, "INVALID");
        let child = weak.ok(CREATE_API_KEY, json!({"data": {"name": "child"}})).await["createApiKey"]["apiKey"].clone();
        assert_eq!((&child["permissions"], &child["expiryDate"]), (&json!(["write:access_key", "read:user"]), &json!("2026-02-01T00:00:00.000Z")));
        // A new secret of a stronger key would be a stronger key.
        assert_eq!(weak.refused(ROTATE, json!({"where": {"name": "strong"}})).await, "FORBIDDEN");
        assert_eq!(strong.status().await, 200);
        let longer = make(&chief, json!({"name": "longer", "permissions": ["read:user"]})).await;
        assert_eq!(weak.refused(ROTATE, json!({"where": {"name": "longer"}})).await, "FORBIDDEN");
        assert_eq!(longer.status().await, 200);
        weak.ok(ROTATE, json!({"where": {"name": "child"}})).await;
        // A key that is being rotated away makes none that outlives it.
        chief.ok(ROTATE, json!({"where": {"name": "strong"}, "overlap": 60})).await;
        let late = strong.ok(CREATE_API_KEY, json!({"data": {"name": "late"}})).await["createApiKey"]["apiKey"].clone();
        assert_eq!(late["expiryDate"], "2026-01-02T03:05:05.006Z");
    }

    async fn a_rotated_key_overlaps(app: App) {
        app.organization("acme", &[]).await;
        let ada = app.user("acme", "ada", Some("api-user")).await;
        let old = make(&ada, json!({"name": "laptop", "permissions": ["read:databases"], "expiryDate": "2027-01-01T00:00:00Z"})).await;
        for overlap in [-1, 604_801] {
            assert_eq!(ada.refused(ROTATE, json!({"where": {"name": "laptop"}, "overlap": overlap})).await, "INVALID");
        }
        for which in [json!({"name": "other"}), json!({"id": "other"}), json!({"name": "\u{0}"}), json!({"key": "tnt_x"})] {
            assert_eq!(ada.refused(ROTATE, json!({"where": which})).await, "NOT_FOUND", "{which}");
        }
        let made = ada.ok(ROTATE, json!({"where": {"name": "laptop"}, "overlap": 60})).await["rotateApiKey"].clone();
        assert_eq!((&made["apiKey"]["permissions"], &made["apiKey"]["expiryDate"]), (&json!(["read:databases"]), &json!("2027-01-01T00:00:00.000Z")));
        let new = app.key(made["secret"].as_str().unwrap());
        assert_eq!((old.status().await, new.status().await), (200, 200));
        assert_eq!(names(&ada, json!({})).await, ["laptop", "laptop"]);
        app.services.clock.advance(Duration::from_micros(59_999_999));
        assert_eq!((old.status().await, new.status().await), (200, 200));
        app.services.clock.advance(Duration::from_micros(1));
        assert_eq!((old.status().await, new.status().await), (401, 200));
        assert_eq!(names(&ada, json!({})).await, ["laptop"]);
        // Without an overlap, at once; and a key that is gone is not rotated again.
        let last = ada.ok(ROTATE, json!({"where": {"id": made["apiKey"]["id"]}})).await["rotateApiKey"]["secret"].as_str().unwrap().to_owned();
        assert_eq!((new.status().await, app.key(&last).status().await), (401, 200));
        assert_eq!(ada.refused(ROTATE, json!({"where": {"id": made["apiKey"]["id"]}})).await, "NOT_FOUND");
        // Of several at once, each gets the secret of the one before: all but the last are over.
        let requests = (0..6).map(|_| ada.prepared(ROTATE, json!({"where": {"name": "laptop"}})));
        let answers = app.at_once(requests).await;
        let mut working = 0;
        for answer in &answers {
            if let Some(secret) = answer["data"]["rotateApiKey"]["secret"].as_str() {
                working += usize::from(app.key(secret).status().await == 200);
            }
        }
        assert_eq!(working, 1, "{answers:?}");
        assert_eq!(names(&ada, json!({})).await, ["laptop"]);
    }

    async fn an_expired_key_is_not_made_young_by_rotation(app: App) {
        app.organization("acme", &[]).await;
        let ada = app.user("acme", "ada", Some("api-user")).await;
        make(&ada, json!({"name": "short", "expiryDate": "2026-01-03T00:00:00Z"})).await;
        app.services.clock.advance(Duration::from_secs(24 * 60 * 60));
        assert_eq!(ada.refused(ROTATE, json!({"where": {"name": "short"}})).await, "INVALID");
    }

    async fn a_revoked_key_ends_and_frees_its_name(app: App) {
        app.organization("acme", &[]).await;
        let ada = app.user("acme", "ada", Some("api-user")).await;
        let bob = app.user("acme", "bob", Some("api-user")).await;
        let first = make(&ada, json!({"name": "laptop"})).await;
        let bobs = make(&bob, json!({"name": "laptop"})).await;
        let kept = make(&ada, json!({"name": "kept"})).await;
        assert_eq!(ada.refused(CREATE_API_KEY, json!({"data": {"name": "laptop"}})).await, "CONFLICT");
        let before = app.dump().await;
        for passed_over in [json!([]), json!(["none", "no\u{0}ne", ""])] {
            assert_eq!(ada.ok(REVOKE, json!({"names": passed_over})).await["revokeApiKeys"], json!([]));
        }
        assert_eq!(before, app.dump().await);
        assert_eq!(ada.refused(REVOKE, json!({"names": vec!["laptop"; 101]})).await, "INVALID");
        assert_eq!(ada.ok(REVOKE, json!({"names": ["laptop", "laptop", "none"]})).await["revokeApiKeys"], json!([{"name": "laptop", "revoked": true, "revokedAt": START}]));
        assert_eq!((first.status().await, bobs.status().await, kept.status().await), (401, 200, 200));
        make(&ada, json!({"name": "laptop"})).await;
        assert_eq!(names(&ada, json!({})).await, ["kept", "laptop"]);
        assert_eq!(names(&ada, json!({"revoked": null})).await, ["kept", "laptop"]);
        assert_eq!(names(&ada, json!({"revoked": false})).await, ["kept", "laptop"]);
        assert_eq!(names(&ada, json!({"revoked": true})).await, ["laptop"]);
        assert_eq!(names(&ada, json!({"OR": [{"revoked": true}, {"revoked": false}]})).await, ["kept", "laptop", "laptop"]);
        assert_eq!(names(&ada, json!({"NOT": {"revoked": true}})).await, ["kept", "laptop"]);
        // Under a user it is the same list.
        let nested = "query($where: ApiKeyWhere) { me { all: apiKeys(where: $where) { revoked } apiKeys(orderBy: NAME_ASC) { name revoked } } }";
        let me = &ada.ok(nested, json!({"where": {"revoked": true}})).await["me"];
        assert_eq!(me["all"], json!([{"revoked": true}]));
        let listed: Vec<&serde_json::Value> = me["apiKeys"].as_array().unwrap().iter().collect();
        let laptops = listed.iter().filter(|key| key["name"] == "laptop").count();
        assert!(laptops == 1 && listed.iter().all(|key| key["revoked"] == false), "{listed:?}");
        // Of one's own keys only; revoking needs no permission.
        assert_eq!(names(&ada, json!({"user": {"id": "bob"}})).await, Vec::<String>::new());
        assert_eq!(names(&ada, json!({"key": bobs.key})).await, Vec::<String>::new());
        assert_eq!(names(&ada, json!({"key": kept.key})).await, ["kept"]);
        assert_eq!(names(&ada, json!({"key": "tnt_\u{0}"})).await, Vec::<String>::new());
        assert_eq!(names(&ada, json!({"user": {"id": null, "apiKey": kept.key}, "id": null})).await, ["kept"], "who describes the owner by a key asks for that key");
        assert_eq!(names(&app.admin(), json!({})).await, ["configured"]);
        app.admin().update_user("ada", json!({"roles": []})).await;
        ada.ok(REVOKE, json!({"names": ["kept"]})).await;
        assert_eq!(kept.status().await, 401);
    }

    async fn twelve_at_once_make_one_key_of_a_name(app: App) {
        app.organization("acme", &[]).await;
        let ada = app.user("acme", "ada", Some("api-user")).await;
        let answers = app.at_once((0..12).map(|_| ada.prepared(CREATE_API_KEY, json!({"data": {"name": "laptop"}})))).await;
        assert_eq!(outcomes(&answers), counted([("ok", 1), ("CONFLICT", 11)]));
        assert_eq!(names(&ada, json!({})).await, ["laptop"]);
    }

    async fn a_key_is_sent_either_way(app: App) {
        for path in ["/graphql", "/api/label/v2/graphql"] {
            for form in ["Bearer {}", "bearer {}", "BEARER {}", "X-API-Key: {}", "x-api-key: {}", "X-Api-Key:  {} ", "Bearer   {}"] {
                let (status, answer) = call(&app, path, form.replace("{}", ADMIN_KEY).as_bytes()).await;
                assert_eq!((status, &answer["data"]["me"]["id"]), (200, &json!("admin")), "{path} {form}");
            }
            for form in ["", "{}", "Bearer", "Bearer ", "Basic {}", "X-API-Key {}", "Token {}"] {
                let (status, answer) = call(&app, path, form.replace("{}", ADMIN_KEY).as_bytes()).await;
                assert_eq!(status, 401, "{path} {form} {answer}");
            }
            assert_eq!(call(&app, path, b"Bearer \xff\xfe").await.0, 401);
        }
        // A part of a key, and a key with something to it, are no keys.
        for key in [&ADMIN_KEY[1..], &ADMIN_KEY[..ADMIN_KEY.len() - 1], &format!("{ADMIN_KEY}x"), &ADMIN_KEY.to_uppercase()] {
            assert_eq!(app.key(key).status().await, 401);
        }
    }

    async fn whatever_is_wrong_with_a_key_the_words_are_the_same(app: App) {
        app.organization("acme", &[]).await;
        let ada = app.user("acme", "ada", Some("api-user")).await;
        let revoked = make(&ada, json!({"name": "revoked"})).await;
        let expired = make(&ada, json!({"name": "expired", "expiryDate": "2026-01-02T03:04:06Z"})).await;
        let idle = app.user("acme", "idle", None).await;
        let deleted = app.user("acme", "deleted", None).await;
        assert_eq!(expired.status().await, 200);
        ada.ok(REVOKE, json!({"names": ["revoked"]})).await;
        app.admin().ok("mutation { deactivateUser(where: {id: \"idle\"}) { id } deleteUser(where: {id: \"deleted\"}) { id } }", json!({})).await;
        app.services.clock.advance(Duration::from_secs(1));
        let unknown = app.key("tnt_0000000000000000000000000000000000000000000000000");
        for path in ["/graphql", "/api/label/v2/graphql"] {
            let expected = call(&app, path, format!("Bearer {}", unknown.key.as_ref().unwrap()).as_bytes()).await;
            assert_eq!(expected.0, 401);
            for caller in [&revoked, &expired, &idle, &deleted] {
                assert_eq!(call(&app, path, format!("Bearer {}", caller.key.as_ref().unwrap()).as_bytes()).await, expected);
            }
        }
        assert_eq!(call(&app, "/api/label/v2/graphql", b"X-API-Key: none").await.1, json!("Unauthorized"));
    }
}
