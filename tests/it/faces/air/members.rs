//! Section 5: users in groups.

use axum::http::{Method, StatusCode};
use serde_json::{Value, json};

use super::{GROUPS, answered, delete, get, hex, many, post, put, refused, world};
use crate::on_both;
use crate::support::{App, Caller};

fn groups_of(user: &str) -> String {
    format!("/api/data/v3/users/{user}/groups")
}

fn member(user: &str, group: &str) -> String {
    format!("/api/data/v3/users/{user}/groups/{group}")
}

/// A membership is put without a body.
async fn add(caller: &Caller<'_>, user: &str, group: &str) {
    let answer = answered(caller, StatusCode::OK, Method::PUT, &member(user, group), None).await;
    assert_eq!(answer, json!({ "ok": true }));
}

async fn remove(caller: &Caller<'_>, user: &str, group: &str) {
    assert_eq!(delete(caller, &member(user, group)).await, json!({ "ok": true }));
}

on_both! {
    async fn users_join_and_leave_as_often_as_one_likes(app: App) {
        let (ada, _) = world(&app).await;
        post(&ada, GROUPS, json!({ "name": "Editors", "description": "They edit." })).await;
        assert_eq!(get(&ada, &groups_of("ann")).await, json!({ "groups": [] }));
        add(&ada, "ann", "EDITORS").await;
        let before = app.dump().await;
        add(&ada, "ann", "EDITORS").await;
        // A body that comes all the same is not looked at.
        let odd = answered(&ada, StatusCode::OK, Method::PUT, &member("ann", "EDITORS"), Some(&json!([1]))).await;
        assert_eq!(odd, json!({ "ok": true }));
        assert_eq!(before, app.dump().await);
        // Its present name, and no description here.
        put(&ada, &format!("{GROUPS}/EDITORS"), json!({ "name": "Video Editors" })).await;
        let listed = get(&ada, &groups_of("ann")).await;
        assert_eq!(listed, json!({ "groups": [{ "id": "EDITORS", "name": "Video Editors" }] }));
        let seen = ada.ok("{ groups { key users { id } } }", json!({})).await;
        assert_eq!(seen["groups"], json!([{ "key": "EDITORS", "users": [{ "id": "ann" }] }]));
        remove(&ada, "ann", "EDITORS").await;
        let before = app.dump().await;
        remove(&ada, "ann", "EDITORS").await;
        remove(&ada, "ada", "EDITORS").await;
        assert_eq!(before, app.dump().await);
        assert_eq!(get(&ada, &groups_of("ann")).await, json!({ "groups": [] }));
        let told: Vec<String> = app.column("SELECT action FROM audit_events WHERE action LIKE 'group.%User' ORDER BY pk").await;
        assert_eq!(told, ["group.addUser", "group.removeUser"]);
        // By the other form of an id.
        let made = post(&ada, "/api/data/users", json!({ "email": "new@acme.example", "password": "Brass-kettle-27-hums" })).await;
        let id = made["id"].as_str().unwrap();
        let uuid = uuid::Uuid::parse_str(id).unwrap().hyphenated().to_string();
        assert_eq!(hex(&uuid), id);
        add(&ada, id, "EDITORS").await;
        assert_eq!(get(&ada, &groups_of(&uuid)).await["groups"][0]["id"], "EDITORS");
        remove(&ada, &uuid, "EDITORS").await;
        assert_eq!(get(&ada, &groups_of(id)).await, json!({ "groups": [] }));
    }

    async fn a_group_made_again_starts_empty(app: App) {
        let (ada, _) = world(&app).await;
        post(&ada, GROUPS, json!({ "name": "Editors" })).await;
        add(&ada, "ann", "EDITORS").await;
        add(&ada, "ada", "EDITORS").await;
        delete(&ada, &format!("{GROUPS}/EDITORS")).await;
        assert_eq!(get(&ada, &groups_of("ann")).await, json!({ "groups": [] }));
        post(&ada, GROUPS, json!({ "name": "editors" })).await;
        for user in ["ann", "ada"] {
            assert_eq!(get(&ada, &groups_of(user)).await, json!({ "groups": [] }));
        }
        assert_eq!(ada.ok("{ groups { users { id } } }", json!({})).await["groups"], json!([{ "users": [] }]));
    }

    async fn what_is_not_there_or_elsewhere_is_refused(app: App) {
        let (ada, _) = world(&app).await;
        let (gus, root) = (app.key_of("gus").await, app.admin());
        post(&ada, GROUPS, json!({ "name": "Editors" })).await;
        post(&gus, GROUPS, json!({ "name": "Theirs" })).await;
        post(&root, GROUPS, json!({ "name": "Ours" })).await;
        for method in [Method::PUT, Method::DELETE] {
            for (caller, user, group) in [
                (&ada, "unknown", "EDITORS"), (&ada, "gil", "EDITORS"), (&ada, "ann", "UNKNOWN"), (&ada, "ann", "THEIRS"),
                (&ada, "gil", "THEIRS"), (&ada, "ann", "editors"), (&ada, "%00", "EDITORS"), (&ada, "ann", "%00"), (&ada, "%FF", "EDITORS"),
                (&root, "ann", "EDITORS"), (&root, "ann", "OURS"), (&root, "gil", "THEIRS"), (&root, "admin", "EDITORS"),
            ] {
                refused(caller, 404, method.clone(), &member(user, group), None).await;
            }
            let unknown = refused(&ada, 404, method.clone(), &member("unknown", "EDITORS"), None).await;
            assert_eq!(refused(&ada, 404, method, &member("gil", "EDITORS"), None).await, unknown.replace("unknown", "gil"));
        }
        let unknown = refused(&ada, 404, Method::GET, &groups_of("unknown"), None).await;
        assert_eq!(refused(&ada, 404, Method::GET, &groups_of("gil"), None).await, unknown.replace("unknown", "gil"));
        refused(&root, 404, Method::GET, &groups_of("ann"), None).await;
        // Two organizations' groups of one id keep their members apart.
        post(&gus, GROUPS, json!({ "name": "Editors" })).await;
        add(&gus, "gil", "EDITORS").await;
        add(&ada, "ann", "EDITORS").await;
        delete(&gus, &format!("{GROUPS}/EDITORS")).await;
        assert_eq!(get(&ada, &groups_of("ann")).await["groups"][0]["id"], "EDITORS");
        assert_eq!(get(&gus, &groups_of("gil")).await, json!({ "groups": [] }));
    }

    async fn nobody_joins_by_themselves(app: App) {
        let (ada, ann) = world(&app).await;
        post(&ada, GROUPS, json!({ "name": "Editors" })).await;
        post(&ada, GROUPS, json!({ "name": "Writers" })).await;
        add(&ada, "ann", "WRITERS").await;
        add(&ada, "ada", "WRITERS").await;
        for (user, group) in [("ann", "EDITORS"), ("ada", "EDITORS"), ("ann", "WRITERS"), ("ann", "UNKNOWN"), ("unknown", "EDITORS")] {
            refused(&ann, 401, Method::PUT, &member(user, group), None).await;
            refused(&ann, 401, Method::DELETE, &member(user, group), None).await;
        }
        // One's own groups one sees, nobody else's.
        assert_eq!(get(&ann, &groups_of("ann")).await, json!({ "groups": [{ "id": "WRITERS", "name": "Writers" }] }));
        let seen = refused(&ann, 401, Method::GET, &groups_of("ada"), None).await;
        for id in ["unknown", "gil"] {
            assert_eq!(refused(&ann, 401, Method::GET, &groups_of(id), None).await, seen);
        }
        // Who reads users and not groups sees their own as well, and is told no of others.
        ada.ok("mutation { createRole(data: {name: \"reader\", permissions: [\"read:user\"]}) { id } }", json!({})).await;
        let reader = app.user("acme", "rea", Some("reader")).await;
        assert_eq!(get(&reader, &groups_of("rea")).await, json!({ "groups": [] }));
        refused(&reader, 401, Method::GET, &groups_of("ann"), None).await;
        // A group's roles bound who puts somebody into it.
        let tim = app.user("acme", "tim", Some("team-manager")).await;
        ada.ok("mutation { createGroup(data: {name: \"Chiefs\", roles: [\"organization-admin\"]}) { id } }", json!({})).await;
        add(&tim, "ann", "EDITORS").await;
        refused(&tim, 401, Method::PUT, &member("tim", "CHIEFS"), None).await;
        refused(&tim, 401, Method::PUT, &member("ann", "CHIEFS"), None).await;
    }

    async fn a_users_groups_are_listed_whole(app: App) {
        let (ada, ann) = world(&app).await;
        let columns = "id, organization_pk, key, name, version, created_at, updated_at";
        let values = "'g-' || {i}, (SELECT pk FROM organizations WHERE id = 'acme'), 'G_' || {i}, 'g ' || {i}, 1, 5, 5";
        many(&app, 501, "groups", columns, values).await;
        let of_ann = "(SELECT pk FROM groups WHERE id = 'g-' || {i}), (SELECT pk FROM users WHERE id = 'ann'),
            (SELECT pk FROM organizations WHERE id = 'acme'), 5";
        many(&app, 501, "group_members", "group_pk, user_pk, organization_pk, created_at", of_ann).await;
        for caller in [&ada, &ann] {
            let listed = get(caller, &groups_of("ann")).await;
            let mut names: Vec<&str> = listed["groups"].as_array().unwrap().iter().map(|group| group["name"].as_str().unwrap()).collect();
            names.sort_unstable();
            names.dedup();
            assert_eq!(names.len(), 501);
            assert!(listed["groups"].as_array().unwrap().iter().all(|group| group.as_object().unwrap().len() == 2));
        }
        let none: Value = get(&ada, &groups_of("ada")).await;
        assert_eq!(none, json!({ "groups": [] }));
    }
}
