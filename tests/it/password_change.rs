//! Passwords as their owners and administrators set them: with the old one, a temporary one, and by oneself; and which are
//! too weak.

use std::time::Duration;

use futures::future::join_all;
use serde_json::{Value, json};
use tenantry::directory::password;
use tenantry::directory::user::Target;
use tenantry::model::error::ErrorCode;
use tenantry::services::hasher::{Checked, Password};
use tenantry::{authn, context};

use super::password_reset::COMPLETE;
use crate::on_both;
use crate::support::documents::{CREATE_USER, counted, outcomes};
use crate::support::{App, Caller};

pub const UPDATE: &str = "mutation($id: ID, $email: String, $old: String!, $new: String!, $again: String!) {
    updatePassword(where: {id: $id, email: $email}, data: {oldPassword: $old, newPassword1: $new, newPassword2: $again}) { id } }";
const CHANGE: &str = "mutation($where: UserWhere!, $data: UpdatePasswordData!) { updatePassword(where: $where, data: $data) { id mustChangePassword } }";

/// Whether this is a user's password: who knows it may change it to the same.
pub async fn is_password(app: &App, id: &str, password: &str) -> bool {
    let op = app.machine();
    let hash: Vec<Option<String>> = app
        .column(&format!("SELECT password_hash FROM users WHERE id = '{id}'"))
        .await;
    let checked = op
        .hasher()
        .verify(None, &Password::new(password), hash[0].as_deref())
        .await;
    checked.unwrap() != Checked::Wrong
}

/// The variables of [`UPDATE`].
pub fn passwords(id: &str, old: &str, new: &str) -> Value {
    json!({"id": id, "old": old, "new": new, "again": new})
}

/// The variables of [`CHANGE`].
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
        .actor(
            &services.db,
            &services.signing,
            credential,
            authn::Accepted::Own,
            services.clock.now(),
        )
        .await
        .unwrap();
    context::OpContext::new(std::sync::Arc::clone(services), actor, "test")
}

