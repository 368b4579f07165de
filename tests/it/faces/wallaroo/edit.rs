//! `POST /v1/api/user`, which sets all of a user.

use serde_json::{Value, json};

use super::{EDIT, INVITE, World, seats};
use crate::on_both;
use crate::support::App;

fn edit(id: &str, admin: bool) -> Value {
    json!({"id": id, "first_name": "Ann", "last_name": "Lee", "email": "lee@acme.example", "enabled": true, "is_admin": admin})
}

async fn roles(app: &App, id: &str) -> Vec<String> {
    let roles = app.admin().read_user(id).await["roles"].as_array().unwrap().clone();
    roles
        .iter()
        .map(|role| role["name"].as_str().unwrap().to_owned())
        .collect()
}

on_both! {
    async fn all_of_a_user_is_set(app: App) {
        let world = World::new(&app).await;
        let shown = world.ada.mlops(EDIT, edit("ann", false)).await;
        assert_eq!(shown["id"], "ann");
        for (key, value) in [("firstName", "Ann"), ("lastName", "Lee"), ("email", "lee@acme.example"), ("username", "lee@acme.example")] {
            assert_eq!(shown[key], value);
        }
        assert_eq!((&shown["enabled"], shown.get("realmRoles")), (&json!(true), None));
        assert_eq!(roles(&app, "ann").await, ["user"], "not an administrator before, nor after");
        // As the SDK's generated client spells it.
        let body = json!({"id": "ann", "firstName": "A", "lastName": "", "email": "ANN@acme.example", "enabled": false, "isAdmin": false});
        let shown = world.ada.mlops(EDIT, body).await;
        assert_eq!((&shown["firstName"], shown.get("lastName"), &shown["enabled"]), (&json!("A"), None, &json!(false)));
        assert_eq!(shown["email"], "ann@acme.example");
    }

    async fn administrators_are_made_by_administrators(app: App) {
        let world = World::new(&app).await;
        world.ada.mlops(EDIT, edit("ann", true)).await;
        assert_eq!(roles(&app, "ann").await, ["organization-admin"]);
        assert_eq!(world.ada.everybody().await["ann"]["realmRoles"], json!(["admin"]));
        world.ada.mlops(EDIT, edit("ann", true)).await;
        assert_eq!(roles(&app, "ann").await, ["organization-admin"]);
        world.ann.mlops(INVITE, json!({"email": "by.ann@acme.example"})).await;
        world.ada.mlops(EDIT, edit("ann", false)).await;
        assert_eq!(roles(&app, "ann").await, ["user"]);
        assert_eq!(world.ann.mlops_refused(EDIT, edit("ann", true)).await.0, 401, "nobody raises themselves");
        // Other roles stay as they are.
        let lead = json!({"id": "lead", "first_name": "L", "last_name": "L", "email": "lead@acme.example", "enabled": true, "is_admin": false});
        app.user("acme", "lead", Some("team-manager")).await;
        world.ada.mlops(EDIT, lead).await;
        assert_eq!(roles(&app, "lead").await, ["team-manager"]);
    }

    async fn what_cannot_be_set(app: App) {
        let world = World::new(&app).await;
        for field in ["id", "first_name", "last_name", "email", "enabled", "is_admin"] {
            for wrong in [None, Some(Value::Null), Some(json!(7)), Some(json!([])), Some(if field == "enabled" || field == "is_admin" { json!("true") } else { json!(true) })] {
                let mut body = edit("ann", false);
                match &wrong {
                    Some(wrong) => body[field] = wrong.clone(),
                    None => drop(body.as_object_mut().unwrap().remove(field)),
                }
                let (status, text) = world.ada.mlops_refused(EDIT, body).await;
                assert_eq!(status, 400, "{field} {wrong:?}");
                assert!(text.contains(field), "{field} {wrong:?}: {text}");
            }
        }
        for unknown in ["nobody", "eve", "", "\u{0}"] {
            assert_eq!(world.ada.mlops_refused(EDIT, edit(unknown, false)).await.0, 400, "{unknown}");
        }
        let with = |field: &str, value: Value| { let mut body = edit("ann", false); body[field] = value; body };
        for wrong in [with("email", json!("ada@acme.example")), with("email", json!("")), with("email", json!("x")),
            with("first_name", json!("a\u{202e}b")), with("last_name", json!("x".repeat(256)))] {
            assert_eq!(world.ada.mlops_refused(EDIT, wrong.clone()).await.0, 400, "{wrong}");
        }
        let myself = |enabled, admin| json!({"id": "ada", "first_name": "", "last_name": "", "email": "ada@acme.example", "enabled": enabled, "is_admin": admin});
        assert_eq!(world.ada.mlops_refused(EDIT, myself(false, true)).await.0, 400, "oneself");
        assert_eq!(world.ada.mlops_refused(EDIT, myself(true, false)).await.0, 400, "oneself");
        let changed = world.ada.mlops(EDIT, with("enabled", json!(false))).await;
        assert_eq!(changed["enabled"], false);
        seats(&app, "acme", 1).await;
        assert_eq!(world.ada.mlops_refused(EDIT, edit("ann", false)).await.0, 403);
    }
}
