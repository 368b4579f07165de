//! `users/invite`, `users/deactivate` and `users/activate`.

use serde_json::{Value, json};

use super::{ACTIVATE, DEACTIVATE, INVITE, World, seats};
use crate::on_both;
use crate::support::App;
use crate::support::documents::USER;
use crate::support::session::code_of;

const PASSWORD: &str = "Brass-kettle-27";

async fn by_email(app: &App, email: &str) -> Value {
    let document =
        format!("query($email: String!) {{ users(where: {{email: $email}}) {{ {USER} mustChangePassword }} }}");
    app.admin().ok(&document, json!({ "email": email })).await["users"][0].clone()
}

on_both! {
    async fn a_user_is_made_with_the_password_given(app: App) {
        let world = World::new(&app).await;
        let made = world.ada.mlops(INVITE, json!({"email": "New+1@Acme.Example", "password": PASSWORD, "unknown": {}})).await;
        let user = by_email(&app, "new+1@acme.example").await;
        assert_eq!(made, json!({"id": user["id"], "password": PASSWORD}));
        assert_eq!(user["email"], "new+1@acme.example");
        assert_eq!((&user["organizationId"], &user["activated"]), (&json!("acme"), &json!(true)));
        assert_eq!(user["roles"], json!([{"name": "user"}]), "whoever is given no roles is a user");
        assert_eq!(user["mustChangePassword"], false);
        let shown = &world.ada.everybody().await[made["id"].as_str().unwrap()];
        assert_eq!(shown["requiredActions"], json!([]));
        assert_eq!((&shown["username"], &shown["email"]), (&json!("new+1@acme.example"), &json!("new+1@acme.example")));
        assert_eq!(code_of(&app.try_sign_in(None, "new+1@acme.example", PASSWORD).await), "OK");
        assert_eq!(app.mails().len(), 0);
    }

    async fn a_password_that_is_made_here_is_temporary(app: App) {
        let world = World::new(&app).await;
        for (n, body) in [json!({}), json!({"password": null}), json!({"require_reset": false}), json!({"require_reset": null, "roles": null})].into_iter().enumerate() {
            let mut body = body;
            body["email"] = json!(format!("new{n}@acme.example"));
            let made = world.ada.mlops(INVITE, body).await;
            let email = format!("new{n}@acme.example");
            let password = made["password"].as_str().unwrap();
            assert!(password.len() >= 12, "{made}");
            assert_eq!(by_email(&app, &email).await["mustChangePassword"], true);
            assert_eq!(world.ada.everybody().await[made["id"].as_str().unwrap()]["requiredActions"], json!(["UPDATE_PASSWORD"]));
            assert_eq!(code_of(&app.try_sign_in(None, &email, password).await), "PASSWORD_CHANGE_REQUIRED");
        }
        let made = world.ada.mlops(INVITE, json!({"email": "given@acme.example", "password": PASSWORD, "require_reset": true})).await;
        assert_eq!(made["password"], PASSWORD);
        assert_eq!(code_of(&app.try_sign_in(None, "given@acme.example", PASSWORD).await), "PASSWORD_CHANGE_REQUIRED");
    }

    async fn roles_may_be_named(app: App) {
        let world = World::new(&app).await;
        app.admin().ok("mutation { createRole(data: {name: \"painter\", organizationId: \"acme\", permissions: []}) { id } }", json!({})).await;
        for (n, (roles, expected)) in [
            (json!([]), json!(["user"])),
            (json!(["user"]), json!(["user"])),
            (json!(["painter", "api-user"]), json!(["api-user", "painter"])),
            (json!(["admin"]), json!(["organization-admin"])),
            (json!(["admin", "user"]), json!(["organization-admin", "user"])),
        ].into_iter().enumerate() {
            let email = format!("new{n}@acme.example");
            world.ada.mlops(INVITE, json!({"email": email, "password": PASSWORD, "roles": roles})).await;
            let names: Vec<Value> = by_email(&app, &email).await["roles"].as_array().unwrap().iter().map(|role| role["name"].clone()).collect();
            assert_eq!(Value::from(names), expected, "{roles}");
        }
        let (status, text) = world.ada.mlops_refused(INVITE, json!({"email": "x@acme.example", "roles": ["wizard"]})).await;
        assert_eq!(status, 400);
        assert!(text.contains("wizard"), "{text}");
        let beyond = json!({"email": "x@acme.example", "roles": ["super-admin"]});
        assert_eq!(world.ada.mlops_refused(INVITE, beyond).await.0, 401, "nobody grants more than they hold");
    }

    async fn an_invitation_that_cannot_be(app: App) {
        let world = World::new(&app).await;
        world.ada.mlops(DEACTIVATE, json!({"email": "ann@acme.example"})).await;
        for taken in ["ada@acme.example", "ADA@ACME.example", "ann@acme.example"] {
            let (status, text) = world.ada.mlops_refused(INVITE, json!({"email": taken, "password": PASSWORD})).await;
            assert_eq!(status, 400, "{taken}");
            assert!(text.contains(&taken.to_lowercase()), "{text}");
        }
        // An address that somebody has in another organization is free here.
        world.ada.mlops(INVITE, json!({"email": "eve@evil.example", "password": PASSWORD})).await;
        for wrong in [json!({}), json!({"email": null}), json!({"email": 7}), json!({"email": ["x@acme.example"]}), json!({"email": ""}),
            json!({"email": "x"}), json!({"email": "x@"}), json!({"email": "x y@acme.example"}), json!({"email": "x@acme.example\u{0}"}),
            json!({"email": format!("{}@acme.example", "x".repeat(300))})] {
            assert_eq!(world.ada.mlops_refused(INVITE, wrong.clone()).await.0, 400, "{wrong}");
        }
        for (field, wrong) in [("password", json!(7)), ("password", json!({})), ("password", json!("short")), ("password", json!("")),
            ("password", json!("x@acme.example")), ("roles", json!("user")), ("roles", json!([1])), ("roles", json!([null])), ("roles", json!({})),
            ("require_reset", json!("yes")), ("require_reset", json!(1)), ("require_reset", json!([true]))] {
            let mut body = json!({"email": "x@acme.example"});
            body[field] = wrong.clone();
            assert_eq!(world.ada.mlops_refused(INVITE, body).await.0, 400, "{field} {wrong}");
        }
    }

    async fn invited_by_a_super_admin_one_comes_to_its_own_organization(app: App) {
        World::new(&app).await;
        app.admin().mlops(INVITE, json!({"email": "new@platform.example", "password": PASSWORD})).await;
        assert_eq!(by_email(&app, "new@platform.example").await["organizationId"], "platform");
        for path in [DEACTIVATE, ACTIVATE] {
            assert_eq!(app.admin().mlops_refused(path, json!({"email": "eve@evil.example"})).await.0, 400, "{path}");
        }
    }

    async fn seats_are_the_only_403(app: App) {
        let world = World::new(&app).await;
        seats(&app, "acme", 2).await;
        let (status, text) = world.ada.mlops_refused(INVITE, json!({"email": "new@acme.example", "password": PASSWORD})).await;
        assert_eq!(status, 403);
        assert!(text.contains("seats"), "{text}");
        world.ada.mlops(DEACTIVATE, json!({"email": "ann@acme.example"})).await;
        world.ada.mlops(INVITE, json!({"email": "new@acme.example", "password": PASSWORD})).await;
        assert_eq!(world.ada.mlops_refused(ACTIVATE, json!({"email": "ann@acme.example"})).await.0, 403);
        // Whoever is active already takes no further seat.
        world.ada.mlops(ACTIVATE, json!({"email": "new@acme.example"})).await;
    }

    async fn deactivating_and_activating(app: App) {
        let world = World::new(&app).await;
        let tokens = app.sign_in("acme", "ann").await;
        for email in ["Ann@ACME.example", "ann@acme.example"] {
            assert_eq!(world.ada.mlops(DEACTIVATE, json!({"email": email})).await, json!({}), "also when it is so already");
            assert_eq!(by_email(&app, "ann@acme.example").await["activated"], false);
        }
        for gone in [&world.ann, &app.key(&tokens.access)] {
            assert_eq!(gone.mlops_refused(super::QUERY, json!({})).await.0, 401);
        }
        assert_eq!(code_of(&app.try_refresh(&tokens.refresh).await), "UNAUTHENTICATED");
        assert_eq!(code_of(&app.try_sign_in(None, "ann@acme.example", "password-of-ann").await), "FORBIDDEN");
        for email in ["ANN@acme.example", "ann@acme.example"] {
            assert_eq!(world.ada.mlops(ACTIVATE, json!({"email": email})).await, json!({}));
            assert_eq!(by_email(&app, "ann@acme.example").await["activated"], true);
        }
        assert_eq!(world.ann.everybody().await.len(), 1, "the key was not revoked");
    }

    async fn nobody_is_found_by_a_part_of_an_address(app: App) {
        let world = World::new(&app).await;
        app.user("acme", "joann", Some("user")).await;
        for path in [DEACTIVATE, ACTIVATE] {
            for unknown in ["n@acme.example", "ann@acme.exampl", "ann", "%", "", "nobody@acme.example", "eve@evil.example", "ann@acme.example\u{0}"] {
                let refused = world.ada.mlops_refused(path, json!({"email": unknown})).await;
                let text = format!("No user has the e-mail address '{}'.", unknown.replace('\0', "\u{fffd}"));
                assert_eq!(refused, (400, text), "{path}");
            }
            for wrong in [json!({}), json!({"email": null}), json!({"email": 7}), json!({"email": ["ann@acme.example"]}), json!({"user": "ann@acme.example"})] {
                assert_eq!(world.ada.mlops_refused(path, wrong.clone()).await.0, 400, "{path} {wrong}");
            }
        }
        assert_eq!(world.ada.mlops_refused(DEACTIVATE, json!({"email": "ada@acme.example"})).await.0, 400, "oneself");
        assert_eq!(world.ada.mlops(ACTIVATE, json!({"email": "ada@acme.example"})).await, json!({}));
    }
}
