//! Passwords: the worst, the temporary, and resets asked for by anybody.

use futures::future::join_all;
use serde_json::{Value, json};
use tenantry::directory::password;
use tenantry::directory::user::Target;
use tenantry::model::error::ErrorCode;
use tenantry::services::hasher::{Checked, Password};
use tenantry::{authn, context};

use crate::on_both;
use crate::support::{App, Caller};

const CHANGE: &str = "mutation($where: UserWhere!, $data: UpdatePasswordData!) { updatePassword(where: $where, data: $data) { id mustChangePassword } }";
const REQUEST: &str = "mutation($e: String!) { requestPasswordReset(email: $e) }";
const COMPLETE: &str = "mutation($t: String!, $p: String!) { completePasswordReset(token: $t, newPassword: $p) }";

fn change(user: Value, old: &str, new: &str) -> Value {
    json!({"where": user, "data": {"oldPassword": old, "newPassword1": new, "newPassword2": new}})
}

/// What runs as this user, as the router would make it.
async fn context_of(app: &App, caller: &Caller<'_>) -> context::OpContext {
    let key = caller.key.clone().unwrap();
    let credential = authn::Credential::Key(&key);
    let services = &app.services;
    let actor = services
        .credentials
        .actor(&services.db, &services.signing, credential, services.clock.now())
        .await
        .unwrap();
    context::OpContext::new(std::sync::Arc::clone(services), actor, "test")
}

async fn verifies(app: &App, id: &str, password: &str) -> bool {
    let row = app.user_row(id).await;
    let hash = row.password_hash.as_deref();
    let checked = app.services.hasher.verify(None, &Password::new(password), hash).await;
    checked.unwrap() != Checked::Wrong
}

