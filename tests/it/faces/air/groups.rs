//! Section 4: groups.

use axum::http::Method;
use serde_json::{Value, json};

use super::{GROUPS, delete, get, many, post, put, refused, world};
use crate::on_both;
use crate::support::{App, Caller};

fn at(key: &str) -> String {
    format!("{GROUPS}/{key}")
}

async fn keys(caller: &Caller<'_>) -> Vec<String> {
    let groups = get(caller, GROUPS).await;
    assert_eq!(groups.as_object().unwrap().len(), 1, "{groups}");
    let groups = groups["groups"].as_array().unwrap().iter();
    groups.map(|group| group["id"].as_str().unwrap().to_owned()).collect()
}

on_both! {
    async fn a_group_is_made_read_renamed_and_deleted(app: App) {
        let (ada, _) = world(&app).await;
        assert_eq!(get(&ada, GROUPS).await, json!({ "groups": [] }));
        let made = post(&ada, GROUPS, json!({ "name": "  Editors ", "description": "They edit.\nAll day.", "id": "MINE", "x": null })).await;
        let editors = json!({ "id": "EDITORS", "name": "Editors", "description": "They edit.\nAll day." });
        assert_eq!(made, editors);
        assert_eq!(made.as_object().unwrap().keys().collect::<Vec<_>>(), ["id", "name", "description"]);
        assert_eq!(get(&ada, &at("EDITORS")).await, editors);
        assert_eq!(get(&ada, GROUPS).await, json!({ "groups": [editors] }));
        let seen = ada.ok("{ groups { key name description } }", json!({})).await;
        assert_eq!(seen["groups"], json!([{ "key": "EDITORS", "name": "Editors", "description": "They edit.\nAll day." }]));

        // The id stays, whatever the name becomes; what is left out stays too.
        let renamed = put(&ada, &at("EDITORS"), json!({ "name": "Video Editors", "id": "VIDEO_EDITORS" })).await;
        assert_eq!(renamed, json!({ "id": "EDITORS", "name": "Video Editors", "description": "They edit.\nAll day." }));
        let described = put(&ada, &at("EDITORS"), json!({ "description": "" })).await;
        assert_eq!(described, json!({ "id": "EDITORS", "name": "Video Editors", "description": "" }));
        let before = app.dump().await;
        assert_eq!(put(&ada, &at("EDITORS"), json!({})).await, described);
        assert_eq!(put(&ada, &at("EDITORS"), json!({ "name": "Video Editors ", "description": "" })).await, described);
        assert_eq!(before, app.dump().await);
        // It stays taken, and the other one is free.
        refused(&ada, 400, Method::POST, GROUPS, Some(&json!({ "name": "Editors" }))).await;
        assert_eq!(post(&ada, GROUPS, json!({ "name": "Video Editors" })).await, json!({ "id": "VIDEO_EDITORS", "name": "Video Editors", "description": "" }));
        refused(&ada, 400, Method::POST, GROUPS, Some(&json!({ "name": "video-editors" }))).await;

        assert_eq!(delete(&ada, &at("EDITORS")).await, json!({ "ok": true }));
        let gone = refused(&ada, 404, Method::DELETE, &at("EDITORS"), None).await;
        assert_eq!(refused(&ada, 404, Method::GET, &at("EDITORS"), None).await, gone);
        assert_eq!(refused(&ada, 404, Method::PUT, &at("EDITORS"), Some(&json!({ "name": "X" }))).await, gone);
        assert_eq!(keys(&ada).await, ["VIDEO_EDITORS"]);
        let told: Vec<String> = app.column("SELECT action FROM audit_events WHERE target_kind = 'group' ORDER BY pk").await;
        assert_eq!(told, ["group.create", "group.update", "group.update", "group.create", "group.delete"]);
    }

    async fn the_id_is_made_from_the_name(app: App) {
        let (ada, _) = world(&app).await;
        for (name, key) in [
            ("Editors", "EDITORS"), ("Video Editors", "VIDEO_EDITORS"), ("R&D / (beta)", "R_D_BETA"), ("_x_", "X"), ("7", "7"),
            ("Größe", "GRÖSSE"), ("Команда 1", "КОМАНДА_1"), ("編集-部", "編集_部"), ("é", "É"), ("a--b__c", "A_B_C"), ("½ cup", "½_CUP"),
        ] {
            let made = post(&ada, GROUPS, json!({ "name": name })).await;
            assert_eq!(made, json!({ "id": key, "name": name, "description": "" }));
            let encoded: String = key.bytes().map(|byte| format!("%{byte:02X}")).collect();
            assert_eq!(get(&ada, &at(&encoded)).await, made);
            delete(&ada, &at(&encoded)).await;
        }
        for name in ["", " ", "\u{a0}", "!?", "___", "\u{0}", "a\u{0}", "a\nb", &"x".repeat(256), "🎉"] {
            refused(&ada, 400, Method::POST, GROUPS, Some(&json!({ "name": name }))).await;
        }
        post(&ada, GROUPS, json!({ "name": "Editors" })).await;
        for name in ["editors", "EDITORS!", "  Editors", "(editors)"] {
            refused(&ada, 400, Method::POST, GROUPS, Some(&json!({ "name": name }))).await;
        }
        // A name may change into one without letters, since the id stays.
        for name in ["", " ", "a\u{0}", &"x".repeat(256)] {
            refused(&ada, 400, Method::PUT, &at("EDITORS"), Some(&json!({ "name": name }))).await;
        }
        // An id is that very text.
        for key in ["editors", "Editors", "EDITORS%20", "%00", "%FF", "EDITOR", &"X".repeat(300)] {
            refused(&ada, 404, Method::GET, &at(key), None).await;
            refused(&ada, 404, Method::DELETE, &at(key), None).await;
            refused(&ada, 404, Method::PUT, &at(key), Some(&json!({ "name": "X" }))).await;
        }
    }

    async fn wrong_types_are_refused(app: App) {
        let (ada, _) = world(&app).await;
        post(&ada, GROUPS, json!({ "name": "Editors", "description": "They edit." })).await;
        refused(&ada, 400, Method::POST, GROUPS, Some(&json!({}))).await;
        refused(&ada, 400, Method::POST, GROUPS, Some(&json!({ "description": "x" }))).await;
        for wrong in [json!(null), json!(1), json!(false), json!(["x"]), json!({})] {
            refused(&ada, 400, Method::POST, GROUPS, Some(&json!({ "name": wrong }))).await;
            refused(&ada, 400, Method::POST, GROUPS, Some(&json!({ "name": "X", "description": wrong }))).await;
            refused(&ada, 400, Method::PUT, &at("EDITORS"), Some(&json!({ "name": wrong }))).await;
            refused(&ada, 400, Method::PUT, &at("EDITORS"), Some(&json!({ "name": "X", "description": wrong }))).await;
        }
        refused(&ada, 400, Method::PUT, &at("EDITORS"), Some(&json!({ "description": "x".repeat(2001) }))).await;
    }

    async fn two_organizations_have_a_group_of_the_same_id(app: App) {
        let (ada, _) = world(&app).await;
        let (gus, root) = (app.key_of("gus").await, app.admin());
        let ours = post(&ada, GROUPS, json!({ "name": "Editors", "description": "ours" })).await;
        let theirs = post(&gus, GROUPS, json!({ "name": "Editors", "description": "theirs" })).await;
        assert_eq!((&ours["id"], &theirs["id"]), (&json!("EDITORS"), &json!("EDITORS")));
        // A super admin's are those of the own organization, as if there were no others.
        refused(&root, 404, Method::GET, &at("EDITORS"), None).await;
        refused(&root, 404, Method::PUT, &at("EDITORS"), Some(&json!({ "name": "X" }))).await;
        refused(&root, 404, Method::DELETE, &at("EDITORS"), None).await;
        assert_eq!(keys(&root).await, [""; 0]);
        post(&root, GROUPS, json!({ "name": "Editors", "description": "the platform's" })).await;
        put(&ada, &at("EDITORS"), json!({ "name": "Writers" })).await;
        assert_eq!(get(&gus, &at("EDITORS")).await, theirs);
        assert_eq!(get(&root, &at("EDITORS")).await["description"], "the platform's");
        delete(&gus, &at("EDITORS")).await;
        assert_eq!(get(&ada, &at("EDITORS")).await["name"], "Writers");
        // Another organization's is as one that nobody has.
        post(&gus, GROUPS, json!({ "name": "Theirs" })).await;
        let unknown = refused(&ada, 404, Method::GET, &at("UNKNOWN"), None).await;
        assert_eq!(refused(&ada, 404, Method::GET, &at("THEIRS"), None).await, unknown.replace("UNKNOWN", "THEIRS"));
    }

    async fn the_list_is_whole(app: App) {
        let (ada, _) = world(&app).await;
        let columns = "id, organization_pk, key, name, version, created_at, updated_at";
        let values = "'g-' || {i}, (SELECT pk FROM organizations WHERE id = 'acme'), 'G_' || {i}, 'g ' || {i}, 1, 5, 5";
        many(&app, 1100, "groups", columns, values).await;
        let all = keys(&ada).await;
        assert_eq!(std::collections::BTreeSet::from_iter(&all).len(), 1100);
        assert_eq!(all.len(), 1100);
        assert_eq!(keys(&app.key_of("gus").await).await, [""; 0]);
    }

    async fn only_who_may_reads_and_changes_groups(app: App) {
        let (ada, ann) = world(&app).await;
        post(&ada, GROUPS, json!({ "name": "Editors" })).await;
        let body = json!({ "name": "X" });
        let abe = app.user("acme", "abe", Some("admin")).await;
        for caller in [&ann, &abe] {
            for key in ["EDITORS", "UNKNOWN"] {
                refused(caller, 401, Method::GET, &at(key), None).await;
                refused(caller, 401, Method::PUT, &at(key), Some(&body)).await;
                refused(caller, 401, Method::DELETE, &at(key), None).await;
            }
            refused(caller, 401, Method::GET, GROUPS, None).await;
            refused(caller, 401, Method::POST, GROUPS, Some(&body)).await;
        }
        // A team manager manages groups, but none whose roles permit more.
        let tim = app.user("acme", "tim", Some("team-manager")).await;
        post(&tim, GROUPS, json!({ "name": "Team" })).await;
        ada.ok("mutation { createGroup(data: {name: \"Chiefs\", roles: [\"organization-admin\"]}) { id } }", json!({})).await;
        assert_eq!(get(&tim, &at("CHIEFS")).await["name"], "Chiefs");
        refused(&tim, 401, Method::PUT, &at("CHIEFS"), Some(&body)).await;
        refused(&tim, 401, Method::DELETE, &at("CHIEFS"), None).await;
        // A rename leaves a group's roles.
        put(&ada, &at("CHIEFS"), json!({ "name": "Bosses" })).await;
        let roles: Value = ada.ok("{ groups(where: {key: \"CHIEFS\"}) { name roles { name } } }", json!({})).await;
        assert_eq!(roles["groups"], json!([{ "name": "Bosses", "roles": [{ "name": "organization-admin" }] }]));
    }
}
