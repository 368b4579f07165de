//! Section 7: several operations in one request.

use axum::http::Method;
use serde_json::{Value, json};

use super::{ENTERPRISE, GROUPS, USERS, answered, at, found, get, group_of, message, post, refused, user_of, world};
use crate::on_both;
use crate::support::{App, Caller};

const BULK: &str = "/scim/v2/Bulk";

async fn bulk(caller: &Caller<'_>, operations: Value, more: Value) -> Vec<Value> {
    let mut body = json!({"schemas": message("BulkRequest"), "Operations": operations});
    if let Some(errors) = more.as_i64() {
        body["failOnErrors"] = json!(errors);
    }
    let answer = answered(caller, 200, Method::POST, BULK, Some(&body)).await;
    assert_eq!(answer["schemas"], message("BulkResponse"));
    answer["Operations"].as_array().unwrap().clone()
}

fn statuses(outcomes: &[Value]) -> Vec<&str> {
    outcomes.iter().map(|one| one["status"].as_str().unwrap()).collect()
}

on_both! {
    async fn what_is_referred_to_comes_first(app: App) {
        let (ada, _) = world(&app).await;
        let outcomes = bulk(&ada, json!([
            {"method": "post", "path": "/Groups", "bulkId": "g", "data": group_of(json!({"displayName": "G", "members": [{"value": "bulkId:u"}, {"value": "ann"}]}))},
            {"method": "POST", "path": "/Users", "bulkId": "u", "data": user_of(json!({"userName": "u", ENTERPRISE: {"manager": {"value": "bulkId:m"}}}))},
            {"method": "POST", "path": "/Users", "bulkId": "m", "data": user_of(json!({"userName": "m"}))},
            {"method": "PATCH", "path": "/Users/bulkId:m", "data": super::patch_of(json!([{"op": "add", "path": "title", "value": "Boss"}]))},
            {"method": "DELETE", "path": "/Users/nobody"},
        ]), Value::Null).await;
        assert_eq!(statuses(&outcomes), ["201", "201", "201", "200", "404"]);
        assert_eq!((&outcomes[0]["method"], &outcomes[0]["bulkId"], &outcomes[0]["version"]), (&json!("POST"), &json!("g"), &json!("W/\"1\"")));
        let manager = outcomes[2]["location"].as_str().unwrap().rsplit('/').next().unwrap().to_owned();
        let user = found(&ada, USERS, "userName eq \"u\"").await.remove(0);
        assert_eq!(get(&ada, &at(USERS, &user)).await[ENTERPRISE]["manager"]["value"], manager.as_str());
        assert_eq!(get(&ada, &at(USERS, &manager)).await["title"], "Boss");
        assert_eq!(found(&ada, GROUPS, &format!("members eq \"{user}\"")).await.len(), 1);
        assert_eq!(outcomes[4]["response"]["status"], "404");
        assert_eq!(outcomes[4]["location"], super::place("Users", "nobody"));
    }

    async fn each_is_refused_by_itself(app: App) {
        let (ada, _) = world(&app).await;
        let group = |name: &str, member: &str| group_of(json!({"displayName": name, "members": [{"value": member}]}));
        let outcomes = bulk(&ada, json!([
            {"method": "POST", "path": "/Users", "bulkId": "a", "data": user_of(json!({"userName": "a", ENTERPRISE: {"manager": "bulkId:b"}}))},
            {"method": "POST", "path": "/Users", "bulkId": "b", "data": user_of(json!({"userName": "b", ENTERPRISE: {"manager": "bulkId:a"}}))},
            {"method": "POST", "path": "/Groups", "bulkId": "c", "data": group("C", "bulkId:a")},
            {"method": "POST", "path": "/Groups", "bulkId": "d", "data": group("D", "bulkId:nothing")},
            {"method": "POST", "path": "/Users", "data": user_of(json!({"userName": "e"}))},
            {"method": "POST", "path": "/Users", "bulkId": "a", "data": user_of(json!({"userName": "f"}))},
            {"method": "POST", "path": "/Users", "bulkId": "g", "data": user_of(json!({"userName": "ann@acme.example"}))},
            {"method": "JUMP", "path": "/Users"},
            {"method": "PUT", "path": "/Users", "data": {}},
            {"method": "PUT", "path": "/Things/x", "data": {}},
            {"method": "PATCH", "path": "/Users/ann", "version": "W/\"9\"", "data": super::patch_of(json!([]))},
            {"method": "DELETE", "path": "/Users/ada"},
            7,
        ]), Value::Null).await;
        assert_eq!(statuses(&outcomes), ["409", "409", "400", "400", "400", "400", "409", "400", "400", "404", "412", "400", "400"]);
        assert_eq!(outcomes[0]["response"].get("scimType"), None);
        assert_eq!(outcomes[6]["response"]["scimType"], "uniqueness");
        assert!(outcomes.iter().take(7).all(|one| one.get("location").is_none()), "{outcomes:?}");
        assert_eq!(found(&ada, USERS, "userName pr").await.len(), 2);
    }

    async fn it_ends_after_so_many_errors(app: App) {
        let (ada, _) = world(&app).await;
        let operations = json!([
            {"method": "DELETE", "path": "/Users/x"},
            {"method": "POST", "path": "/Users", "bulkId": "a", "data": user_of(json!({"userName": "a"}))},
            {"method": "DELETE", "path": "/Users/y"},
            {"method": "POST", "path": "/Users", "bulkId": "b", "data": user_of(json!({"userName": "b"}))},
        ]);
        assert_eq!(statuses(&bulk(&ada, operations.clone(), json!(2)).await), ["404", "201", "404"]);
        assert_eq!(found(&ada, USERS, "userName eq \"b\"").await, [""; 0]);
        let many: Vec<Value> = (0..101).map(|n| json!({"method": "POST", "path": "/Users", "bulkId": format!("{n}"), "data": user_of(json!({"userName": format!("n{n}")}))})).collect();
        refused(&ada, (413, ""), Method::POST, BULK, Some(&json!({"schemas": message("BulkRequest"), "Operations": many}))).await;
        assert_eq!(statuses(&bulk(&ada, json!(many[..100]), Value::Null).await), ["201"; 100]);
        for bad in [json!({"Operations": []}), json!({"schemas": message("BulkRequest")}), json!({"schemas": message("PatchOp"), "Operations": []})] {
            refused(&ada, (400, "invalidSyntax"), Method::POST, BULK, Some(&bad)).await;
        }
        refused(&ada, (400, "invalidValue"), Method::POST, BULK, Some(&json!({"schemas": message("BulkRequest"), "Operations": [], "failOnErrors": 0}))).await;
    }

    async fn permissions_are_those_of_each(app: App) {
        let (ada, ann) = world(&app).await;
        let before = app.dump().await;
        let outcomes = bulk(&ann, json!([
            {"method": "POST", "path": "/Users", "bulkId": "a", "data": user_of(json!({"userName": "a"}))},
            {"method": "DELETE", "path": "/Users/ada"},
            {"method": "PUT", "path": "/Groups/x", "data": {}},
        ]), Value::Null).await;
        assert_eq!(statuses(&outcomes), ["403"; 3]);
        assert_eq!(app.dump().await, before);
        post(&ada, USERS, user_of(json!({"userName": "a"}))).await;
    }
}
