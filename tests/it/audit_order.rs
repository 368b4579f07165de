//! The two orders of the audit trail: by time, and that of commits, in which nothing is missed.

use sea_orm::ConnectionTrait;
use serde_json::{Value, json};

use crate::on_both;
use crate::support::App;

const PAGE: &str = "query($order: AuditEventOrderBy, $first: Int, $after: String, $last: Int, $before: String) {
    auditEventsConnection(where: {action: \"test.event\"}, orderBy: $order, first: $first, after: $after, last: $last, before: $before) {
        pageInfo { hasNextPage hasPreviousPage startCursor endCursor } nodes { id } } }";

/// The ids of all pages, forwards or backwards.
async fn pages(app: &App, order: &str, backwards: bool) -> Vec<String> {
    let mut ids: Vec<String> = Vec::new();
    let mut cursor = Value::Null;
    loop {
        let variables = match backwards {
            false => json!({ "order": order, "first": 2, "after": cursor }),
            true => json!({ "order": order, "last": 2, "before": cursor }),
        };
        let data = app.admin().ok(PAGE, variables).await;
        let page = &data["auditEventsConnection"];
        let nodes = page["nodes"].as_array().unwrap().iter();
        let here: Vec<String> = nodes.map(|node| node["id"].as_str().unwrap().to_owned()).collect();
        let (more, next) = match backwards {
            false => ("hasNextPage", "endCursor"),
            true => ("hasPreviousPage", "startCursor"),
        };
        match backwards {
            false => ids.extend(here),
            true => ids.splice(0..0, here).for_each(drop),
        }
        if page["pageInfo"][more] == false {
            return ids;
        }
        cursor = page["pageInfo"][next].clone();
    }
}

on_both! {
    async fn events_are_ordered_by_time_or_by_commit(app: App) {
        // In the order of commits; and when they began. Two began at the same moment, and stay in the order of commits.
        let written = [("e", 500), ("a", 100), ("d", 300), ("c", 300), ("b", 200)];
        for (id, at) in written {
            let transaction = app.services.db.begin().await.unwrap();
            let insert = format!("INSERT INTO audit_events (id, action, target_kind, target_id, created_at) VALUES ('{id}', 'test.event', 'test', 'test', {at})");
            transaction.execute_unprepared(&insert).await.unwrap();
            transaction.commit().await.unwrap();
        }
        let trail = ["e", "a", "d", "c", "b"];
        let by_time = ["a", "b", "d", "c", "e"];
        let reversed = |ids: [&'static str; 5]| { let mut ids = ids; ids.reverse(); ids };
        for (order, expected) in [
            ("POSITION_ASC", trail),
            ("POSITION_DESC", reversed(trail)),
            ("CREATED_AT_ASC", by_time),
            ("CREATED_AT_DESC", reversed(by_time)),
        ] {
            let list = "query($order: AuditEventOrderBy) { auditEvents(where: {action: \"test.event\"}, orderBy: $order) { id } }";
            let data = app.admin().ok(list, json!({ "order": order })).await;
            let ids: Vec<&str> = data["auditEvents"].as_array().unwrap().iter().map(|event| event["id"].as_str().unwrap()).collect();
            assert_eq!(ids, expected, "{order}");
            assert_eq!(pages(&app, order, false).await, expected, "{order}");
            assert_eq!(pages(&app, order, true).await, expected, "{order} backwards");
        }
        // The default is the order of the trail.
        let data = app.admin().ok(PAGE, json!({ "first": 5 })).await;
        let ids: Vec<&str> = data["auditEventsConnection"]["nodes"].as_array().unwrap().iter().map(|node| node["id"].as_str().unwrap()).collect();
        assert_eq!(ids, trail);
        // A place in one order is none in the other.
        let cursor = &data["auditEventsConnection"]["pageInfo"]["endCursor"];
        let code = app.admin().code(PAGE, json!({ "order": "CREATED_AT_ASC", "first": 2, "after": cursor })).await;
        assert_eq!(code, "INVALID");
    }
}
