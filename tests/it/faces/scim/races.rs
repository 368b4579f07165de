//! Section 9: changes that meet.

use axum::http::Method;
use futures::future::join_all;
use serde_json::{Value, json};

use super::{GROUPS, USERS, ask, at, found, get, group_of, id_of, patch_of, post, user_of, world};
use crate::on_both;
use crate::support::{App, Caller};

/// The statuses of calls that are made at once, sorted.
async fn at_once(caller: &Caller<'_>, calls: Vec<(Method, String, Value)>) -> Vec<u16> {
    let each = calls
        .iter()
        .map(|(method, path, body)| ask(caller, method.clone(), path, &[], Some(body)));
    let mut statuses: Vec<u16> = join_all(each).await.iter().map(|reply| reply.status.as_u16()).collect();
    statuses.sort_unstable();
    statuses
}

on_both! {
    async fn eight_equal_posts_make_one(app: App) {
        let (ada, _) = world(&app).await;
        for (endpoint, body) in [(USERS, user_of(json!({"userName": "Lin@acme.example"}))), (GROUPS, group_of(json!({"displayName": "Sales"})))] {
            let calls = vec![(Method::POST, endpoint.to_owned(), body); 8];
            assert_eq!(at_once(&ada, calls).await, [201, 409, 409, 409, 409, 409, 409, 409], "{endpoint}");
        }
    }

    async fn both_changes_of_a_user_count(app: App) {
        let (ada, _) = world(&app).await;
        for n in 0..6 {
            let made = post(&ada, USERS, user_of(json!({"userName": format!("u{n}")}))).await;
            let path = at(USERS, id_of(&made));
            let change = |operation: Value| (Method::PATCH, path.clone(), patch_of(json!([operation])));
            let calls = vec![
                change(json!({"op": "replace", "path": "active", "value": false})),
                change(json!({"op": "add", "path": "title", "value": "T"})),
                change(json!({"op": "add", "path": "nickName", "value": "N"})),
            ];
            assert_eq!(at_once(&ada, calls).await, [200; 3]);
            let shown = get(&ada, &path).await;
            assert_eq!((&shown["active"], &shown["title"], &shown["nickName"]), (&json!(false), &json!("T"), &json!("N")));
        }
    }

    async fn a_member_is_one_however_often_it_is_added(app: App) {
        let (ada, _) = world(&app).await;
        let group = post(&ada, GROUPS, group_of(json!({"displayName": "G"}))).await;
        let path = at(GROUPS, id_of(&group));
        let add = |id: &str| (Method::PATCH, path.clone(), patch_of(json!([{"op": "add", "path": "members", "value": [{"value": id}]}])));
        assert_eq!(at_once(&ada, vec![add("ann"); 6]).await, [204; 6]);
        assert_eq!(get(&ada, &path).await["members"].as_array().unwrap().len(), 1);
        // A user who is deleted meanwhile leaves no membership.
        for n in 0..5 {
            let made = post(&ada, USERS, user_of(json!({"userName": format!("u{n}")}))).await;
            let calls = vec![add(id_of(&made)), (Method::DELETE, at(USERS, id_of(&made)), Value::Null)];
            let statuses = at_once(&ada, calls).await;
            assert!(statuses == [204, 204] || statuses == [204, 400], "{statuses:?}");
            assert_eq!(found(&ada, GROUPS, &format!("members eq \"{}\"", id_of(&made))).await, [""; 0]);
        }
    }

    async fn the_last_seat_is_taken_once(app: App) {
        let (ada, _) = world(&app).await;
        app.admin().ok("mutation { updateOrganization(where: {id: \"acme\"}, data: {seatLimit: 3}) { id } }", json!({})).await;
        let calls = (0..5).map(|n| (Method::POST, USERS.to_owned(), user_of(json!({"userName": format!("u{n}")})))).collect();
        assert_eq!(at_once(&ada, calls).await, [201, 403, 403, 403, 403]);
    }
}