on_both! {
    async fn the_worst_passwords_and_ones_own_names_are_refused(app: App) {
        app.organization("acme", &[]).await;
        let ada = app.user("acme", "ada-lovelace", None).await;
        let me = json!({"id": "ada-lovelace"});
        let old = "password-of-ada-lovelace";
        for new in ["password1", "PASSWORD1", "12345678", "Qwertyuiop", "ada-lovelace", "ADA-LOVELACE@acme.example", "seven77", &"x".repeat(129), "nul\u{0}inside", old] {
            assert_eq!(ada.refused(CHANGE, change(me.clone(), old, new)).await, "INVALID", "{new}");
        }
        let create = "mutation($p: String!) { createUser(data: {id: \"grace-hopper\", email: \"grace@acme.example\", organizationId: \"acme\", password: $p}) { id } }";
        for new in ["password1", "Grace-Hopper", "grace@acme.example"] {
            assert_eq!(app.admin().refused(create, json!({"p": new})).await, "INVALID", "{new}");
        }
        ada.ok("mutation { resetPassword(where: {id: \"ada-lovelace\"}) { id } }", json!({})).await;
        let token = app.mailed_token();
        for new in ["password1", "ada-lovelace"] {
            assert_eq!(app.anonymous().refused(COMPLETE, json!({"t": token, "p": new})).await, "INVALID");
        }
        // A change voids what was mailed before it.
        ada.ok(CHANGE, change(me, old, "eight-88")).await;
        assert_eq!(app.anonymous().refused(COMPLETE, json!({"t": token, "p": "a brand new one"})).await, "INVALID");
        assert!(verifies(&app, "ada-lovelace", "eight-88").await);
    }

    async fn an_administrator_needs_the_old_password_too(app: App) {
        app.organization("acme", &[]).await;
        app.organization("other", &[]).await;
        let chief = app.user("acme", "chief", Some("organization-admin")).await;
        let ada = app.user("acme", "ada", Some("user")).await;
        app.user("other", "olga", None).await;
        let him = json!({"email": "ADA@acme.example"});
        assert_eq!(chief.refused(CHANGE, change(him.clone(), "wrong", "a brand new one")).await, "INVALID");
        assert_eq!(chief.refused(CHANGE, change(json!({"id": "olga"}), "password-of-olga", "a brand new one")).await, "NOT_FOUND");
        assert_eq!(ada.refused(CHANGE, change(json!({"id": "chief"}), "password-of-chief", "a brand new one")).await, "FORBIDDEN");
        assert_eq!(chief.refused(CHANGE, change(json!({"id": "admin"}), "x", "a brand new one")).await, "NOT_FOUND");
        chief.ok(CHANGE, change(him, "password-of-ada", "a brand new one")).await;
        assert!(verifies(&app, "ada", "a brand new one").await);
    }

    async fn a_temporary_password_changes_itself_and_nothing_else(app: App) {
        app.organization("acme", &[]).await;
        app.user("acme", "ada", None).await;
        let admin = app.admin();
        let made = admin.ok("mutation { createUserWithPassword(data: {id: \"new\", email: \"new@acme.example\", organizationId: \"acme\"}) { password } }", json!({})).await;
        let temporary = made["createUserWithPassword"]["password"].as_str().unwrap().to_owned();
        assert!(password::must_change(&app.user_row("new").await));
        assert!(!password::must_change(&app.user_row("ada").await));
        let nobody = app.anonymous();
        let by_email = json!({"email": "New@acme.example"});
        let refusal = |user: Value, old: &str| { let variables = change(user, old, "a brand new one"); let asking = app.anonymous(); async move { asking.refusal(CHANGE, variables).await } };
        let wrong = refusal(by_email.clone(), "wrong password").await;
        assert_eq!(wrong["extensions"]["code"], "UNAUTHENTICATED");
        // Unknown, malformed, and the right password that is not temporary: in the same words.
        assert_eq!(refusal(json!({"email": "nobody@acme.example"}), "wrong password").await["message"], wrong["message"]);
        assert_eq!(refusal(json!({"email": "no address"}), "wrong password").await["message"], wrong["message"]);
        assert_eq!(refusal(json!({"email": "ada@acme.example"}), "password-of-ada").await["message"], wrong["message"]);
        for user in [by_email.clone(), json!({"id": "new"}), json!({"email": "nobody@acme.example"})] {
            assert_eq!(nobody.refused(CHANGE, change(user, "wrong password", "a brand new one")).await, "UNAUTHENTICATED");
        }
        // By id it needs a credential, whatever the password.
        assert_eq!(nobody.refused(CHANGE, change(json!({"id": "new"}), &temporary, "a brand new one")).await, "UNAUTHENTICATED");
        // Deactivated is told to whoever has the right one only.
        admin.ok("mutation { deactivateUser(where: {id: \"new\"}) { id } }", json!({})).await;
        assert_eq!(nobody.refused(CHANGE, change(by_email.clone(), &temporary, "a brand new one")).await, "FORBIDDEN");
        assert_eq!(nobody.refused(CHANGE, change(by_email.clone(), "wrong password", "a brand new one")).await, "UNAUTHENTICATED");
        admin.ok("mutation { activateUser(where: {id: \"new\"}) { id } }", json!({})).await;
        assert_eq!(nobody.refused(CHANGE, change(by_email.clone(), &temporary, &temporary)).await, "INVALID");
        assert_eq!(nobody.refused(CHANGE, change(by_email.clone(), &temporary, "new@ACME.example")).await, "INVALID");
        // Of several at once, one goes through; afterwards it is a password like any other.
        let changes = (0..4).map(|n| { let variables = change(by_email.clone(), &temporary, &format!("a brand new one {n}")); let asking = app.anonymous(); async move { asking.send(CHANGE, variables).await } });
        let answers = join_all(changes).await;
        let done: Vec<&Value> = answers.iter().filter(|answer| answer["errors"].is_null()).collect();
        assert_eq!(done.len(), 1, "{answers:?}");
        assert_eq!(done[0]["data"]["updatePassword"], json!({"id": "new", "mustChangePassword": false}));
        assert_eq!(nobody.refused(CHANGE, change(by_email, &temporary, "a brand new one")).await, "UNAUTHENTICATED");
    }

    async fn one_sets_ones_own_password_and_is_told_by_mail(app: App) {
        app.organization("acme", &[]).await;
        let chief = app.user("acme", "chief", Some("organization-admin")).await;
        let ada = app.user("acme", "ada", None).await;
        let as_ada = context_of(&app, &ada).await;
        let as_chief = context_of(&app, &chief).await;
        let before = app.dump().await;
        let refused = [
            password::set_own(&as_chief, &Target::id("ada"), &Password::new("a brand new one")).await.unwrap_err().code(),
            password::set_own(&as_ada, &Target::id("chief"), &Password::new("a brand new one")).await.unwrap_err().code(),
            password::set_own(&as_ada, &Target::id("nobody"), &Password::new("a brand new one")).await.unwrap_err().code(),
            password::set_own(&as_ada, &Target::id("ada"), &Password::new("password1")).await.unwrap_err().code(),
        ];
        assert_eq!(refused, [ErrorCode::Forbidden, ErrorCode::Forbidden, ErrorCode::Forbidden, ErrorCode::Invalid]);
        assert_eq!((before, 0), (app.dump().await, app.mails().len()));
        password::set_own(&as_ada, &Target::id("ada"), &Password::new("a brand new one")).await.unwrap();
        assert!(verifies(&app, "ada", "a brand new one").await && !verifies(&app, "ada", "password-of-ada").await);
        app.send_mails().await;
        let mails = app.mails();
        assert!(mails.len() == 1 && mails[0].contains("To: ada@acme.example") && mails[0].contains("password"), "{mails:?}");
    }

    /// A key that may little must not become one that may all by way of the password.
    async fn a_limited_key_sets_no_password(app: App) {
        app.organization("acme", &[]).await;
        let ada = app.user("acme", "ada", Some("organization-admin")).await;
        let make = "mutation { createApiKey(data: {name: \"little\", permissions: [\"read:databases\"]}) { secret } }";
        let made = ada.ok(make, json!({})).await["createApiKey"]["secret"].as_str().unwrap().to_owned();
        let little = context_of(&app, &app.key(made)).await;
        let before = app.dump().await;
        let refused = password::set_own(&little, &Target::id("ada"), &Password::new("a brand new one")).await.unwrap_err();
        assert_eq!(refused.code(), ErrorCode::Forbidden, "{refused}");
        assert_eq!((before, 0), (app.dump().await, app.mails().len()));
    }

    async fn anybody_asks_for_a_reset_and_learns_nothing(app: App) {
        app.organization("acme", &[]).await;
        app.user("acme", "ada", None).await;
        app.user("acme", "off", None).await;
        app.admin().ok("mutation { deactivateUser(where: {id: \"off\"}) { id } }", json!({})).await;
        for email in ["ADA@acme.example", "off@acme.example", "nobody@acme.example", "no address", ""] {
            let answer = app.anonymous().send(REQUEST, json!({"e": email})).await;
            assert_eq!(answer, json!({"data": {"requestPasswordReset": true}}), "{email}");
        }
        let mails = app.mails();
        assert!(mails.len() == 1 && mails[0].contains("To: ada@acme.example"), "{mails:?}");
        let token = app.mailed_token();
        // A mailbox is not flooded, however often somebody asks.
        for _ in 0..8 {
            app.anonymous().ok(REQUEST, json!({"e": "ada@acme.example"})).await;
        }
        assert_eq!(app.mails().len(), 3);
        app.anonymous().ok(COMPLETE, json!({"t": token, "p": "a brand new one"})).await;
        assert!(verifies(&app, "ada", "a brand new one").await);
        // Another of the links is void with it.
        assert_eq!(app.anonymous().refused(COMPLETE, json!({"t": app.mailed_token(), "p": "yet another one"})).await, "INVALID");
    }

    async fn a_reset_clears_a_temporary_password_once(app: App) {
        app.organization("acme", &[]).await;
        app.admin().ok("mutation { createUserWithPassword(data: {id: \"new\", email: \"new@acme.example\", organizationId: \"acme\"}) { password } }", json!({})).await;
        app.admin().ok("mutation { resetPassword(where: {id: \"new\"}) { id } }", json!({})).await;
        let token = app.mailed_token();
        let tries = (0..4).map(|n| { let given = json!({"t": token, "p": format!("a brand new one {n}")}); let asking = app.anonymous(); async move { asking.send(COMPLETE, given).await["errors"].is_null() } });
        assert_eq!(join_all(tries).await.into_iter().filter(|done| *done).count(), 1);
        assert!(!password::must_change(&app.user_row("new").await));
    }
}
