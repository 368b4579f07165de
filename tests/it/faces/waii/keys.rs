//! Section 4.2: access keys.

use axum::http::Method;
use serde_json::{Value, json};

use super::world;
use crate::on_both;
use crate::support::{App, Caller};

const START_MILLIS: i64 = 1_767_323_045_006;

async fn create(caller: &Caller<'_>, name: &str) -> String {
    let made = caller.waii("create-key", json!({ "name": name })).await;
    made["access_keys"][0]["access_key"].as_str().unwrap().to_owned()
}

async fn list(caller: &Caller<'_>) -> Vec<Value> {
    let all = caller.waii("list-access-keys", json!({})).await;
    all["access_keys"].as_array().unwrap().clone()
}

on_both! {
    async fn a_key_is_made_listed_and_deleted(app: App) {
        world(&app).await;
        let bob = app.key_of("bob").await;
        // The key in use has a name too.
        let before = list(&bob).await;
        assert_eq!(before.len(), 1);
        let made = bob.waii("create-key", json!({"name": "k1"})).await;
        let key = made["access_keys"][0]["access_key"].as_str().unwrap().to_owned();
        assert_eq!(made, json!({"access_keys": [
            {"access_key": key, "user_id": "bob", "name": "k1", "description": null, "created_at": START_MILLIS}]}));
        assert!(key.len() >= 20 && key.bytes().all(|byte| (0x21..=0x7e).contains(&byte)));
        let mine = app.key(&key);
        assert_eq!(mine.waii("get-user-info", json!({})).await["id"], "bob");

        // A name twice: refused, and the first stays valid. Another user may have it.
        assert_eq!(bob.waii_status("create-key", json!({"name": "k1"})).await, 409);
        assert_eq!(mine.status().await, 200);
        create(&app.key_of("ada").await, "k1").await;

        // The list shows a mask, which is no key.
        let all = list(&bob).await;
        assert_eq!(all.len(), 2);
        let shown = all.iter().find(|one| one["name"] == "k1").unwrap();
        let mask = shown["access_key"].as_str().unwrap();
        assert!(mask.is_ascii() && mask.len() < key.len() && mask.contains('*') && key.starts_with(&mask[..12]), "{mask}");
        let mut expected = made["access_keys"][0].clone();
        expected["access_key"] = mask.into();
        assert_eq!(*shown, expected);
        assert_eq!(app.key(mask).status().await, 401);

        // What has no such name is passed over; the deleted one is refused at the next call, its name free.
        for names in [json!([]), json!(["nothing"]), json!(["nothing", "", "a\u{0}", "k2"])] {
            assert_eq!(bob.waii("delete-access-keys", json!({ "names": names })).await, json!({}));
        }
        assert_eq!(mine.status().await, 200);
        assert_eq!(mine.waii("delete-access-keys", json!({"names": ["nothing", "k1", "k1"]})).await, json!({}));
        assert_eq!(mine.rest(Method::POST, "/api/get-user-info", Some(&json!({}))).await.status.as_u16(), 401);
        assert_eq!(list(&bob).await, before);
        let again = create(&bob, "k1").await;
        assert_ne!(again, key);
        assert_eq!((app.key(&again).status().await, mine.status().await), (200, 401));
    }

    async fn keys_are_ones_own(app: App) {
        let ada = world(&app).await;
        let bob = app.key_of("bob").await;
        create(&bob, "bobs").await;
        // Also an administrator neither sees nor deletes another's.
        for caller in [&ada, &app.admin()] {
            assert!(list(caller).await.iter().all(|key| key["name"] != "bobs"));
            caller.waii("delete-access-keys", json!({"names": ["bobs"]})).await;
        }
        assert!(list(&bob).await.iter().any(|key| key["name"] == "bobs"));
        // Making one needs write:access_key; listing and deleting need a key only.
        app.admin().waii("create-user", json!({"user": {"id": "carl", "tenant_id": "berlin", "roles": ["waii-user"]}})).await;
        let carl = app.key_of("carl").await;
        assert_eq!(carl.waii_status("create-key", json!({"name": "k"})).await, 403);
        let name = list(&carl).await[0]["name"].clone();
        carl.waii("delete-access-keys", json!({"names": [name]})).await;
        assert_eq!(carl.status().await, 401);
    }

    async fn what_graphql_makes_the_list_shows_and_the_other_way_round(app: App) {
        world(&app).await;
        let bob = app.key_of("bob").await;
        let made = bob.ok("mutation { createApiKey(data: {name: \"g\", description: \"For the night\"}) { secret apiKey { prefix } } }", json!({})).await;
        let listed = list(&bob).await;
        let listed = listed.iter().find(|key| key["name"] == "g").unwrap();
        assert_eq!(listed["description"], "For the night");
        assert!(listed["access_key"].as_str().unwrap().starts_with(made["createApiKey"]["apiKey"]["prefix"].as_str().unwrap()));
        create(&bob, "w").await;
        let names = bob.ok("{ apiKeys(where: {name: \"w\"}) { name revoked userId } }", json!({})).await;
        assert_eq!(names["apiKeys"], json!([{"name": "w", "revoked": false, "userId": "bob"}]));
        bob.waii("delete-access-keys", json!({"names": ["w", "g"]})).await;
        assert_eq!(app.key(made["createApiKey"]["secret"].as_str().unwrap()).status().await, 401);
        let names = bob.ok("{ apiKeys(where: {name: \"w\", revoked: true}) { revoked } }", json!({})).await;
        assert_eq!(names["apiKeys"], json!([{"revoked": true}]));
    }
}