on_both! {
    async fn a_password_changes_with_the_old_one(app: App) {
        app.organization("acme", &[]).await;
        let ada = app.user("acme", "ada", None).await;
        // Ten wrong ones do no harm.
        for n in 0..10 {
            let error = ada.refusal(UPDATE, passwords("ada", &format!("wrong {n}"), "a new password")).await;
            assert_eq!(error["extensions"], json!({"code": "INVALID", "field": "data.oldPassword"}));
            assert!(error["message"].as_str().unwrap().contains("password"));
        }
        app.services.clock.advance(Duration::from_secs(1));
        assert_eq!(ada.ok(UPDATE, passwords("ada", "password-of-ada", "a new password")).await["updatePassword"]["id"], "ada");
        assert!(is_password(&app, "ada", "a new password").await && !is_password(&app, "ada", "password-of-ada").await);
        assert_eq!(app.admin().read_user("ada").await["updatedAt"], "2026-01-02T03:04:06.006Z");
        // Keys go on: who holds one is not signed in by the password.
        assert_eq!(ada.status().await, 200);
        // By address, in any case, by an administrator, with the old password too.
        let chief = app.user("acme", "chief", Some("organization-admin")).await;
        let by_address = json!({"email": "ADA@acme.example", "old": "a new password", "new": "another new one", "again": "another new one"});
        chief.ok(UPDATE, by_address).await;
        assert!(is_password(&app, "ada", "another new one").await);
    }

    async fn an_old_password_is_not_guessed_for_ever(app: App) {
        app.organization("acme", &[]).await;
        let ada = app.user("acme", "ada", None).await;
        let chief = app.user("acme", "chief", Some("organization-admin")).await;
        // Some who have no address, too.
        app.admin().ok("mutation { createUser(data: {id: \"x\", organizationId: \"acme\", password: \"password-of-x\"}) { id } }", json!({})).await;
        // Whose bucket it is does not depend on what somebody may be called: that of signing in is another's.
        app.organization("globex", &[]).await;
        app.admin().ok("mutation { createUser(data: {id: \"ada@acme.example\", organizationId: \"globex\", password: \"password-of-ada@acme.example\"}) { id } }", json!({})).await;
        let admin = app.admin();
        let may_sign_in = async || {
            let answer = app.try_sign_in(None, "ada@acme.example", "wrong").await;
            answer["errors"][0]["extensions"]["code"] != "RATE_LIMITED"
        };
        for (caller, id) in [(&ada, "ada"), (&chief, "x"), (&admin, "ada@acme.example")] {
            let right = format!("password-of-{id}");
            let wrong = |n: usize| passwords(id, &format!("wrong {n}"), "a new password");
            let guesses = futures::future::join_all((0..30).map(|n| caller.send(UPDATE, wrong(n)))).await;
            assert_eq!(outcomes(&guesses), counted([("INVALID", 20), ("RATE_LIMITED", 10)]));
            let told = caller.refusal(UPDATE, passwords(id, &right, "a new password")).await;
            assert_eq!(told["extensions"]["code"], "RATE_LIMITED");
            let seconds = told["extensions"]["retryAfterSeconds"].as_u64().unwrap();
            assert!(is_password(&app, id, &right).await, "refused, and unchanged");
            // Another's is another count.
            chief.refusal(UPDATE, passwords("chief", "wrong", "a new password")).await;
            app.services.clock.advance(Duration::from_secs(seconds));
            while may_sign_in().await {}
            caller.ok(UPDATE, passwords(id, &right, "a new password")).await;
            assert!(!may_sign_in().await, "a known old password is no way past the delays of signing in");
            // The right one clears the count.
            caller.refusal(UPDATE, wrong(0)).await;
            caller.ok(UPDATE, passwords(id, "a new password", &right)).await;
        }
    }

    async fn a_refused_change_changes_nothing(app: App) {
        app.organization("acme", &[]).await;
        let ada = app.user("acme", "ada", Some("user")).await;
        let chief = app.user("acme", "chief", Some("organization-admin")).await;
        let right = "password-of-ada";
        for (new, again, field) in [
            ("a new password", "another password", "newPassword2"),
            ("short 7", "short 7", "newPassword1"),
            ("", "", "newPassword1"),
            (&"x".repeat(129), &"x".repeat(129), "newPassword1"),
            ("a new\u{0} password", "a new\u{0} password", "newPassword1"),
            ("password123", "password123", "newPassword1"),
        ] {
            let variables = json!({"id": "ada", "old": right, "new": new, "again": again});
            let error = ada.refusal(UPDATE, variables.clone()).await;
            assert_eq!(error["extensions"], json!({"code": "INVALID", "field": format!("data.{field}")}), "{new}");
            assert_eq!(ada.refused(UPDATE, variables).await, "INVALID");
        }
        for (caller, id, code) in [
            (&ada, "chief", "FORBIDDEN"), (&ada, "nobody", "FORBIDDEN"), (&chief, "nobody", "NOT_FOUND"), (&chief, "admin", "NOT_FOUND"),
            (&app.anonymous(), "ada", "UNAUTHENTICATED"),
        ] {
            assert_eq!(caller.refused(UPDATE, passwords(id, right, "a new password")).await, code, "{id}");
        }
        assert_eq!(chief.refused(UPDATE, passwords("ada", "password-of-chief", "a new password")).await, "INVALID");
        let no_name = json!({"old": right, "new": "a new password", "again": "a new password"});
        assert_eq!(ada.refused(UPDATE, no_name).await, "INVALID");
        // Nor does a user without a password have an old one.
        app.admin().create_user(json!({"id": "bare", "organizationId": "acme"})).await;
        for old in ["", "anything"] {
            assert_eq!(chief.refused(UPDATE, passwords("bare", old, "a new password")).await, "INVALID");
        }
    }

    async fn a_password_is_neither_short_nor_long_nor_common(app: App) {
        for (n, password) in ["12345678 ", "päßwört!", &"x".repeat(127), &"日".repeat(128)].into_iter().enumerate() {
            app.admin().create_user(json!({"id": format!("u{n}"), "password": password})).await;
        }
        for password in ["", "1234567", &"日".repeat(129), "a\u{0}bcdefghijk", "12345678", "password", "PassWord1", "qwertyuiop"] {
            let error = app.admin().refusal(CREATE_USER, json!({"data": {"id": "new", "password": password}})).await;
            assert_eq!(error["extensions"], json!({"code": "INVALID", "field": "data.password"}), "{password}");
            assert!(password.is_empty() || password == "password" || !error["message"].as_str().unwrap().contains(password));
        }
    }

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
            assert_eq!(app.anonymous().refused(COMPLETE, json!({"token": token, "new": new})).await, "INVALID");
        }
        // A change voids what was mailed before it.
        ada.ok(CHANGE, change(me, old, "eight-88")).await;
        assert_eq!(app.anonymous().refused(COMPLETE, json!({"token": token, "new": "a brand new one"})).await, "INVALID");
        assert!(is_password(&app, "ada-lovelace", "eight-88").await);
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
        assert!(is_password(&app, "ada", "a brand new one").await);
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
        assert!(is_password(&app, "ada", "a brand new one").await && !is_password(&app, "ada", "password-of-ada").await);
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
}
